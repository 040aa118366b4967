"""What users of SciPy write: its names of arguments, and those that nothing here needs."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any, ParamSpec, TypeVar

from steepest.descent.stop import (
    GradientNormBelow,
    LossChangeBelow,
    MaxIterations,
    StepBelow,
    StopRule,
)
from steepest.errors import InputError

_P = ParamSpec("_P")
_R = TypeVar("_R")

CURVES = {"f": "model", "xdata": "x", "ydata": "y"}
SQUARES = {"fun": "residuals"}
LOSSES = {"fun": "function"}
"""SciPy's names of arguments, and ours."""

_NEEDLESS = frozenset(
    {
        *("jac", "hess", "hessp", "jac_sparsity", "diff_step", "epsfcn", "col_deriv"),
        *("x_scale", "factor", "tr_solver", "tr_options", "verbose", "workers"),
    }
)
"""What SciPy is told of slopes, which are exact here, or about how to search."""


def takes_scipys_names(names: Mapping[str, str]) -> Callable[[Callable[_P, _R]], Callable[_P, _R]]:
    """Decorate a front door: it takes SciPy's names of arguments, too."""

    def decorate(function: Callable[_P, _R]) -> Callable[_P, _R]:
        ours = frozenset(inspect.signature(function).parameters)

        @functools.wraps(function)
        def call(*args: _P.args, **kwargs: _P.kwargs) -> _R:
            if len(args) > 2 and names is SQUARES and (callable(args[2]) or args[2] in _WAYS):
                raise InputError(
                    "the third argument of least_squares is args, those of the residuals: leave "
                    "jac out, slopes are exact without"
                )
            if not ours.issuperset(kwargs):
                kwargs = _translated(kwargs, names, ours)  # type: ignore[assignment]
            return function(*args, **kwargs)

        return call

    return decorate


_WAYS = ("2-point", "3-point", "cs")


def _translated(
    given: Mapping[str, Any], names: Mapping[str, str], ours: frozenset[str]
) -> dict[str, Any]:
    """Return arguments by our names."""
    result = {name: value for name, value in given.items() if name in ours}
    for name, value in given.items():
        if name in ours:
            continue
        if name in names:
            result[names[name]] = value
        elif name == "jac" and value is True:
            raise InputError(
                "jac=True says that the function returns its gradient, too: let it return the "
                "loss alone, the gradient is found exactly"
            )
        elif name in ("tol", "options") and "function" in ours:
            _add_stop(result, value if name == "options" else {"gtol": value})
        elif name == "full_output" and value:
            raise InputError("full_output=True: the fit that is returned has it all; leave it out")
        elif name == "constraints" and value not in ((), [], None):
            raise InputError("constraints are not supported: only bounds are")
        elif name not in _NEEDLESS and name not in ("full_output", "constraints"):
            result[name] = value  # Python says what is wrong
    return result


_RULES: dict[str, Callable[[Any], StopRule]] = {
    "gtol": GradientNormBelow,
    "ftol": LossChangeBelow,
    "xtol": StepBelow,
    "maxiter": MaxIterations,
}


def _add_stop(given: dict[str, Any], options: Mapping[str, Any] | None) -> None:
    """Add the stop rule that SciPy's options mean."""
    rules = []
    for name, value in (options or {}).items():
        if name in _RULES:
            if value is not None:
                rules.append(_RULES[name](value))
        elif name != "disp":
            raise InputError(
                f"options has {name!r}: known are {', '.join(_RULES)}; other rules to stop at "
                "are given as stop=..., settings of a method with the method"
            )
    if rules and not any([isinstance(rule, MaxIterations) for rule in rules]):
        rules.append(MaxIterations(10_000))
    before = given.get("stop")
    rules += [before] if before is not None else []
    if rules:
        given["stop"] = functools.reduce(lambda a, b: a | b, rules)
