"""One file a theorem: the file name is the id, the docstring the statement, the body its check."""
