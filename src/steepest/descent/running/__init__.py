"""Compilation and runs of problems, and their results."""
