"""The command line: one verb a module, imported when called."""
