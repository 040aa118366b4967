"""SciPy's functions, a module for each of SciPy's."""

from steepest.trace.functions.scipy import linalg, special

__all__ = ["linalg", "special"]
