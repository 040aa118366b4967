"""Calls of SciPy's functions that are compositions, by the function's full name."""

from tests.cases import (
    scipy_fft,
    scipy_integrate,
    scipy_interpolate,
    scipy_linalg,
    scipy_ndimage,
    scipy_optimize,
    scipy_signal,
    scipy_sparse,
    scipy_spatial,
)

CASES = {
    **scipy_fft.CASES,
    **scipy_integrate.CASES,
    **scipy_interpolate.CASES,
    **scipy_linalg.CASES,
    **scipy_ndimage.CASES,
    **scipy_optimize.CASES,
    **scipy_signal.CASES,
    **scipy_sparse.CASES,
    **scipy_spatial.CASES,
}
