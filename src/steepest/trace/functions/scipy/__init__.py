"""SciPy's functions, a module for each of SciPy's; special functions have three.

Special functions are ufuncs, which traced code finds by their names. All others are registered
when traced code first meets something of the same module of SciPy's: few functions do.
"""

import importlib

from steepest.trace.following.stand_ins import WITH_SCIPY
from steepest.trace.functions.scipy import special

_MODULES = (
    "fft", "fftpack", "integrate", "interpolate", "linalg", "ndimage", "optimize", "signal",
    "sparse", "spatial", "stats",
)  # fmt: skip


_SPECIAL = ("special_compositions", "special_harmonics")


def recorders(module: str) -> tuple[str, ...]:
    """Return what records one of SciPy's modules; everything, for a name that is not known."""
    if module == "special":
        return _SPECIAL
    return (module,) if module in _MODULES else (*_MODULES, *_SPECIAL)


def register(module: str) -> None:
    """Import what records one of SciPy's modules."""
    for name in recorders(module):
        importlib.import_module(f"{__name__}.{name}")


WITH_SCIPY.append(register)

__all__ = ["recorders", "special"]
