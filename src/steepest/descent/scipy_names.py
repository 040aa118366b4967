"""What users of SciPy write: its names of arguments, and those that nothing here needs."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any, ParamSpec, TypeVar

from steepest.descent.stop import (
    DecrementBelow,
    GradientMaxBelow,
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
            if kwargs and not ours.issuperset(kwargs):
                any_names: Callable[..., _R] = function
                return any_names(*args, **_translated(kwargs, names, ours))
            return function(*args, **kwargs)

        return call

    return decorate


def check_no_slopes(args: Any) -> None:
    """Raise where SciPy's third argument, jac, stands in the place of our `args`."""
    if callable(args) or (isinstance(args, str) and args in ("2-point", "3-point", "cs")):
        raise InputError(
            "the third argument of least_squares is args, those of the residuals: leave jac out, "
            "slopes are exact without"
        )


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


_OPTIONS = ("ftol", "xtol", "gtol", "maxiter")


def _add_stop(given: dict[str, Any], options: Mapping[str, Any] | None) -> None:
    """Add the stop rule that SciPy's options mean."""
    options = options or {}
    for name in options:
        if name not in (*_OPTIONS, "disp"):
            raise InputError(
                f"options has {name!r}: known are {', '.join(_OPTIONS)}; other rules to stop at "
                "are given as stop=..., settings of a method with the method"
            )
    before, meant = given.get("stop"), scipy_stop(*[options.get(name) for name in _OPTIONS])
    if meant is not None:
        given["stop"] = meant if before is None else meant | before


def scipy_stop(
    ftol: float | None, xtol: float | None, gtol: float | None, max_nfev: int | None
) -> StopRule | None:
    """Return the stop rule that SciPy's tolerances mean; None if none is given."""
    rules: list[StopRule] = []
    if ftol is not None:
        rules.append(LossChangeBelow(ftol))
    if xtol is not None:
        rules.append(StepBelow(xtol))
    if gtol is not None:
        rules.append(GradientMaxBelow(gtol))
    if not rules and max_nfev is None:
        return None
    limit: StopRule = MaxIterations(10_000 if max_nfev is None else max_nfev)
    rules = rules or [DecrementBelow(1e-20)]
    return functools.reduce(lambda a, b: a | b, [*rules, limit])
