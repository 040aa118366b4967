"""Calls of SciPy's functions that are compositions, by the function's full name."""

from tests.cases import scipy_interpolate, scipy_linalg, scipy_optimize

CASES = {**scipy_linalg.CASES, **scipy_interpolate.CASES, **scipy_optimize.CASES}
