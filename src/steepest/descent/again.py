"""The same fit with other numbers: everything but these is found at once.

A fit of the same function, with the same settings and arrays of the same kinds, is one call
of machine code. Whatever is not plain about it (a value that is not finite, an ending other
than that the goal was met) is left to the usual way, which says what there is to say.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from steepest.descent.driver import Ending
from steepest.descent.memo import lazy
from steepest.descent.prepare import Prepared, Problem, known, remember, start_of
from steepest.descent.result import Result, Timings
from steepest.descent.step import STOP_RULE
from steepest.descent.summary import Summary
from steepest.graph import Node, evaluate

_LEAST_STEPS = 64
"""Iterations that machine code must make in some milliseconds for a fit to be small."""


class _Fit(NamedTuple):
    """A fit that was made before.

    Attributes
    ----------
    problem, prepared, reason, more
        As for :class:`~steepest.descent.summary.Summary`; the problem has no arguments.
    whole
        Runs it from x and data.
    """

    problem: Problem
    prepared: Prepared
    reason: str
    more: Mapping[str, Any]
    whole: Callable[[tuple[Any, ...]], Any]

    def still_holds(self) -> bool:
        """Whether everything that the functions read is as it was; arrays are looked at later."""
        captures = self.prepared.paths[-1].captures
        return not captures.opaque and captures.values_hold()


class Again:
    """The ending of such a fit, summed up when somebody asks.

    Attributes are those of :class:`~steepest.descent.ending.Solved`.
    """

    converged, box, expand = True, None, None

    def __init__(self, fit: _Fit, ended: Any, args: tuple[Any, ...], seconds: float) -> None:
        self._fit, self._ended, self._args, self._seconds = fit, ended, args, seconds

    @property
    def names(self) -> tuple[str, ...]:
        """A name for each parameter."""
        names: tuple[str, ...] = self._fit.more["names"]
        return names

    @lazy
    def vector(self) -> np.ndarray:
        """The point, shape (n,)."""
        point: np.ndarray = self._ended.x
        return point

    @lazy
    def x(self) -> np.ndarray:
        """The same, to be changed at will."""
        return self.vector.copy()

    @property
    def loss(self) -> float:
        """The loss there."""
        loss: float = self._ended.loss
        return loss

    @lazy
    def report(self) -> Sequence[np.ndarray]:
        """What the method kept of it."""
        return [self._ended.reported(i) for i in range(self._ended.reports - 2)]

    @property
    def observations(self) -> int:
        """Number of residuals."""
        return self._fit.prepared.paths[-1].observations

    @lazy
    def problem(self) -> Problem:
        """What was fitted."""
        return self._fit.problem._replace(args=self._args)

    @lazy
    def run(self) -> Result:
        """The descent."""
        summary = Summary(self.problem, self._fit.prepared, self._fit.reason, self._fit.more)
        timings = Timings(0.0, 0.0, self._seconds)
        return summary.result(self._ended, Ending.STOPPED, timings)


def again(key: Any, start: Any, args: tuple[Any, ...]) -> Again | None:
    """Return how the fit of a key ends from a start point on other data.

    None is returned where it was not made before, or is not plain.
    """
    began = time.perf_counter()
    try:
        fit = known((len(args), *key), _Fit.still_holds)
    except TypeError:  # a setting that cannot be compared
        return None
    if fit is None:
        return None
    prepared, data = fit.prepared, args
    captured = prepared.paths[-1].captures.arrays
    if captured:
        data = (*data, *[read() for read, _ in captured])
    if prepared.constants:
        nodes = prepared.paths[-1].data
        if not all(map(_is_of_kind, data, nodes)):
            return None
        data = (*data, *evaluate(prepared.constants, dict(zip(nodes, data, strict=True))))
    ended = fit.whole((start, *data))
    if ended is None or ended.reason != STOP_RULE:
        return None
    status, _ = prepared.endings.get(ended.rules, _NOT_YET)
    if status is None or not status.is_success:
        return None
    return Again(fit, ended, args, time.perf_counter() - began)


_NOT_YET = None, None


def _is_of_kind(value: Any, node: Node) -> bool:
    return type(value) is np.ndarray and value.shape == node.shape and value.dtype == node.dtype


def remember_fit(
    key: Any, problem: Problem, vector: np.ndarray, reason: str, more: Mapping[str, Any]
) -> None:
    """Keep what was prepared for a fit that ended well, to make it again with other numbers."""
    is_plain = problem.box is None and problem.objective.expand is None
    if not (is_plain and problem.layout.is_array and len(problem.layout.shapes[0]) == 1):
        return
    if not all([type(value) is np.ndarray for value in problem.args]):
        return
    try:
        prepared: Prepared | None = known(problem.key(), lambda found: found.still_holds)
    except TypeError:  # a setting that cannot be compared
        return
    whole_of = getattr(prepared and prepared.start, "whole", None)
    if prepared is None or whole_of is None:
        return
    if prepared.budget < _LEAST_STEPS or math.isfinite(prepared.seconds):
        return
    whole = whole_of(start_of(problem, prepared, vector), prepared.budget)
    if whole is not None:  # it may be later, once the code is optimized
        key = len(problem.args), *key
        remember(key, _Fit(problem._replace(args=()), prepared, reason, more, whole))
