"""Newton's method for equations, without their Jacobian: it multiplies vectors by it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from steepest.descent.methods.base import Failure, Incumbent, Move, Search
from steepest.descent.problem.evaluation import Evaluation
from steepest.descent.problem.linalg import norm
from steepest.descent.settings import settings
from steepest.errors import InputError
from steepest.ops.linear_algebra.triangular import solve_triangle
from steepest.trace import as_traced, scan, while_loop

_ENOUGH = 1e-4
"""Share of the predicted decrease of the residual's norm that makes a step acceptable."""

_LEAST_SHARE = 1e-9
"""Smallest share of a Newton step that is tried."""

_LOOSE, _TIGHT = 0.3, 1e-4
"""Largest and smallest relative residual to which the linear equations are solved."""

_SOLVED = 1e-12
"""Length of a Newton step, as a share of the unknowns, at which the equations count as solved."""


class Inexact(NamedTuple):
    """State of :class:`NewtonKrylov`.

    Attributes
    ----------
    direction
        The Newton step from the current iterate.
    share
        Which share of it leads to the candidate.
    """

    direction: Any
    share: Any


@settings
class NewtonKrylov(Search):
    """Newton's method for as many equations as unknowns, by GMRES (Saad and Schultz [1]_).

    The Jacobian is never formed: its products with vectors are exact. The linear equations are
    solved the more exactly the faster the residual falls (Eisenstat and Walker [2]_). A step is
    halved until the residual is smaller.

    Parameters
    ----------
    inner : int, optional
        Largest number of products for one step, at least 1; so many vectors are kept.

    Raises
    ------
    InputError
        If `inner` is not a positive whole number.

    References
    ----------
    .. [1] Y. Saad and M. H. Schultz, "GMRES: a generalized minimal residual algorithm for solving
       nonsymmetric linear systems", SIAM Journal on Scientific and Statistical Computing 7 (3),
       856-869, 1986.
    .. [2] S. C. Eisenstat and H. F. Walker, "Choosing the forcing terms in an inexact Newton
       method", SIAM Journal on Scientific Computing 17 (1), 16-32, 1996.

    Examples
    --------
    >>> import numpy as np, steepest as st
    >>> def tridiagonal(x):
    ...     padded = np.pad(x, 1)
    ...     return (3 - 2 * x) * x - padded[:-2] - 2 * padded[2:] + 1
    >>> found = st.root(tridiagonal, -np.ones(1000), method="krylov")
    >>> found.success, bool(np.abs(found.fun).max() < 1e-10)
    (True, True)
    """

    inner: int = 60

    def __post_init__(self) -> None:
        if isinstance(self.inner, bool) or not isinstance(self.inner, int) or self.inner < 1:
            raise InputError(f"inner must be a positive whole number, got {self.inner!r}")

    def init(self, x: Any) -> Any:
        number = np.zeros((), x.dtype)
        return Inexact(np.zeros_like(x), number + 1.0)

    def advance(self, base: Incumbent, trial: Evaluation, state: Any, is_first: Any) -> Move:
        least = np.square(1.0 - _ENOUGH * state.share) * base.loss
        accepted = is_first | (trial.loss <= least)
        ratio = np.where(is_first, 1.0, trial.loss / base.loss)
        forcing = np.clip(0.9 * ratio, _TIGHT, _LOOSE)  # of squares, as losses are
        tolerance = np.where(accepted, forcing, np.inf)
        limit = min(self.inner, trial.x.size)
        step = gmres(trial.jacobian_times, -trial.equations, tolerance, limit)
        direction = np.where(accepted, step, state.direction)
        share = np.where(accepted, 1.0, 0.5 * state.share)
        loss = np.where(accepted, trial.loss, base.loss)
        x = np.where(accepted, trial.x, base.x)
        target = x + share * direction
        is_solved = norm(direction) <= _SOLVED * norm(x)
        tiny = np.finfo(x.dtype).eps
        short = (share < _LEAST_SHARE) | (norm(target - x) <= tiny * norm(x))
        failure = np.where(short, int(Failure.STALLED), int(Failure.NONE))
        failure = np.where(np.isfinite(norm(direction)), failure, int(Failure.SINGULAR))
        left = np.where(is_solved, 0.0, loss)
        return Move(accepted, target, Inexact(direction, share), failure, left)


class Krylov(NamedTuple):
    """State of :func:`gmres`, after k products.

    Attributes
    ----------
    basis
        Orthonormal vectors as rows, of which k + 1 are not 0, shape (m + 1, n).
    factor
        The Hessenberg matrix made triangular, shape (m, m); columns from k on are unit vectors.
    right
        The right side, rotated as the matrix, shape (m + 1,).
    cosines, sines
        Of the rotations, shape (m,).
    last
        The last vector of the basis.
    count
        k.
    """

    basis: Any
    factor: Any
    right: Any
    cosines: Any
    sines: Any
    last: Any
    count: Any


def gmres(product: Callable[[Any], Any], b: Any, tolerance: Any, limit: int) -> Any:
    """Return an approximate solution s of ``product(s) = b``.

    At most `limit` products are made, fewer if the residual falls below `tolerance` times b.
    """
    size, dtype = norm(b), b.dtype
    rows, columns = np.arange(limit + 1), np.arange(limit)
    unit = b / np.where(size > 0, size, 1.0)

    def continues(now: Krylov) -> Any:
        rest = np.abs(np.sum(np.where(rows == now.count, now.right, 0.0)))
        return (now.count < limit) & (rest > tolerance * size)

    def iterate(now: Krylov) -> Krylov:
        basis, k = now.basis, now.count
        w = product(now.last)
        along = np.matmul(basis, w)
        w = w - np.matmul(along, basis)
        rotated, below = _rotated(along, now), norm(w)
        diagonal = np.sum(np.where(columns == k, rotated, 0.0))
        length = np.sqrt(np.square(diagonal) + np.square(below))
        cosine, sine = diagonal / length, below / length
        column = np.where(columns == k, length, np.where(columns < k, rotated, 0.0))
        last = w / np.where(below > 0, below, 1.0)
        here, after = rows == k, rows == k + 1
        value = np.sum(np.where(here, now.right, 0.0))
        right = np.where(here, cosine * value, np.where(after, -sine * value, now.right))
        return Krylov(
            np.where(after[:, None], last, basis),
            np.where((columns == k)[None, :], column[:, None], now.factor),
            right,
            np.where(columns == k, cosine, now.cosines),
            np.where(columns == k, sine, now.sines),
            last,
            k + 1,
        )

    start = Krylov(
        np.where((rows == 0)[:, None], unit, np.zeros((limit + 1, b.size), dtype)),
        as_traced(np.eye(limit, dtype=dtype)),
        np.where(rows == 0, size, np.zeros(limit + 1, dtype)),
        as_traced(np.ones(limit, dtype)),
        as_traced(np.zeros(limit, dtype)),
        unit,
        np.zeros((), np.int64),
    )
    end = while_loop(continues, iterate, start)
    right = np.where(columns < end.count, end.right[:limit], 0.0)
    coefficients = solve_triangle(end.factor, right[:, None])[:, 0]
    return np.matmul(coefficients, end.basis[:limit])


def _rotated(column: Any, now: Krylov) -> Any:
    """Return a new column of the Hessenberg matrix after the rotations of earlier ones."""

    def rotate(above: Any, given: Any) -> tuple[Any, Any]:
        cosine, sine, below = given
        return cosine * below - sine * above, cosine * above + sine * below

    _, rotated = scan(rotate, column[0], (now.cosines, now.sines, column[1:]))
    return rotated
