"""How SciPy's functions are registered, and what their implementations share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from steepest.errors import InputError
from steepest.graph.source import at, user_source
from steepest.trace.arrays.array import as_traced
from steepest.trace.following.namespaces import SEEN_BY_NAME
from steepest.trace.functions.registry import Array, ArrayLike, Harmless, MatrixError, refusing

_IS_ANY: Harmless = lambda value: True

WITHOUT_EFFECT = dict.fromkeys(
    ("overwrite_a", "overwrite_b", "overwrite_ab", "overwrite_x", "overwrite_data",
     "check_finite", "lapack_driver", "driver", "lwork", "workers"), _IS_ANY,
)  # fmt: skip
"""Arguments that only choose how SciPy computes; what is not finite gives NaN when recorded."""


def of_scipy(module: str, **harmless: Harmless) -> Callable[..., Any]:
    """Register the implementation of a function of one of SciPy's modules, by its name.

    Parameters
    ----------
    module
        SciPy's module, such as "linalg".
    **harmless
        Arguments that the implementation ignores, each with a test for values that have no
        effect; :data:`WITHOUT_EFFECT` has those that many functions share.
    """

    def register(implementation: Callable[..., Any]) -> Callable[..., Any]:
        name = f"scipy.{module}.{implementation.__name__}"
        SEEN_BY_NAME[name] = refusing(implementation, name, WITHOUT_EFFECT | harmless)
        return implementation

    return register


def floating(x: ArrayLike) -> Array:
    """Return a traced array of floats: float32 stays as it is, whole numbers become float64."""
    x = as_traced(x)
    return x if x.dtype.kind == "f" and not x.weak else x.astype(np.float64)


def floats(*arrays: ArrayLike) -> list[Array]:
    """Return traced arrays of one floating dtype."""
    given = [floating(x) for x in arrays]
    dtype = np.result_type(*(x.dtype for x in given))
    return [x.astype(dtype) for x in given]


def demand_one_of(name: str, argument: str, value: Any, known: tuple[Any, ...]) -> None:
    """Raise unless an argument has one of the values that SciPy knows."""
    if value not in known:
        raise InputError(
            f"scipy.{name}{at(user_source())}: {argument}={value!r} must be one of "
            f"{', '.join(map(repr, known))}"
        )


def square_matrix(name: str, a: ArrayLike) -> Array:
    """Return square matrices of floats, or raise."""
    a = floating(a)
    if a.ndim < 2 or a.shape[-1] != a.shape[-2]:
        raise MatrixError(
            f"scipy.linalg.{name}{at(user_source())}: an array of shape {a.shape} must be square "
            "along its last two axes"
        )
    return a
