"""The loss around the path of a descent: what plots draw."""

from __future__ import annotations

import re
import time
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from steepest.derivative import Function, PathLimitWarning
from steepest.descent.iteration.problem import Problem
from steepest.descent.methods.constrained.measures import violations
from steepest.descent.problem.constrained import ConstrainedObjective, as_constrained
from steepest.descent.problem.parameters import element_names
from steepest.descent.problem.transforms import Positive, UnitInterval
from steepest.engines import compile

_MOST_PATHS = 8
"""Largest number of paths through a loss that are compiled for a plot."""


class Limited(NamedTuple):
    """Values with limits.

    Attributes
    ----------
    values
        Values at m points, shape (m, r).
    lower, upper
        Their limits, shape (r,).
    """

    values: np.ndarray
    lower: np.ndarray
    upper: np.ndarray

    @property
    def violation(self) -> np.ndarray:
        """By how much each point violates its limits at most, shape (m,)."""
        amounts = violations(self.values, self.lower, self.upper)
        return np.asarray(np.max(amounts, axis=1, initial=0.0))

    @property
    def edges(self) -> list[tuple[np.ndarray, float]]:
        """Each value at the points, shape (m,), with a limit of it."""
        ends = [self.lower, self.upper]
        return [
            (column, float(end[i]))
            for i, column in enumerate(self.values.T)
            for end in ends
            if abs(end[i]) < np.finfo(end.dtype).max
        ]


class Landscape(NamedTuple):
    """The loss as a function of the free parameters, and the path of a descent.

    Attributes
    ----------
    problem
        The problem that was solved.
    path
        The recorded points as vectors, shape (k, n); None if x was not recorded.
    """

    problem: Problem
    path: np.ndarray | None

    @property
    def names(self) -> list[str]:
        """A name for each element of a vector: ``x[0]``, ``rate``."""
        name = element_names(self.problem.layout)
        names = [re.sub(r"^x0", "x", name(i)) for i in range(sum(self.problem.layout.sizes))]
        return [re.sub(r"^x\['(\w+)'\]", r"\1", one) for one in names]

    @property
    def has_limits(self) -> bool:
        """Whether there are constraints or bounds."""
        constraints = getattr(self.problem.objective, "constraints", ())
        return bool(constraints) or self.problem.box is not None

    def losses(self) -> Callable[[np.ndarray], np.ndarray]:
        """Return a function of points, shape (m, n), that returns the losses, shape (m,)."""
        return self._at(lambda at_x: at_x.loss)

    def limited(self, points: np.ndarray) -> Limited:
        """Return the values that constraints and bounds limit at points of shape (m, n)."""
        values, lower, upper = [np.zeros((len(points), 0))], [np.zeros(0)], [np.zeros(0)]
        if self.problem.box is not None:
            values.append(points)
            lower.append(self.problem.box.lower)
            upper.append(self.problem.box.upper)
        objective = self.problem.objective
        if isinstance(objective, ConstrainedObjective) and objective.constraints:
            values.append(self._at(lambda at_x: as_constrained(at_x).constraints)(points))
            least, most = objective.groups(self.problem.args)[-1]
            lower.append(least)
            upper.append(most)
        return Limited(np.hstack(values), np.hstack(lower), np.hstack(upper))

    def shown(self, vectors: np.ndarray) -> np.ndarray:
        """Return the elements of vectors, shape (m, n), as the loss is given them.

        This differs from the vectors for :class:`Positive` and :class:`UnitInterval` parameters.
        """
        expand = self.problem.objective.expand
        if expand is None:
            return vectors
        markers = dict(zip(expand.names, expand.markers, strict=True))
        names = sorted(n for n, m in markers.items() if m is None or m.free() is not None)
        columns, start = [], 0
        for name, size in zip(names, self.problem.layout.sizes, strict=True):
            part, marker = vectors[:, start : start + size], markers[name]
            is_by_element = isinstance(marker, Positive | UnitInterval)
            columns.append(marker.whole(part) if marker is not None and is_by_element else part)
            start += size
        return np.concatenate(columns, axis=1)

    def seconds(self) -> float:
        """Return about how long one loss takes, in machine code."""
        losses, point = self.losses(), np.zeros((1, sum(self.problem.layout.sizes)))
        point[:] = self.path[-1] if self.path is not None and len(self.path) else 0.0
        losses(point)  # compiles it
        started = time.perf_counter()
        losses(np.repeat(point, 3, axis=0))
        return (time.perf_counter() - started) / 3

    def _at(self, of: Callable[[Any], Any]) -> Callable[[np.ndarray], np.ndarray]:
        """Return a compiled function of points that returns something of each, row by row.

        A row is NaN where the user's function raises an error, or has no value.
        """
        problem, args = self.problem, self.problem.args

        def at(vector: Any, *args: Any) -> Any:
            return of(problem.objective(vector, problem.layout, args))

        function = compile(Function(at), max_paths=_MOST_PATHS)

        def row(point: np.ndarray) -> np.ndarray:
            try:
                return np.asarray(function(point, *args))
            except (ArithmeticError, ValueError):  # outside of the function's domain
                return np.asarray(np.nan)

        def each(points: np.ndarray) -> np.ndarray:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", PathLimitWarning)
                rows = [row(point) for point in points.astype(problem.dtype)]
            shape = max((row.shape for row in rows), key=len, default=())
            return np.array([np.broadcast_to(row, shape) for row in rows])

        return each
