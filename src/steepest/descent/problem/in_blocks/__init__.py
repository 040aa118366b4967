"""Data of fits that are read in blocks of rows."""
