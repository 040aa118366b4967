"""SciPy's functions, a module for each of SciPy's."""

from steepest.trace.functions.scipy import fft, integrate, interpolate, linalg, optimize, special

__all__ = ["fft", "integrate", "interpolate", "linalg", "optimize", "special"]
