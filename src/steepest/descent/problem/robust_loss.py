"""Robust losses rho(z) of a squared residual z: they grow more slowly than z.

Each is close to z for small z. Residuals are in units of `scale`.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from typing import Any

import numpy as np

from steepest.errors import InputError, SettingError


def huber(z: Any) -> Any:
    """Return z up to 1, and ``2 * sqrt(z) - 1`` beyond (Huber 1964)."""
    return np.where(z <= 1, z, 2 * np.sqrt(z) - 1)


def soft_l1(z: Any) -> Any:
    """Return ``2 * (sqrt(1 + z) - 1)``, a smooth version of :func:`huber`."""
    return 2 * (np.sqrt(1 + z) - 1)


def cauchy(z: Any) -> Any:
    """Return ``log(1 + z)``."""
    return np.log1p(z)


def arctan(z: Any) -> Any:
    """Return ``arctan(z)``, which is bounded."""
    return np.arctan(z)


LOSSES: dict[str, Callable[[Any], Any] | None] = {
    "linear": None,
    "huber": huber,
    "soft_l1": soft_l1,
    "cauchy": cauchy,
    "arctan": arctan,
}
"""Robust losses by SciPy's names; None is the square itself."""


def loss_called(loss: str | Callable[[Any], Any]) -> Callable[[Any], Any] | None:
    """Return the robust loss of a name, or the function that is given.

    Raises
    ------
    InputError
        For an unknown name.
    SettingError
        If it is neither a name nor a function.
    """
    if callable(loss):
        return loss
    if not isinstance(loss, str):
        raise SettingError(f"loss must be a name such as 'huber' or a function, got {loss!r}")
    if loss not in LOSSES:
        near = difflib.get_close_matches(loss, LOSSES, n=1, cutoff=0.4)
        guess = f" (did you mean {near[0]!r}?)" if near else ""
        raise InputError(f"unknown loss {loss!r}{guess}: choose one of {', '.join(LOSSES)}")
    return LOSSES[loss]
