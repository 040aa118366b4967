"""NumPy's reductions."""

from steepest.trace.functions.numpy.reductions import (
    extremes,
    running,
    shared,
    sums,
    without_nan,
)

__all__ = ["extremes", "running", "shared", "sums", "without_nan"]
