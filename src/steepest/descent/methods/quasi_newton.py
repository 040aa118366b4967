"""Quasi-Newton methods: they estimate the curvature from changes of the gradient."""

from __future__ import annotations

from dataclasses import field
from typing import Any, NamedTuple

import numpy as np

from steepest.descent.methods.line_search_method import (
    LineSearchMethod,
    LineSearchState,
    after_drop,
)
from steepest.descent.methods.line_searches import LineSearch, StrongWolfe
from steepest.descent.problem.evaluation import Evaluation
from steepest.descent.problem.linalg import norm
from steepest.descent.settings import settings
from steepest.errors import InputError

__all__ = ["BFGS", "LBFGS"]


class Pairs(NamedTuple):
    """Memory of :class:`LBFGS`: the last steps and changes of the gradient, the oldest first.

    Attributes
    ----------
    steps, changes
        The last steps and the changes of the gradient over them, shape (memory, n).
    inverse
        One over the inner product of each pair, 0 for a row that is still empty, shape (memory,).
    scale
        Factor of the identity in the first estimate of the inverse Hessian.
    """

    steps: Any
    changes: Any
    inverse: Any
    scale: Any

    def newest_first(self) -> list[Any]:
        """Return the row numbers of the pairs, the newest first."""
        return list(reversed(range(len(self.inverse))))

    def after(self, step: Any, change: Any, inverse: Any, scale: Any, counts: Any) -> Pairs:
        """Return the memory with another pair, or unchanged if `counts` is false."""
        number = np.arange(len(self.inverse))
        is_last, below = number == number[-1], np.minimum(number + 1, number[-1])

        def push(table: Any, row: Any) -> Any:
            is_new = is_last.reshape(-1, *[1] * (table.ndim - 1))
            return np.where(counts, np.where(is_new, row, table[below]), table)

        return Pairs(
            push(self.steps, step),
            push(self.changes, change),
            push(self.inverse, inverse),
            np.where(counts, scale, self.scale),
        )


class Ring(NamedTuple):
    """Memory of :class:`LBFGS` as a ring buffer: a new pair overwrites the oldest.

    With long tables, shifting all rows would take most of the time of an iteration.

    Attributes
    ----------
    pairs
        The pairs.
    newest
        Row number of the newest pair. The oldest follows it.
    """

    pairs: Pairs
    newest: Any

    def newest_first(self) -> list[Any]:
        """Return the row numbers of the pairs, the newest first."""
        number = len(self.pairs.inverse)
        return [(self.newest - i) % number for i in range(number)]

    def after(self, step: Any, change: Any, inverse: Any, scale: Any, counts: Any) -> Ring:
        """Return the memory with another pair, or unchanged if `counts` is false."""
        pairs = self.pairs
        oldest = (self.newest + 1) % len(pairs.inverse)

        def put(table: Any, row: Any) -> Any:
            following = table.copy()
            following[oldest] = np.where(counts, row, table[oldest])
            return following

        after = Pairs(
            put(pairs.steps, step),
            put(pairs.changes, change),
            put(pairs.inverse, inverse),
            np.where(counts, scale, pairs.scale),
        )
        return Ring(after, np.where(counts, oldest, self.newest))


_SHIFTED = 2048
"""Largest table whose rows are shifted, in numbers; larger ones are ring buffers. At 200 variables
and a memory of 10 both take the same time. Only shifted tables run in SIMD lanes, since a ring
buffer computes its index."""


@settings
class LBFGS(LineSearchMethod):
    """Limited-memory BFGS (Nocedal [1]_, Liu and Nocedal [2]_).

    Parameters
    ----------
    memory : int, optional
        Number of last steps that the inverse Hessian is estimated from, at least 1.
    search : LineSearch, optional
        The line search.

    Raises
    ------
    InputError
        If the memory is not a positive whole number.

    References
    ----------
    .. [1] J. Nocedal, "Updating quasi-Newton matrices with limited storage", Mathematics of
       Computation 35 (151), 773-782, 1980.
    .. [2] D. C. Liu and J. Nocedal, "On the limited memory BFGS method for large scale
       optimization", Mathematical Programming 45, 503-528, 1989.

    Examples
    --------
    >>> import numpy as np, steepest as st
    >>> def rosenbrock(x):
    ...     return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)
    >>> run = st.minimize(rosenbrock, np.zeros(10), method=st.LBFGS())
    >>> run.x.round(6)
    array([1., 1., 1., 1., 1., 1., 1., 1., 1., 1.])
    """

    memory: int = 10
    search: LineSearch = field(default_factory=StrongWolfe)

    def __post_init__(self) -> None:
        if isinstance(self.memory, bool) or not isinstance(self.memory, int) or self.memory < 1:
            raise InputError(f"memory must be a positive whole number, got {self.memory!r}")

    def empty_memory(self, x: Any) -> Any:
        table = np.zeros((self.memory, x.size), x.dtype)
        pairs = Pairs(table, table, np.zeros(self.memory, x.dtype), np.ones((), x.dtype))
        return Ring(pairs, np.zeros((), np.int64)) if table.size > _SHIFTED else pairs

    def remember(
        self, line: LineSearchState, step: Any, change: Any, gradient: Any, counts: Any
    ) -> Any:
        product, square = np.sum(step * change), np.sum(np.square(change))
        updates = counts & _has_curvature(product, step, change)
        return line.memory.after(step, change, 1.0 / product, product / square, updates)

    def direction(self, memory: Any, gradient: Any, trial: Evaluation) -> Any:
        pairs = memory.pairs if isinstance(memory, Ring) else memory
        newest_first = memory.newest_first()
        q, shares = gradient, []
        for i in newest_first:
            share = pairs.inverse[i] * np.sum(pairs.steps[i] * q)
            q = q - share * pairs.changes[i]
            shares.append(share)
        q = pairs.scale * q
        for i, share in zip(reversed(newest_first), reversed(shares), strict=True):
            back = pairs.inverse[i] * np.sum(pairs.changes[i] * q)
            q = q + (share - back) * pairs.steps[i]
        return -q


def _has_curvature(product: Any, step: Any, change: Any) -> Any:
    """Return whether the loss curves upward along a step, by more than rounding errors.

    The test does not depend on the units of the parameters and the loss.
    """
    return product > np.finfo(step.dtype).eps * norm(step) * norm(change)


_MAX_DENSE = 30_000
"""Largest number of variables for BFGS, whose matrix then takes some gigabytes."""


@settings
class BFGS(LineSearchMethod):
    """The method of Broyden, Fletcher, Goldfarb and Shanno [1]_ [2]_ [3]_ [4]_, with a matrix.

    Parameters
    ----------
    search : LineSearch, optional
        The line search.

    Notes
    -----
    :func:`minimize` raises :class:`InputError` for more than 30,000 parameters, where the matrix
    would take some gigabytes.

    References
    ----------
    .. [1] C. G. Broyden, "The convergence of a class of double-rank minimization algorithms",
       IMA Journal of Applied Mathematics 6 (1), 76-90, 1970.
    .. [2] R. Fletcher, "A new approach to variable metric algorithms", The Computer Journal 13
       (3), 317-322, 1970.
    .. [3] D. Goldfarb, "A family of variable-metric methods derived by variational means",
       Mathematics of Computation 24 (109), 23-26, 1970.
    .. [4] D. F. Shanno, "Conditioning of quasi-Newton methods for function minimization",
       Mathematics of Computation 24 (111), 647-656, 1970.

    Examples
    --------
    >>> import numpy as np, steepest as st
    >>> run = st.minimize(lambda x: (x[0] - 1) ** 2 + 10 * (x[1] - x[0] ** 2) ** 2,
    ...                   np.array([-1.0, 2.0]), method=st.BFGS())
    >>> run.x.round(6)
    array([1., 1.])
    """

    search: LineSearch = field(default_factory=lambda: StrongWolfe(1e-4))

    def empty_memory(self, x: Any) -> Any:
        if x.size > _MAX_DENSE:
            raise InputError(
                f"BFGS keeps a matrix of {x.size} x {x.size} numbers, which is "
                f"{x.size**2 * x.itemsize / 2**30:.0f} GiB: use st.LBFGS() or st.NonlinearCG()"
            )
        return np.eye(x.size, dtype=x.dtype)

    def remember(
        self, line: LineSearchState, step: Any, change: Any, gradient: Any, counts: Any
    ) -> Any:
        # The first matrix is the identity. Scaled by the first step (Nocedal and Wright 6.20) it
        # would fit the direction of steepest descent only, and be too small in others.
        memory, product = line.memory, np.sum(step * change)
        updates = counts & _has_curvature(product, step, change)
        inverse_change = np.matmul(memory, change)
        share = (1.0 + np.sum(change * inverse_change) / product) / product
        cross = step[:, None] * inverse_change[None, :]
        after = memory + share * (step[:, None] * step[None, :]) - (cross + cross.T) / product
        return np.where(updates, after, memory)

    def direction(self, memory: Any, gradient: Any, trial: Evaluation) -> Any:
        return -np.matmul(memory, gradient)

    def first_step(
        self, line: LineSearchState, memory: Any, direction: Any, slope: Any, drop: Any
    ) -> Any:
        return after_drop(slope, drop)
