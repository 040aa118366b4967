"""The linear systems of an interior point method: symmetric, indefinite, dense or sparse.

The matrix is ``[[H + D, A.T], [A, 0]]``, with a tiny multiple of the unit matrix added to the
first block and subtracted from the second. A system is fit for a descent if the matrix has as many
negative eigenvalues as there are equations: then H + D is positive definite where A is zero.

The sparse factors are L D L.T with D on the diagonal, whose signs are those of the eigenvalues. If
such factors are inaccurate, those of LU with row exchanges take their place. They do not tell the
signs, so that a step is judged by its own curvature instead (Chiang and Zavala 2016).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

REGULAR = 1e-9
"""What is added to the diagonal of every matrix, and subtracted in the rows of equations."""

_ACCURATE = 1e-6
"""Residual, relative to the right side, up to which factors count as accurate."""

_REFINEMENTS = 5


class Factors(NamedTuple):
    """A factored system.

    Attributes
    ----------
    solve
        Returns the solution for a right side of shape (n + m,), and whether it is accurate.
    negative
        The number of negative eigenvalues; None if it is not known.
    """

    solve: Callable[[np.ndarray], tuple[np.ndarray, bool]]
    negative: int | None


class System:
    """The matrix of an iterate.

    Parameters
    ----------
    hessian, diagonal
        H, shape (n, n), and the diagonal of D, shape (n,).
    jacobian
        A, shape (m, n), an array or a sparse matrix, as `hessian` is.
    """

    def __init__(self, hessian: Any, diagonal: np.ndarray, jacobian: Any) -> None:
        self.rows, self.number = jacobian.shape
        self.hessian, self.diagonal, self.jacobian = hessian, diagonal, jacobian
        self.is_sparse = not isinstance(jacobian, np.ndarray)
        self._transposed = jacobian.T.tocsr() if self.is_sparse else jacobian.T

    def times(self, d: np.ndarray, shift: float, relief: float) -> np.ndarray:
        """Return the product with a vector of shape (n + m,)."""
        step, change = d[: self.number], d[self.number :]
        top = self.hessian @ step + (self.diagonal + shift) * step + self._transposed @ change
        return np.concatenate([top, self.jacobian @ step - relief * change])

    def curvature(self, step: np.ndarray, shift: float) -> float:
        """Return the curvature of the Lagrangian along a step."""
        return float(step @ (self.hessian @ step + (self.diagonal + shift) * step))

    def factored(self, shift: float, relief: float, is_exchanging: bool = False) -> Factors | None:
        """Return the factors; None if the matrix is singular.

        Parameters
        ----------
        shift, relief
            What is added to the diagonal of H, and subtracted from that of the equations.
        is_exchanging
            Whether rows are exchanged, for accuracy.
        """
        shift, relief = shift + REGULAR, relief + REGULAR
        make = self._sparse if self.is_sparse else self._dense
        found = make(shift, relief, is_exchanging)
        if found is None:
            return None
        plain, negative = found
        return Factors(lambda right: self._refined(plain, right, shift, relief), negative)

    def _refined(
        self, plain: Any, right: np.ndarray, shift: float, relief: float
    ) -> tuple[np.ndarray, bool]:
        """Return a solution, refined as long as its residual falls, and whether it is accurate."""
        solution, largest = plain(right), np.max(np.abs(right), initial=0.0)
        left = right - self.times(solution, shift, relief)
        size = np.max(np.abs(left), initial=0.0)
        for _ in range(_REFINEMENTS):
            if not size > 1e-13 * largest:
                break
            better = solution + plain(left)
            left = right - self.times(better, shift, relief)
            now = np.max(np.abs(left), initial=0.0)
            if not now < size:
                break
            solution, size = better, now
        return solution, bool(size <= _ACCURATE * largest)

    def _sparse(self, shift: float, relief: float, is_exchanging: bool) -> Any:
        from scipy.sparse import block_array, diags_array
        from scipy.sparse.linalg import splu

        top = self.hessian + diags_array(self.diagonal + shift)
        relieved = diags_array(np.full(self.rows, -relief))
        blocks = [[top, self._transposed], [self.jacobian, relieved]]
        matrix = block_array(blocks, format="csc") if self.rows else top.tocsc()
        if not np.isfinite(matrix.data).all():
            return None
        settings: dict[str, Any] = {}
        if not is_exchanging:
            settings = {
                "permc_spec": "MMD_AT_PLUS_A",
                "diag_pivot_thresh": 0.0,
                "options": {"SymmetricMode": True},
            }
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                factors = splu(matrix, **settings)
        except RuntimeError:
            return None
        negative = None
        if not is_exchanging and np.array_equal(factors.perm_r, factors.perm_c):
            negative = int(np.count_nonzero(factors.U.diagonal() < 0))
        return factors.solve, negative

    def _dense(self, shift: float, relief: float, is_exchanging: bool) -> Any:
        from scipy.linalg import lapack

        total = self.number + self.rows
        matrix = np.zeros((total, total), order="F")
        matrix[: self.number, : self.number] = self.hessian
        matrix[self.number :, : self.number] = self.jacobian
        places = np.arange(total)
        matrix[places, places] += np.append(self.diagonal + shift, np.full(self.rows, -relief))
        if not np.isfinite(matrix).all():
            return None
        factor, pivots, state = lapack.dsytrf(matrix, lower=1, lwork=64 * total, overwrite_a=1)
        if state > 0:
            return None
        diagonal = np.diagonal(factor)
        # A block of two rows has one eigenvalue of each sign.
        paired = pivots < 0
        negative = (
            int(np.count_nonzero(diagonal[~paired] < 0)) + int(np.count_nonzero(paired)) // 2
        )
        return lambda right: lapack.dsytrs(factor, pivots, right, lower=1)[0], negative
