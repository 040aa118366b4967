"""Calls of the entry points: SciPy's names of arguments, its own solvers, and wrong names."""
