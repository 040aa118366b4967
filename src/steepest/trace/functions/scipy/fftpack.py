"""SciPy's older names of Fourier transforms: `scipy.fftpack`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import steepest.trace.functions.scipy.fft  # noqa: F401 - it registers what is called here
from steepest.trace.following.namespaces import SEEN_BY_NAME
from steepest.trace.functions.registry import ArrayLike
from steepest.trace.functions.scipy.registry import of_scipy

_UNSCALED_INVERSES = {1: 1, 2: 3, 3: 2, 4: 4}
"""The types of the forward transforms that the inverse cosine and sine transforms are here."""


def _newer(name: str) -> Callable[..., Any]:
    function: Callable[..., Any] = SEEN_BY_NAME[f"scipy.fft.{name}"]
    return function


def _along_one(name: str) -> Callable[..., Any]:
    def implementation(
        x: ArrayLike, n: int | None = None, axis: int = -1, overwrite_x: bool = False
    ) -> Any:
        return _newer(name)(x, n, axis)

    implementation.__name__ = name
    return implementation


def _along_several(name: str) -> Callable[..., Any]:
    default: Any = (-2, -1) if name.endswith("2") else None

    def implementation(
        x: ArrayLike, shape: Any = None, axes: Any = default, overwrite_x: bool = False
    ) -> Any:
        return _newer(name)(x, shape, axes)

    implementation.__name__ = name
    return implementation


def _real(name: str) -> Callable[..., Any]:
    def implementation(
        x: ArrayLike, type: int = 2, n: int | None = None, axis: int = -1,
        norm: str | None = None, overwrite_x: bool = False,
    ) -> Any:  # fmt: skip
        if name.startswith("i") and norm is None:
            return _newer(name[1:])(x, _UNSCALED_INVERSES.get(type, type), n, axis)
        return _newer(name)(x, type, n, axis, norm)

    implementation.__name__ = name
    return implementation


for _name in ("fft", "ifft"):
    of_scipy("fftpack")(_along_one(_name))
for _name in ("fft2", "ifft2", "fftn", "ifftn"):
    of_scipy("fftpack")(_along_several(_name))
for _name in ("dct", "idct", "dst", "idst"):
    of_scipy("fftpack")(_real(_name))
