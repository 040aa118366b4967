"""NumPy's functions and methods, as ops and compositions of ops; importing registers them."""

from steepest.trace.functions import (
    applying,
    complex,
    creating,
    differences,
    elementwise,
    fourier,
    joining,
    linear,
    picking,
    products,
    python,
    reductions,
    settings,
    shaping,
    sorting,
    special,
)

__all__ = [
    "applying",
    "complex",
    "creating",
    "differences",
    "elementwise",
    "fourier",
    "joining",
    "linear",
    "picking",
    "products",
    "python",
    "reductions",
    "settings",
    "shaping",
    "sorting",
    "special",
]
