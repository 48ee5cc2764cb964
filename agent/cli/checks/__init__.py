"""What polegate doctor looks at, one module a subject: looking apart from judging."""
