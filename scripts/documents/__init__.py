"""What the documents are generated from: messages and tables, made by the real code."""
