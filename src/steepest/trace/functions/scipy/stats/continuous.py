"""Methods of continuous distributions: SciPy's formulas with loc, scale and support."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from steepest.trace.functions.registry import Array, ArrayLike
from steepest.trace.functions.scipy.stats.arguments import Parameters, both, parse
from steepest.trace.functions.scipy.stats.formulas import Formulas
from steepest.trace.functions.scipy.stats.helpers import as_array, chosen

CONTINUOUS: dict[str, Callable[..., Any]] = {}
"""Methods of continuous distributions that record."""


def _method(name: str, rule: Callable[..., Array]) -> None:
    def of_variable(distribution: Formulas, x: ArrayLike, *args: Any, **kwargs: Any) -> Array:
        return rule(parse(distribution, args, kwargs), as_array(x), f"_{name}")

    def of_probability(distribution: Formulas, q: ArrayLike, *args: Any, **kwargs: Any) -> Array:
        return of_variable(distribution, q, *args, **kwargs)

    CONTINUOUS[name] = of_probability if rule is _quantile else of_variable


def _standard(given: Parameters, x: Array) -> Array:
    z = (x - given.loc) / given.scale
    return z.astype(np.promote_types(x.dtype, np.float64))


def _density(given: Parameters, x: Array, name: str) -> Array:
    z = _standard(given, x)
    value = given.formula(name, z)
    if name == "_pdf":
        value, outside = value / given.scale, 0.0
    else:
        value, outside = value - np.log(given.scale), -np.inf
    inside = given.call("_support_mask", z, *given.shapes)
    return _unless_nan(given, z, chosen(inside, value, np.asarray(outside)))


def _unless_nan(given: Parameters, z: Array, value: Array) -> Array:
    usable = both(given.are_valid, ~np.isnan(z))
    return chosen(usable, value, given.badvalue)


def _probability(given: Parameters, x: Array, name: str) -> Array:
    z, (low, high) = _standard(given, x), given.support
    certain = z >= high if name in ("_cdf", "_logcdf") else z <= low
    none, all_ = (-np.inf, 0.0) if name.startswith("_log") else (0.0, 1.0)
    beyond = np.where(certain, all_, none)
    inside = both(low < z, z < high)
    return _unless_nan(given, z, chosen(inside, given.formula_or_scipy(name, z), beyond))


def _quantile(given: Parameters, q: Array, name: str) -> Array:
    low, high = given.support
    if name == "_isf":
        low, high = high, low
    z = chosen(both(q > 0, q < 1), given.formula_or_scipy(name, q), chosen(q == 0, low, high))
    known = both(both(q >= 0, q <= 1), given.loc == given.loc)
    value = z * given.scale + given.loc
    return chosen(both(known, given.are_valid), value, given.badvalue)


for _name in ("pdf", "logpdf"):
    _method(_name, _density)
for _name in ("cdf", "logcdf", "sf", "logsf"):
    _method(_name, _probability)
for _name in ("ppf", "isf"):
    _method(_name, _quantile)
