"""SciPy's names of arguments and options, and their meaning in steepest."""

from __future__ import annotations

import dataclasses
import difflib
import functools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from steepest.descent.calling.scipy_solvers import solver_of, with_options
from steepest.descent.calling.unknown_names import unknown
from steepest.descent.methods import BFGS, LBFGS, NonlinearCG, StrongWolfe, TrustRegion
from steepest.descent.problem.objective import FirstOf
from steepest.descent.stop_rules import (
    DecrementBelow,
    GradientNormBelow,
    LossBelow,
    LossChangeBelow,
    MaxIterations,
    StepBelow,
    StopRule,
)
from steepest.errors import InputError, SettingError
from steepest.presentation import presenter

_R = TypeVar("_R")

CURVES = {"f": "model", "xdata": "x", "ydata": "y"}
SQUARES = {"fun": "residuals"}
LOSSES = {"fun": "function"}
EQUATIONS = {"fun": "equations", "f": "equations", "func": "equations"}
SCALARS = {"fun": "f", "function": "f", "func": "f"}
"""SciPy's names of arguments, with steepest's."""

_DIFFERENCES = ("2-point", "3-point", "cs")
_SLOPES = ("jac", "hess", "hessp", "Dfun")
_NEEDLESS = (
    *("jac_sparsity", "diff_step", "epsfcn", "col_deriv", "workers"),
    *("x_scale", "factor", "diag", "tr_solver", "tr_options"),
)
"""SciPy's arguments on finite differences and trust regions, which have no effect."""

_SHOWN = ("disp", "verbose", "iprint")

GRADIENT_GOAL: StopRule = GradientNormBelow(1e-6)
SQUARES_GOAL: StopRule = DecrementBelow(5e-21) | LossBelow(0.0)
"""Default goals of losses and of residuals."""


@dataclass(frozen=True)
class CallOptions:
    """What a call asked for besides the arguments of the function.

    Attributes
    ----------
    args
        Its positional arguments.
    notes
        Sentences on arguments that have no effect.
    verbosity
        0 prints nothing, 1 how the run ended, 2 also each iteration.
    """

    args: Sequence[Any]
    notes: tuple[str, ...] = ()
    verbosity: int = 0

    def noted(self, result: _R) -> _R:
        """Return a result with the notes in its message."""
        fields = {field.name for field in dataclasses.fields(result)}  # type: ignore[arg-type]
        if "notes" not in fields:
            return result
        notes = (*self.notes, *getattr(result, "notes", ()))
        return dataclasses.replace(result, notes=notes)  # type: ignore[type-var]

    def print(self, result: Any) -> None:
        """Print how the run ended."""
        presenter("progress").print_ending(result)


def translated(
    function: str,
    args: Sequence[Any],
    given: Mapping[str, Any],
    names: Mapping[str, str],
    ours: Sequence[str],
) -> tuple[dict[str, Any], CallOptions]:
    """Return the arguments of a call by steepest's names, and its other options.

    Parameters
    ----------
    function
        Name of the function called.
    args, given
        Its positional arguments, and those given by name.
    names, ours
        SciPy's names of its arguments with steepest's, and all of steepest's.
    """
    result = {name: value for name, value in given.items() if name in ours}
    others = {name: value for name, value in given.items() if name not in ours}
    of_loss = ours[0] == "function"
    if names not in (EQUATIONS, SCALARS):  # these have methods of their own
        _check_method(given.get("method"), of_loss)
    notes: list[str] = []
    options: dict[str, Any] = {}
    own: dict[str, Any] = {}
    method = given.get("method", args[3] if of_loss and len(args) > 3 else None)
    verbosity = 0
    for name, value in others.items():
        if name in names:
            if names[name] in result or ours.index(names[name]) < len(args):
                raise SettingError(f"{name} and {names[name]} are the same argument: give one")
            result[names[name]] = value
        elif name in _SLOPES and (of_loss or name in ("jac", "Dfun")):
            notes += _note_on(name, value, of_loss)
        elif name in ("options", "tol") and of_loss and solver_of(method, always=True):
            own |= dict(_checked(value)) if name == "options" else {"tol": value}
        elif name == "options" and of_loss:
            known, dropped = _without_settings(method, _checked(value))
            options, notes = {**options, **_as_options(known)}, [*notes, *dropped]
        elif name == "tol" and of_loss:
            options = {"gtol": value, **options}
        elif name in _SHOWN:
            verbosity = max(verbosity, _level(name, value))
        elif name == "x_scale" and names is SQUARES:
            _check_scales(value, args[1] if len(args) > 1 else given.get("x0"))
        elif name not in _NEEDLESS or of_loss:
            raise unknown(function, name, value, _accepted(names, ours, of_loss))
    if of_loss and given.get("jac") is True:
        args = _with_first(args, result)
    if own:
        verbosity = max(verbosity, *(_level(n, own.pop(n, 0)) for n in _SHOWN))
        if len(args) > 3:
            raise InputError(f"options has {next(iter(own), 'disp')!r}: give method by its name")
        result["method"] = with_options(method, own)
    if options:
        verbosity = max(verbosity, *(_level(n, options.pop(n, 0)) for n in _SHOWN))
        _apply(result, options, positional=len(args))
    if verbosity > 1 and "callback" in ours:
        table = presenter("progress").Table()
        result["callback"] = table.before(result.get("callback"))
    return result, CallOptions(args, tuple(notes), verbosity)


def _check_scales(scales: Any, x0: Any) -> None:
    """Raise unless scales of parameters are as SciPy takes them, although they have no effect."""
    if scales is None or (isinstance(scales, str) and scales == "jac"):
        return
    shapes = (
        [(), np.shape(x0)] if isinstance(x0, np.ndarray | list | tuple) else [np.shape(scales)]
    )
    values = np.asarray(scales)
    is_real = values.dtype.kind in "iuf"
    if not is_real or values.shape not in shapes or not (values > 0).all():
        raise InputError(
            f"x_scale must be 'jac', a positive number, or one for each parameter: got {scales!r}"
        )


def _check_method(method: Any, of_loss: bool) -> None:
    """Raise for an unknown name of a method, before its options are looked at."""
    from steepest.descent.methods.registry import named

    if isinstance(method, str) and not (of_loss and solver_of(method)):
        named(method, of_loss)


def _accepted(names: Mapping[str, str], ours: Sequence[str], of_loss: bool) -> list[str]:
    more: tuple[str, ...]
    if of_loss:
        more = ("jac", "hess", "hessp", "tol", "options", "disp", "verbose")
    else:
        more = ("jac", *_NEEDLESS, "verbose")
    return [*ours, *(name for name in (*names, *more) if name not in ours)]


def _with_first(args: Sequence[Any], result: dict[str, Any]) -> Sequence[Any]:
    """Replace a function that also returns its gradient by its loss."""
    if args:
        return FirstOf(args[0]), *args[1:]
    result["function"] = FirstOf(result["function"])
    return args


def _note_on(name: str, value: Any, of_loss: bool) -> list[str]:
    """Return notes on derivatives that SciPy needs and steepest does not."""
    if value is None or value is False:
        return []
    if value is True:
        if name == "jac" and of_loss:
            return [
                "jac=True: the gradient that the function returns was not used, since steepest "
                "computes it exactly."
            ]
        raise InputError(f"{name}=True has no meaning here: leave it out, derivatives are exact")
    if isinstance(value, str) and value not in _DIFFERENCES:
        raise InputError(f"{name} must be a function or one of {_DIFFERENCES}, got {value!r}")
    if callable(value):
        return [f"{name} was not called: steepest computes it exactly, from the code."]
    return []


def check_no_slopes(args: Any) -> None:
    """Raise if the argument `args` is SciPy's third one, jac."""
    if is_slopes(args):
        raise InputError(THIRD_IS_ARGS)


THIRD_IS_ARGS = (
    "the third argument of least_squares is args, those of the residuals: leave jac out, "
    "derivatives are exact, or give it by its name"
)


def is_slopes(value: Any) -> bool:
    """Whether a value is one that SciPy takes as jac."""
    return callable(value) or (isinstance(value, str) and value in _DIFFERENCES)


def _level(name: str, value: Any) -> int:
    """Return the verbosity that an argument asks for."""
    if value is None:
        return 0
    if isinstance(value, bool | np.bool_ | int | float | np.number) and np.isfinite(value):
        return 0 if value <= 0 else 2 if name == "verbose" and value > 1 else 1
    raise SettingError(f"{name} must be True or False, or a whole number: got {value!r}")


# Options.

_COUNTS = ("maxiter", "maxfun", "maxfev", "max_nfev")
_TOLERANCES = ("ftol", "xtol", "gtol", "xrtol", "norm")
_OF_METHODS = ("maxcor", "c1", "c2", "initial_trust_radius")
_OPTIONS = (*_COUNTS, *_TOLERANCES, *_OF_METHODS, *_SHOWN)
_REFUSED = {
    ("eps", "finite_diff_rel_step", "workers"): (
        "which is for finite differences: the gradient is exact here, leave it out"
    ),
    ("return_all",): "which is called record='all' here: run.history.x has every point",
    ("hess_inv0", "maxls", "eta", "max_trust_radius", "inexact", "subproblem_maxiter"): (
        "which no method here has: leave it out"
    ),
}
_WHY = {name: why for names, why in _REFUSED.items() for name in names}


def _checked(options: Any) -> Mapping[str, Any]:
    """Return SciPy's options, or raise if they are no dict."""
    if options is None:
        return {}
    if not isinstance(options, Mapping):
        raise SettingError(f"options must be a dict such as {{'maxiter': 100}}, got {options!r}")
    return options


_SETTINGS = {
    "slsqp": ("eps", "finite_diff_rel_step", "workers"),
    "trust-constr": (
        *("finite_diff_rel_step", "workers"),
        *("barrier_tol", "sparse_jacobian", "initial_constr_penalty", "initial_tr_radius"),
        *("initial_barrier_parameter", "initial_barrier_tolerance", "factorization_method"),
    ),
    "cobyla": ("rhobeg", "catol", "tol"),
    "cobyqa": (
        *("f_target", "feasibility_tol", "initial_tr_radius", "final_tr_radius", "scale"),
        *("radius_init", "radius_final", "filter_size", "store_history", "nb_points"),
    ),
    "tnc": (
        *("offset", "mesg_num", "maxCGit", "eta", "stepmx", "accuracy", "minfev", "rescale"),
        *("scale",),
    ),
}
"""Settings of SciPy's methods whose place another method takes."""


def _without_settings(
    method: Any, options: Mapping[str, Any]
) -> tuple[Mapping[str, Any], list[str]]:
    """Return options without settings of a method that is not run, and notes on these."""
    names = _SETTINGS.get(method.lower(), ()) if isinstance(method, str) else ()
    dropped = [name for name in options if name in names]
    others = {name: value for name, value in options.items() if name not in names}
    return others, [f"{name}, a setting of SciPy's {method}, has no effect." for name in dropped]


def _as_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return SciPy's options, or raise for an unknown one."""
    for name in options:
        if name in _OPTIONS:
            continue
        near = difflib.get_close_matches(str(name), _OPTIONS, n=1)
        guess = f", did you mean {near[0]!r}?" if near else ":"
        why = _WHY.get(
            name,
            f"{guess} known are {', '.join(_OPTIONS)}; other rules to stop at are given as "
            "stop=..., settings of a method with the method",
        )
        raise InputError(f"options has {name!r}{'' if why[0] in ',:' else ', '}{why}")
    return dict(options)


def _apply(given: dict[str, Any], options: dict[str, Any], positional: int) -> None:
    """Add the stop rule and the method's settings that SciPy's options stand for."""
    rule = loss_stop(options, has_batches=given.get("batches") is not None)
    before = given.get("stop")
    if rule is not None:
        given["stop"] = rule if before is None else rule | before
    settings = {n: options[n] for n in _OF_METHODS if options.get(n) is not None}
    if settings:
        if positional > 3:
            raise InputError(f"options has {next(iter(settings))!r}: give method by its name")
        given["method"] = _with_settings(given.get("method"), settings)


def _with_settings(method: Any, settings: Mapping[str, Any]) -> Any:
    """Return a method with the settings that SciPy's options stand for."""
    from steepest.descent.methods.registry import choose_method

    first = next(iter(settings))
    if method is None:
        raise InputError(f"options has {first!r}, a setting of a method: say which, method=...")
    method = choose_method(method, for_loss=True)
    if isinstance(method, LBFGS) and "maxcor" in settings:
        method = dataclasses.replace(method, memory=count("maxcor", settings["maxcor"]))
    elif "maxcor" in settings:
        raise InputError(f"options has 'maxcor', which {type(method).__name__} does not have")
    search = {"c1": "decrease", "c2": "flatness"}
    wanted = {search[n]: float(value) for n, value in settings.items() if n in search}
    if wanted:
        if not isinstance(method, BFGS | LBFGS | NonlinearCG):
            raise InputError(
                f"options has {next(n for n in settings if n in search)!r}, of a line search that "
                f"{type(method).__name__} does not have"
            )
        line = method.search if isinstance(method.search, StrongWolfe) else StrongWolfe()
        method = dataclasses.replace(method, search=dataclasses.replace(line, **wanted))
    if "initial_trust_radius" in settings:
        if not isinstance(method, TrustRegion):
            raise InputError(
                f"options has 'initial_trust_radius', which {type(method).__name__} does not have"
            )
        method = dataclasses.replace(method, radius=float(settings["initial_trust_radius"]))
    return method


def loss_stop(options: Mapping[str, Any], has_batches: bool = False) -> StopRule | None:
    """Return the stop rule for the options of SciPy's ``minimize``; None if there are none."""
    rules: list[StopRule] = []
    ftol, xtol, xrtol, gtol = (_tolerance(options, n) for n in ("ftol", "xtol", "xrtol", "gtol"))
    if ftol is not None:
        rules.append(LossChangeBelow(ftol, ftol))
    if xtol is not None:
        rules.append(StepBelow(xtol))
    if xrtol is not None:
        rules.append(StepBelow(xrtol, xrtol**2))
    order = options.get("norm")
    if gtol is not None or order is not None:
        size = math.inf if order is None else order
        rules.append(GradientNormBelow(1e-6 if gtol is None else gtol, size))
    limit = _limit(options)
    if not rules and limit is None:
        return None
    if not rules and not has_batches:
        rules.append(GRADIENT_GOAL)
    return _any_of([*rules, MaxIterations(10_000 if limit is None else limit)])


def squares_stop(
    ftol: Any, xtol: Any, gtol: Any, max_nfev: Any, goal: StopRule
) -> StopRule | None:
    """Return the stop rule for SciPy's tolerances of fits; None if none is given.

    `goal` is the goal if only a limit is given.
    """
    options = {"ftol": ftol, "xtol": xtol, "gtol": gtol, "max_nfev": max_nfev}
    rules: list[StopRule] = []
    ftol, xtol, gtol = (_tolerance(options, name) for name in ("ftol", "xtol", "gtol"))
    if ftol is not None:
        rules.append(LossChangeBelow(ftol))
    if xtol is not None:
        rules.append(StepBelow(xtol))
    if gtol is not None:
        rules.append(GradientNormBelow(gtol, math.inf))
    limit = _limit(options)
    if not rules and limit is None:
        return None
    return _any_of([*(rules or [goal]), MaxIterations(10_000 if limit is None else limit)])


def _any_of(rules: Sequence[StopRule]) -> StopRule:
    return functools.reduce(lambda a, b: a | b, rules)


def _tolerance(options: Mapping[str, Any], name: str) -> float | None:
    value = options.get(name)
    if value is None:
        return None
    is_number = isinstance(value, int | float | np.integer | np.floating)
    if not is_number or isinstance(value, bool) or not value >= 0:
        raise InputError(f"{name} must be a number that is not negative, got {value!r}")
    return float(value)


def _limit(options: Mapping[str, Any]) -> int | None:
    """Return the smallest limit that is given; None if there is none."""
    given = [count(name, options[name]) for name in _COUNTS if options.get(name) is not None]
    return min(given, default=None)


def count(name: str, value: Any) -> int:
    """Return a whole number, which may be a float such as 1e5."""
    is_number = isinstance(value, int | float | np.integer | np.floating)
    if is_number and not isinstance(value, bool) and value >= 0:
        if math.isinf(value):
            return 1 << 62
        if value == int(value):
            return int(value)
    raise InputError(f"{name} must be a whole number that is not negative, got {value!r}")
