"""NumPy's functions and methods, as ops and compositions of ops."""

from steepest.trace.functions.numpy import (
    applying,
    complex,
    creating,
    elementwise,
    fourier,
    indexers,
    indexing_functions,
    joining,
    linear,
    numerical,
    polynomials,
    products,
    reductions,
    shaping,
    sorting,
    ufunc_methods,
)

__all__ = [
    "applying",
    "complex",
    "creating",
    "elementwise",
    "fourier",
    "indexers",
    "indexing_functions",
    "joining",
    "linear",
    "numerical",
    "polynomials",
    "products",
    "reductions",
    "shaping",
    "sorting",
    "ufunc_methods",
]
