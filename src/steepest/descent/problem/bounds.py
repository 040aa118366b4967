"""Bounds on parameters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from steepest.descent.problem.parameters import ParameterLayout, element_names
from steepest.errors import InputError
from steepest.graph import trees

_ROUNDING = 2
"""Distance to a bound, in rounding errors, that counts as none."""


class Box(NamedTuple):
    """Bounds on each coordinate of a vector.

    Attributes
    ----------
    lower, upper
        Vectors of shape (n,), infinite where there is no bound.
    """

    lower: Any
    upper: Any

    def project(self, x: Any) -> Any:
        """Return the nearest point within the bounds."""
        return np.minimum(np.maximum(x, self.lower), self.upper)

    def end_of(self, x: Any, step: Any) -> Any:
        """Return the end of a step within the bounds.

        It is on a bound that it would reach but for rounding errors. Otherwise a parameter could
        stop right before its bound, count as free, and leave the others almost no room.
        """
        end, tiny = self.project(x + step), _ROUNDING * np.finfo(x.dtype).eps
        size = tiny * np.maximum(np.abs(x), np.abs(end))
        end = np.where((step < 0) & (end - self.lower <= size), self.lower, end)
        return np.where((step > 0) & (self.upper - end <= size), self.upper, end)

    def on_lower(self, x: Any) -> Any:
        """Return which coordinates are on their lower bound, up to rounding errors."""
        tiny = _ROUNDING * np.finfo(x.dtype).eps
        return x <= self.lower * (1 + tiny * np.sign(self.lower))

    def on_upper(self, x: Any) -> Any:
        """Return which coordinates are on their upper bound, up to rounding errors."""
        tiny = _ROUNDING * np.finfo(x.dtype).eps
        return x >= self.upper * (1 - tiny * np.sign(self.upper))

    def sides(self, x: np.ndarray) -> np.ndarray:
        """Return -1 for coordinates on their lower bound, 1 on their upper, 0 elsewhere."""
        return self.on_upper(x).astype(np.int64) - self.on_lower(x)  # type: ignore[no-any-return]

    def inside(self, x: Any) -> Any:
        """Return which coordinates are on neither bound."""
        return ~(self.on_lower(x) | self.on_upper(x))

    def held(self, x: Any, gradient: Any) -> Any:
        """Return which coordinates are on a bound that steepest descent would cross."""
        below = np.logical_and(self.on_lower(x), gradient > 0)
        return np.logical_or(below, np.logical_and(self.on_upper(x), gradient < 0))


def box_of_pairs(
    bounds: Any, start: Any, layout: ParameterLayout, vector: np.ndarray | None = None
) -> Box | None:
    """Return bounds given as pairs (low, high).

    Parameters
    ----------
    bounds
        None; an object with ``lb`` and ``ub``; or a pair (low, high) for each parameter, in the
        structure of the start, where None is no bound. A single pair is for all parameters.
    start, layout
        The start point and its layout.
    vector
        The start as a vector. If given, it must be within the bounds.

    Raises
    ------
    InputError
        If the bounds do not fit the parameters, if a lower one is above the upper one, or if the
        start is outside.
    """
    if bounds is None:
        return None
    if hasattr(bounds, "lb"):
        return _box(bounds.lb, bounds.ub, start, layout, vector)
    pairs = [bounds] if layout.is_array else trees.leaves_up_to(layout.structure, bounds)
    lower, upper = [], []
    for pair, shape in zip(pairs, layout.shapes, strict=True):
        table = np.array(
            [[np.nan if x is None else x for x in row] for row in _rows(pair)], np.float64
        )
        size = int(np.prod(shape, dtype=int))
        if table.ndim != 2 or table.shape[1] != 2 or len(table) not in (1, size):
            raise InputError(
                f"bounds must be a pair (low, high) for each of {size} numbers, got {pair!r}"
            )
        low, high = np.broadcast_to(table, (size, 2)).T
        lower.append(np.where(np.isnan(low), -np.inf, low))
        upper.append(np.where(np.isnan(high), np.inf, high))
    return _box(np.concatenate(lower), np.concatenate(upper), start, layout, vector)


def box_of_ends(
    bounds: Any,
    start: Any,
    layout: ParameterLayout,
    vector: np.ndarray,
    names: Sequence[str] | None = None,
) -> Box | None:
    """Return bounds given as two ends.

    Parameters
    ----------
    bounds
        None; an object with ``lb`` and ``ub``; or two ends (lower, upper), each a number or in the
        structure of the start.
    start, layout, vector
        As for :func:`box_of_pairs`.
    names
        Names of the parameters for errors; by default those of the elements of x0.

    Raises
    ------
    InputError
        As for :func:`box_of_pairs`.
    """
    if bounds is None:
        return None
    if hasattr(bounds, "lb"):
        return _box(bounds.lb, bounds.ub, start, layout, vector, names)
    try:
        lower, upper = bounds
    except (TypeError, ValueError):
        raise InputError(not_two_ends(bounds, names)) from None
    return _box(lower, upper, start, layout, vector, names)


def not_two_ends(bounds: Any, names: Sequence[str] | None = None) -> str:
    """Return what is wrong with bounds that are not two ends, and how to write them by name."""
    by_name = ""
    if names:
        by_name = f", such as ({{{names[0]!r}: 0.0}}, {{{names[0]!r}: 1.0}}) by name"
    return f"bounds must be two ends (lower, upper){by_name}: got {bounds!r}"


def _rows(pair: Any) -> Any:
    is_pair = isinstance(pair, tuple | list) and len(pair) == 2
    return [pair] if is_pair and all(x is None or np.ndim(x) == 0 for x in pair) else pair


def _box(
    lower: Any,
    upper: Any,
    start: Any,
    layout: ParameterLayout,
    vector: np.ndarray | None,
    names: Sequence[str] | None = None,
) -> Box | None:
    low, high = (_end(end, name, layout) for end, name in ((lower, "lower"), (upper, "upper")))
    name = element_names(layout) if names is None else names.__getitem__
    for i in np.flatnonzero(~(low <= high))[:1]:
        raise InputError(f"the bounds of {name(i)} cross: {low[i]:g} is above {high[i]:g}")
    if vector is not None:
        for i in np.flatnonzero(~((low <= vector) & (vector <= high)))[:1]:
            raise InputError(
                f"{name(i)} is {vector[i]:g}, outside of its bounds {low[i]:g} and {high[i]:g}: "
                "the start is infeasible, start inside"
            )
    if np.all(np.isinf(low)) and np.all(np.isinf(high)):
        return None
    return Box(low.astype(layout.dtype), high.astype(layout.dtype))


def _end(end: Any, name: str, layout: ParameterLayout) -> np.ndarray:
    size = sum(layout.sizes)
    leaves = [np.asarray(leaf, np.float64) for leaf in trees.leaves(end)]
    if len(leaves) == 1 and leaves[0].size == 1:
        return np.full(size, float(leaves[0].reshape(-1)[0]))
    flat = np.concatenate([leaf.reshape(-1) for leaf in leaves]) if leaves else np.zeros(0)
    if len(flat) != size:
        raise InputError(
            f"{name} bounds must be one number or {size}, one for each parameter: got {len(flat)}"
        )
    return flat
