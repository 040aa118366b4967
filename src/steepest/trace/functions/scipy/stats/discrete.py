"""Methods of discrete distributions: SciPy's formulas with loc and support.

The variable counts: a slope by it, or by loc, is 0.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from steepest.ops.elementwise.arithmetic import stop_gradient
from steepest.trace.functions.registry import Array, ArrayLike
from steepest.trace.functions.scipy.stats.arguments import Parameters, both, parse
from steepest.trace.functions.scipy.stats.formulas import Formulas
from steepest.trace.functions.scipy.stats.helpers import as_array, chosen

DISCRETE: dict[str, Callable[..., Any]] = {}
"""Methods of discrete distributions that record."""


def _method(name: str, rule: Callable[..., Array]) -> None:
    def of_count(distribution: Formulas, k: ArrayLike, *args: Any, **kwargs: Any) -> Array:
        given = parse(distribution, args, kwargs)
        return rule(given, stop_gradient(as_array(k) - given.loc), f"_{name}")

    def of_probability(distribution: Formulas, q: ArrayLike, *args: Any, **kwargs: Any) -> Array:
        return rule(parse(distribution, args, kwargs), as_array(q), f"_{name}")

    DISCRETE[name] = of_probability if rule is _quantile else of_count


def _mass(given: Parameters, k: Array, name: str) -> Array:
    low, high = given.support
    inside = both(k >= low, k <= high)
    if not given.is_sample:
        inside = both(inside, given.call("_nonzero", k, *given.shapes))
    value = given.formula(name, k)
    if name == "_pmf":
        return _unless_nan(given, k, chosen(inside, _within_unit(value), np.asarray(0.0)))
    return _unless_nan(given, k, chosen(inside, value, np.asarray(-np.inf)))


def _within_unit(value: Array) -> Array:
    """Return probabilities that rounding has not put outside of 0 and 1, with their slopes."""
    return np.where(value > 1.0, 1.0, np.where(value < 0.0, 0.0, value))


def _unless_nan(given: Parameters, k: Array, value: Array) -> Array:
    return chosen(both(given.are_valid, ~np.isnan(k)), value, given.badvalue)


def _probability(given: Parameters, k: Array, name: str) -> Array:
    low, high = given.support
    is_log, is_lower = name.startswith("_log"), name in ("_cdf", "_logcdf")
    value, inside = given.formula(name, k), both(k >= low, k < high)
    certain = k >= high if is_lower else k < low
    if is_log:
        none, all_ = -np.inf, 0.0
    else:
        none, all_ = 0.0, 1.0
        value, inside = _within_unit(value), both(inside, np.isfinite(k))
        certain = certain if is_lower else certain | (k == -np.inf)
    return _unless_nan(given, k, chosen(inside, value, np.where(certain, all_, none)))


def _quantile(given: Parameters, q: Array, name: str) -> Array:
    low, high = given.support
    low = low - 1
    if name == "_isf":
        low, high = high, low
    k = chosen(both(q > 0, q < 1), given.formula_or_scipy(name, q), chosen(q == 0, low, high))
    known = both(both(q >= 0, q <= 1), given.loc == given.loc)
    return chosen(both(known, given.are_valid), k + given.loc, given.badvalue)


for _name in ("pmf", "logpmf"):
    _method(_name, _mass)
for _name in ("cdf", "logcdf", "sf", "logsf"):
    _method(_name, _probability)
for _name in ("ppf", "isf"):
    _method(_name, _quantile)
