"""SciPy's functions, a module for each of SciPy's; special functions have two.

Special functions are ufuncs, which traced code finds by their names. All others are registered
when traced code first meets something of SciPy's: few functions do.
"""

from steepest.trace.following.stand_ins import WITH_SCIPY
from steepest.trace.functions.scipy import special


def _register() -> None:
    from steepest.trace.functions.scipy import (  # noqa: F401
        fft,
        fftpack,
        integrate,
        interpolate,
        linalg,
        ndimage,
        optimize,
        signal,
        sparse,
        spatial,
        special_compositions,
        stats,
    )


WITH_SCIPY.append(_register)

__all__ = ["special"]
