"""Functions of complex numbers, each as two rows: its real part and its imaginary part.

Their slopes follow from one complex derivative by Cauchy and Riemann's equations. A row takes
the function's parameters, then the real and the imaginary part of the number.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from steepest.ops.aliases import Array
from steepest.ops.elementwise.special.rows import HOST_CASES, Special, hosted
from steepest.ops.row import Domain


@dataclass(frozen=True, eq=False)
class Holomorphic:
    """A function of a complex number.

    Attributes
    ----------
    real, imag
        Its two parts, functions of the parameters and the two parts of the number.
    """

    real: Special
    imag: Special

    def __call__(self, *operands: Array) -> Array:
        """Return the function of the parameters and a complex number."""
        *parameters, z = operands
        parts = (*parameters, np.real(z), np.imag(z))
        return self.real(*parts) + 1j * self.imag(*parts)


def holomorphic(
    name: str,
    slope: Callable[..., Array],
    *parameters: tuple[float, float],
    place: tuple[float, ...] = (),
    call: Callable[..., Any] | None = None,
    box: tuple[tuple[float, float], tuple[float, float]] = ((0.5, 2.0), (0.5, 2.0)),
    **more: Any,
) -> Holomorphic:
    """Return a function of a complex number, with its derivative.

    Parameters
    ----------
    name
        SciPy's name.
    slope
        NumPy code of ``(value, *parameters, z)``.
    *parameters
        Where tests draw the parameters, whose slopes are not known.
    place
        Parameters of the point where tests look closely.
    call
        Calls SciPy's function, if it takes its arguments in another order.
    box
        Where tests draw the two parts.
    **more
        See :func:`special`.
    """

    def value(*operands: Array) -> Any:
        *given, x, y = operands
        z = np.empty(np.broadcast_shapes(np.shape(x), np.shape(y)), np.result_type(x, 1j))
        z.real, z.imag = x, y
        if call is not None:
            return call(importlib.import_module("scipy.special"), *given, z)
        return getattr(importlib.import_module("scipy.special"), name)(*given, z)

    def derivative(*operands: Array) -> Array:
        *given, x, y = operands
        z = x + 1j * y
        return slope(made(*given, z), *given, z)

    unknown = (None,) * len(parameters)
    count = len(parameters) + 2
    domain = Domain((*parameters, *box), HOST_CASES[count], special=((*place, 1.0, 0.5),))
    made: Holomorphic = Holomorphic(
        hosted(
            f"{name}.real",
            *unknown,
            lambda w, *operands: np.real(derivative(*operands)),
            lambda w, *operands: -np.imag(derivative(*operands)),
            domain=domain,
            evaluate=lambda *operands: np.real(value(*operands)).copy(),
            **more,
        ),
        hosted(
            f"{name}.imag",
            *unknown,
            lambda w, *operands: np.imag(derivative(*operands)),
            lambda w, *operands: np.real(derivative(*operands)),
            domain=domain,
            evaluate=lambda *operands: np.imag(value(*operands)).copy(),
            **more,
        ),
    )
    return made
