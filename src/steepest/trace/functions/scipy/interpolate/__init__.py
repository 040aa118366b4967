"""SciPy's interpolation: pieces of polynomials, B-splines, and values on grids."""

from steepest.trace.functions.scipy.interpolate import (
    bsplines,
    collocation,
    cubic,
    fitpack,
    grids,
    interp1d,
    periods,
    piecewise,
)

__all__ = [
    "bsplines",
    "collocation",
    "cubic",
    "fitpack",
    "grids",
    "interp1d",
    "periods",
    "piecewise",
]
