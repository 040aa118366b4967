"""Quasi-Newton methods: they estimate the curvature from changes of the gradient."""

from __future__ import annotations

from dataclasses import dataclass, field
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
from steepest.errors import InputError

__all__ = ["BFGS", "LBFGS"]


class Pairs(NamedTuple):
    """What :class:`LBFGS` remembers, the oldest pair first.

    Attributes
    ----------
    steps, changes
        The last steps and the changes of the gradient over them: shape (memory, n).
    inverse
        One over the product of each pair, 0 where there is none yet: shape (memory,).
    scale
        Of the inverse Hessian that the pairs correct.
    """

    steps: Any
    changes: Any
    inverse: Any
    scale: Any

    def newest_first(self) -> list[Any]:
        """Return where the pairs are."""
        return list(reversed(range(len(self.inverse))))

    def after(self, step: Any, change: Any, inverse: Any, scale: Any, counts: Any) -> Pairs:
        """Return the memory after another pair, where it counts."""
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
    """The same, where each new pair takes the place of the oldest.

    To move the rows of long tables is most of what an iteration would do.

    Attributes
    ----------
    pairs
        The pairs.
    newest
        Which of them is the newest; the oldest comes after it.
    """

    pairs: Pairs
    newest: Any

    def newest_first(self) -> list[Any]:
        """Return where the pairs are."""
        number = len(self.pairs.inverse)
        return [(self.newest - i) % number for i in range(number)]

    def after(self, step: Any, change: Any, inverse: Any, scale: Any, counts: Any) -> Ring:
        """Return the memory after another pair, where it counts."""
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


_IN_ORDER = 2048
"""Numbers in a table up to which its rows are moved. In 200 variables, memory 10, both ways take
as long; shorter tables moved let problems run side by side, which a computed place does not."""


@dataclass(frozen=True)
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
        return Ring(pairs, np.zeros((), np.int64)) if table.size > _IN_ORDER else pairs

    def remember(
        self,
        memory: Any,
        line: LineSearchState,
        step: Any,
        change: Any,
        gradient: Any,
        counts: Any,
    ) -> Any:
        product, square = np.sum(step * change), np.sum(np.square(change))
        useful = counts & _is_useful(product, step, change)
        return memory.after(step, change, 1.0 / product, product / square, useful)

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


def _is_useful(product: Any, step: Any, change: Any) -> Any:
    """Return whether a pair shows curvature: without, it would spoil what is known.

    The units of parameters and loss do not matter.
    """
    return product > np.finfo(step.dtype).eps * norm(step) * norm(change)


_LARGEST = 30_000
"""Variables up to which BFGS keeps its matrix: some gigabytes."""


@dataclass(frozen=True)
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
        if x.size > _LARGEST:
            raise InputError(
                f"BFGS keeps a matrix of {x.size} x {x.size} numbers, which is "
                f"{x.size**2 * x.itemsize / 2**30:.0f} GiB: use st.LBFGS() or st.NonlinearCG()"
            )
        return np.eye(x.size, dtype=x.dtype)

    def remember(
        self,
        memory: Any,
        line: LineSearchState,
        step: Any,
        change: Any,
        gradient: Any,
        counts: Any,
    ) -> Any:
        # The first matrix stays as it is: scaled to what the first step has shown (Nocedal and
        # Wright 6.20) it would know the steepest direction alone, and be too short in others.
        product = np.sum(step * change)
        useful = counts & _is_useful(product, step, change)
        bent = np.matmul(memory, change)
        share = (1.0 + np.sum(change * bent) / product) / product
        cross = step[:, None] * bent[None, :]
        after = memory + share * (step[:, None] * step[None, :]) - (cross + cross.T) / product
        return np.where(useful, after, memory)

    def direction(self, memory: Any, gradient: Any, trial: Evaluation) -> Any:
        return -np.matmul(memory, gradient)

    def first_step(
        self, line: LineSearchState, memory: Any, way: Any, slope: Any, drop: Any
    ) -> Any:
        return after_drop(slope, drop)
