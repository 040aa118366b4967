"""SciPy's functions, a module for each of SciPy's."""

from steepest.trace.functions.scipy import integrate, special

__all__ = ["integrate", "special"]
