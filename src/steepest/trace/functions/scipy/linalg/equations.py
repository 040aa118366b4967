"""Functions of matrices and equations for matrices, as `scipy.linalg` has them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from steepest.errors import UnsupportedError
from steepest.graph.source import at, user_source
from steepest.ops.linear_algebra.equations import sylvester
from steepest.ops.linear_algebra.general_functions import NAMES, general_function
from steepest.ops.linear_algebra.matrices import swap
from steepest.trace.arrays.dispatch import demand
from steepest.trace.functions.registry import Array, ArrayLike, MatrixError
from steepest.trace.functions.scipy.registry import (
    demand_one_of,
    floats,
    of_scipy,
    square_matrix,
)

_WHICH_MAY_BE_COMPLEX = ("sqrtm", "logm")


def _function_of_matrix(name: str) -> Callable[..., Any]:
    def implementation(A: ArrayLike) -> Array:
        a = square_matrix(name, A)
        value, where = general_function(a, of=name), at(user_source())
        if name in _WHICH_MAY_BE_COMPLEX:
            demand(
                np.all(np.isfinite(value)) | ~np.all(np.isfinite(a)),
                lambda: UnsupportedError(
                    f"scipy.linalg.{name} of a matrix{where} with an eigenvalue that is not "
                    "positive is complex, which cannot be recorded"
                ),
            )
        return value

    implementation.__name__ = name
    return implementation


for _name in NAMES:
    of_scipy("linalg")(_function_of_matrix(_name))


@of_scipy("linalg")
def solve_sylvester(a: ArrayLike, b: ArrayLike, q: ArrayLike) -> Array:
    a, b, q = floats(square_matrix("solve_sylvester", a), square_matrix("solve_sylvester", b), q)
    if q.shape != (*a.shape[:-1], b.shape[-1]):
        raise MatrixError(
            f"scipy.linalg.solve_sylvester{at(user_source())}: shapes {a.shape}, {b.shape} and "
            f"{q.shape} do not fit"
        )
    return sylvester(a, b, q)


@of_scipy("linalg")
def solve_continuous_lyapunov(a: ArrayLike, q: ArrayLike) -> Array:
    a, q = floats(
        square_matrix("solve_continuous_lyapunov", a),
        square_matrix("solve_continuous_lyapunov", q),
    )
    return sylvester(a, swap(a), q)


@of_scipy("linalg")
def solve_discrete_lyapunov(a: ArrayLike, q: ArrayLike, method: str | None = None) -> Array:
    demand_one_of("linalg.solve_discrete_lyapunov", "method", method, (None, "direct", "bilinear"))
    a, q = floats(
        square_matrix("solve_discrete_lyapunov", a), square_matrix("solve_discrete_lyapunov", q)
    )
    n = a.shape[-1]
    if method == "direct" or (method is None and n < 10):  # as SciPy chooses
        whole = np.eye(n * n, dtype=a.dtype) - np.kron(a, a)
        return np.reshape(np.linalg.solve(whole, np.ravel(q)), q.shape)
    eye = np.eye(n, dtype=a.dtype)
    inverse = np.linalg.inv(swap(a) + eye)
    b = np.matmul(swap(a) - eye, inverse)
    c = 2 * np.matmul(np.matmul(np.linalg.inv(a + eye), q), inverse)
    return sylvester(swap(b), b, -c)
