"""SciPy's functions, a module for each of SciPy's."""

from steepest.trace.functions.scipy import interpolate, linalg, special

__all__ = ["interpolate", "linalg", "special"]
