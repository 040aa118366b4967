"""Systems with sparse matrices, as `scipy.sparse.linalg` has them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from steepest.errors import InputError
from steepest.graph.source import at, user_source
from steepest.ops.linear_algebra.sparse import sparse_solve
from steepest.trace.arrays.refusals import refuse
from steepest.trace.following.stand_ins import MADE_OUTSIDE, LibraryObject, See
from steepest.trace.functions.registry import Array, ArrayLike, Harmless
from steepest.trace.functions.scipy.registry import demand_one_of, floating, of_scipy
from steepest.trace.functions.scipy.sparse.matrices import Sparse

_IS_ANY: Harmless = lambda value: True


def _solved(a: Any, b: ArrayLike, transposed: bool = False) -> Array:
    if not isinstance(a, Sparse):
        refuse(f"scipy.sparse.linalg with a matrix of type {type(a).__name__}")
    if isinstance(b, Sparse):
        refuse("scipy.sparse.linalg with a sparse right-hand side")
    b = floating(b).astype(np.float64)
    if a.shape[0] != a.shape[1] or b.ndim not in (1, 2) or b.shape[0] != a.shape[0]:
        raise InputError(
            f"scipy.sparse.linalg{at(user_source())}: a matrix of shape {a.shape} and a "
            f"right-hand side of shape {b.shape} do not fit"
        )
    column = b[:, None] if b.ndim == 1 else b
    x = sparse_solve(a.data.astype(np.float64), a.rows, a.columns, column, transposed=transposed)
    return x[:, 0] if b.ndim == 1 else x


@of_scipy("sparse.linalg", permc_spec=_IS_ANY, use_umfpack=_IS_ANY)
def spsolve(
    A: Any, b: ArrayLike, permc_spec: str | None = None, use_umfpack: bool = True
) -> Array:
    x = _solved(A, b)
    return x[:, 0] if x.ndim == 2 and x.shape[1] == 1 else x


@of_scipy("sparse.linalg")
def factorized(A: Any) -> Callable[[Any], Any]:
    return lambda b: _solved(A, b)


class Factors(LibraryObject):
    """The LU factors of a sparse matrix, as `splu` returns them."""

    def __init__(self, matrix: Any) -> None:
        self._matrix, self.shape = matrix, matrix.shape

    def solve(self, rhs: ArrayLike, trans: str = "N") -> Array:
        """Return the solution of a system with the matrix, or with its transpose."""
        demand_one_of("sparse.linalg.SuperLU.solve", "trans", trans, ("N", "T", "H"))
        return _solved(self._matrix, rhs, trans != "N")


@of_scipy(
    "sparse.linalg", permc_spec=_IS_ANY, diag_pivot_thresh=_IS_ANY, relax=_IS_ANY,
    panel_size=_IS_ANY, options=_IS_ANY,
)  # fmt: skip
def splu(
    A: Any, permc_spec: Any = None, diag_pivot_thresh: Any = None, relax: Any = None,
    panel_size: Any = None, options: Any = None,
) -> Factors:  # fmt: skip
    return Factors(A)


def _made(value: Any, see: See) -> Factors:
    """Return the stand-in of factors that were computed outside, which nobody changes."""
    product = (value.L @ value.U).tocoo()
    # L U is the matrix with its rows and columns exchanged.
    rows = np.argsort(value.perm_r)[product.row]
    columns = np.argsort(value.perm_c)[product.col]
    return Factors(Sparse(product.data, rows, columns, value.shape, True))


MADE_OUTSIDE["builtins.SuperLU"] = _made  # the module that SciPy gives it
