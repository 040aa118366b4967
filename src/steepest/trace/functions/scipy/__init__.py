"""SciPy's functions, a module for each of SciPy's."""

from steepest.trace.functions.scipy import interpolate, linalg, optimize, special

__all__ = ["interpolate", "linalg", "optimize", "special"]
