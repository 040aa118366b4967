"""Functions that are called as they are: their names, arguments and results."""
