"""The nonlinear conjugate-gradient method."""

from __future__ import annotations

from dataclasses import field
from typing import Any, NamedTuple

import numpy as np

from steepest.descent.methods.line_search_method import (
    LineSearchMethod,
    LineSearchState,
    after_drop,
)
from steepest.descent.methods.line_searches import Armijo, LineSearch, StrongWolfe
from steepest.descent.problem.evaluation import Evaluation
from steepest.descent.settings import settings

__all__ = ["NonlinearCG"]


class CGMemory(NamedTuple):
    """State of :class:`NonlinearCG` between iterations.

    Attributes
    ----------
    direction
        The multiple of the last direction that enters the next one.
    length
        Barzilai-Borwein step size along the negative gradient: the longer one, or the shorter one
        after a step that was shortened; 0 where none is known.
    """

    direction: Any
    length: Any


@settings
class NonlinearCG(LineSearchMethod):
    """Nonlinear conjugate gradients of Polak and Ribière [1]_, restarted at ascent directions.

    Parameters
    ----------
    search : LineSearch, optional
        The line search. With :class:`Armijo` the first step size follows from the last change of
        the gradient [2]_.

    References
    ----------
    .. [1] E. Polak and G. Ribière, "Note sur la convergence de méthodes de directions conjuguées",
       Revue française d'informatique et de recherche opérationnelle, Série rouge 3 (16), 35-43,
       1969.
    .. [2] J. Barzilai and J. M. Borwein, "Two-point step size gradient methods", IMA Journal of
       Numerical Analysis 8 (1), 141-148, 1988.

    Examples
    --------
    >>> import numpy as np, steepest as st
    >>> run = st.minimize(lambda x: np.sum(np.arange(1, 6) * x**2), np.ones(5),
    ...                   method=st.NonlinearCG())
    >>> bool(run.converged)
    True
    """

    search: LineSearch = field(default_factory=lambda: StrongWolfe(1e-4, flatness=0.4))

    def empty_memory(self, x: Any) -> Any:
        return CGMemory(np.zeros_like(x), np.zeros((), x.dtype))

    def remember(
        self, line: LineSearchState, step: Any, change: Any, gradient: Any, counts: Any
    ) -> Any:
        last = np.where(gradient == 0, 0.0, line.gradient)  # without held parameters
        beta = np.maximum(np.sum(gradient * change) / np.sum(np.square(last)), 0.0)
        product = np.sum(step * change)
        length = np.sum(np.square(step)) / product
        if isinstance(self.search, Armijo):  # after a shortened step directions are not conjugate
            is_short = line.tries > 0
            beta = np.where(is_short, 0.0, beta)
            length = np.where(is_short, product / np.sum(np.square(change)), length)
        return CGMemory(
            np.where(counts, beta * line.direction, line.memory.direction),
            np.where(counts & (product > 0), length, line.memory.length),
        )

    def direction(self, memory: Any, gradient: Any, trial: Evaluation) -> Any:
        return memory.direction - gradient

    def first_step(
        self, line: LineSearchState, memory: Any, direction: Any, slope: Any, drop: Any
    ) -> Any:
        if not isinstance(self.search, Armijo):
            return after_drop(slope, drop)
        # Armijo's search only shortens: start from the Barzilai-Borwein step size.
        length = memory.length / np.sum(np.square(direction))
        return np.where(memory.length > 0, -slope * length, line.step * line.slope / slope)
