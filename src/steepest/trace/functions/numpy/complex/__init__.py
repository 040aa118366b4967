"""NumPy's functions of complex arrays."""

from steepest.trace.functions.numpy.complex import elementwise, functions

__all__ = ["elementwise", "functions"]
