"""NumPy's functions and methods, as ops and compositions of ops; importing registers them."""

from steepest.trace.functions import elementwise, products, reductions, shapes

__all__ = ["elementwise", "products", "reductions", "shapes"]
