"""``root``: the entry point for systems of equations."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from steepest.descent.calling.entry import entry_point
from steepest.descent.calling.scipy_compat import EQUATIONS, squares_stop
from steepest.descent.fit_problem import FitOptions
from steepest.descent.inference.fit import Fit
from steepest.descent.least_squares import descend_squares
from steepest.descent.methods import Dogleg, LevenbergMarquardt, Search
from steepest.descent.methods.equations.newton_krylov import NewtonKrylov
from steepest.descent.methods.registry import BY_NAME
from steepest.descent.minimize import check_kinds, warn_of_interrupt
from steepest.descent.problem.objective import FirstOf, bound_to_data
from steepest.descent.problem.parameters import as_x0, ravel_parameters
from steepest.descent.problem.single_numbers import numbers_as_arrays
from steepest.descent.problem.streamed import refuse_blocks
from steepest.descent.problem.transforms import split_transforms
from steepest.descent.results.root_result import Root
from steepest.descent.running.callbacks import State
from steepest.descent.running.one_shot import key_of
from steepest.descent.running.refit import refit
from steepest.descent.stop_rules import DecrementBelow, LossBelow, MaxIterations, StopRule
from steepest.engines import Engine
from steepest.errors import InputError, SettingError

_GOAL: StopRule = DecrementBelow(5e-21) | LossBelow(0.0)
_STOP = _GOAL | MaxIterations(1_000)

_DENSE = 100
"""Most unknowns whose Jacobian is factored by default."""

_POWELLS = Dogleg(radius=100.0)  # the factor that MINPACK's hybrid method starts with
_HYBRID = _POWELLS, "Powell's hybrid method, with exact Jacobians"
_DAMPED = LevenbergMarquardt(), "the hybrid method found no solution"
_KRYLOV = NewtonKrylov(), "many unknowns: the Jacobian is not formed"
_REPLACED = (
    *("broyden1", "broyden2", "anderson", "linearmixing", "diagbroyden", "excitingmixing"),
    "df-sane",
)
"""SciPy's methods that estimate derivatives, whose place ours take."""

_NAMED: dict[str, Search] = {
    "hybr": _POWELLS,
    "lm": LevenbergMarquardt(),
    "krylov": NewtonKrylov(),
    "newton-krylov": NewtonKrylov(),
}

_TOLERANCES = {"xtol": "xtol", "x_tol": "xtol", "x_rtol": "xtol", "ftol": "ftol"}
_LIMITS = ("maxfev", "maxiter", "maxfun")
_NEEDLESS = (
    *("disp", "eps", "band", "factor", "diag", "col_deriv", "gtol", "fatol", "f_tol", "f_rtol"),
    *("line_search", "jac_options", "tol_norm", "nit", "fnorm", "sigma_eps", "sigma_0", "M"),
)


@entry_point(EQUATIONS)
@numbers_as_arrays
def root(
    equations: Callable[..., Any],
    x0: Any,
    args: Sequence[Any] = (),
    method: Search | str | None = None,
    jac: Any = None,
    tol: float | None = None,
    callback: Callable[[State], Any] | None = None,
    options: Mapping[str, Any] | None = None,
    *,
    stop: StopRule | None = None,
    engine: str | Engine = "native",
) -> Root:
    """Solve a system of equations written in NumPy.

    Parameters
    ----------
    equations : callable
        ``equations(x, *args)`` returns what must become zero: real numbers, nested or in arrays,
        as many as unknowns. Their Jacobian is exact.
    x0 : array_like or nested parameters
        Start values, as for :func:`minimize`; they may be marked, for example :class:`Positive`.
    args : tuple, optional
        Further arguments of the equations. A single one need not be in a tuple.
    method : Search or str, optional
        A method for residuals, or a name: ``"hybr"`` (Powell's dogleg [1]_), ``"lm"``
        (:class:`LevenbergMarquardt`), ``"krylov"`` (Newton's method by GMRES, which does not form
        the Jacobian). By default ``"hybr"`` for up to 100 unknowns, else ``"krylov"``. If it finds
        no solution, ``"lm"`` or ``"hybr"`` starts from the same point. SciPy's methods that
        estimate derivatives (``"broyden1"``, ``"df-sane"``...) lead to the default. The result's
        ``reason`` says why a method was chosen.
    jac : callable or bool, optional
        Accepted as SciPy's, and not called.
    tol : float, optional
        Relative length of a step below which the search stops, as SciPy's. By default it goes on
        until rounding errors prevent a further decrease.
    callback : callable, optional
        Called with a :class:`State` after every step, as for :func:`minimize`.
    options : dict, optional
        SciPy's options: ``xtol``, ``ftol`` and limits count, others have no effect.
    stop : StopRule, optional
        Stop rule, in place of the default of 1,000 steps.
    engine : {"native", "numpy", "torch"} or Engine, optional
        Where the search runs.

    Returns
    -------
    Root
        ``x``, ``fun``, ``success``, ``status``, ``message``, ``nfev``, as SciPy's result.
        If there is no solution, `x` is a point of least residual and the status ``NO_ROOT``, or
        ``SINGULAR`` if the search ended where the Jacobian is singular, or ``DIVERGED`` if the
        equations are not finite at the start.

    Raises
    ------
    InputError
        If start values, data or a setting are invalid, or if there are fewer equations than
        unknowns.
    SettingError
        If an argument has the wrong type.
    UnsupportedError
        If the equations contain code that cannot be traced. The message names the line.

    References
    ----------
    .. [1] M. J. D. Powell, "A hybrid method for nonlinear equations", in P. Rabinowitz (ed.),
       Numerical Methods for Nonlinear Algebraic Equations, Gordon and Breach, 87-114, 1970.

    Examples
    --------
    >>> import numpy as np, steepest as st
    >>> def equations(x):
    ...     return [x[0] * np.cos(x[1]) - 4, x[0] * x[1] - x[1] - 5]
    >>> found = st.root(equations, [1.0, 1.0])
    >>> found.x.round(4), found.success
    (array([6.5041, 0.9084]), True)
    """
    if jac is True:
        equations = FirstOf(equations)
    args = args if isinstance(args, tuple | list) else (args,)
    x0 = as_x0(x0)
    settings = method, tol, tuple(sorted((options or {}).items())), stop, engine, jac is True
    key = None
    if callback is None:
        key = key_of(("root", equations, settings), x0, tuple(args))
        end = None if key is None else refit(key, x0, tuple(args))
        if end is not None:
            again = Root(
                Fit(end, end.names), equations, np.ravel(x0), _relative(tol, options), stop
            )
            if again.success:
                return again  # else other methods are tried
    check_kinds(equations, stop, callback, what="equations")
    rule = _stop(stop, tol, options)
    start = ravel_parameters(split_transforms(x0)[0])[1]
    candidates = _candidates(method, start.size)
    refuse_blocks(*args)
    function, args = bound_to_data(equations, args)
    first: Root | None = None
    for number, (chosen, reason) in enumerate(candidates):
        given = FitOptions(chosen, None, "linear", 1.0, rule, (None,) * 4, engine)
        fit = descend_squares(
            function, x0, args, given, "auto", callback, False, reason=reason,
            key=key if number == 0 else None, may_be_singular=True,
        )  # fmt: skip
        if fit.observations < len(fit.vector):
            raise InputError(
                f"{fit.observations} equations cannot determine {len(fit.vector)} unknowns: "
                "give as many, or call st.least_squares"
            )
        found = Root(fit, equations, start, _relative(tol, options), stop)
        if found.success or fit.run.status.name in ("CALLBACK", "INTERRUPTED", "TIME_LIMIT"):
            break
        if first is not None and not found.loss < first.loss:
            found = first
        first = found
    warn_of_interrupt(fit.run)
    return found


def _candidates(method: Any, size: int) -> list[tuple[Search, str]]:
    """Return the methods to try in turn, and why."""
    if isinstance(method, str):
        name = method.lower()
        if name in _NAMED:
            return [(_NAMED[name], _HYBRID[1] if name == "hybr" else "")]
        if name not in _REPLACED:
            return [(_by_name(name), "")]
        why = f"exact derivatives take the place of SciPy's {name}"
        return [(one, f"{why}: {reason}") for one, reason in _candidates(None, size)]
    if method is not None:
        if not isinstance(method, Search):
            raise SettingError(
                f"method must be a method for residuals such as st.Dogleg(), got {method!r}"
            )
        return [(method, "")]
    if size <= _DENSE:
        return [_HYBRID, _DAMPED]
    return [_KRYLOV, (_POWELLS, "Newton's method by GMRES found no solution")]


def _by_name(name: str) -> Search:
    found = BY_NAME.get(name)
    if found is not None and found.needs_residuals:
        method: Search = found()
        return method
    known = (*_NAMED, *_REPLACED)
    near = difflib.get_close_matches(name, known, n=1)
    guess = f" (did you mean {near[0]!r}?)" if near else ""
    raise InputError(f"unknown method {name!r}{guess}: choose one of {', '.join(known)}")


def _stop(stop: StopRule | None, tol: Any, options: Mapping[str, Any] | None) -> StopRule:
    """Return the stop rule for SciPy's tolerances and options."""
    given, limit = _tolerances(tol, options)
    rule = squares_stop(given.get("ftol"), given.get("xtol"), None, limit, _GOAL)
    if rule is None:
        return _STOP if stop is None else stop
    rule = rule | LossBelow(0.0)
    return rule if stop is None else rule | stop


def _relative(tol: Any, options: Mapping[str, Any] | None) -> float:
    """Return the largest relative tolerance that is given; 0 if none is."""
    return float(max(value or 0.0 for value in (0.0, *_tolerances(tol, options)[0].values())))


def _tolerances(tol: Any, options: Mapping[str, Any] | None) -> tuple[dict[str, Any], Any]:
    """Return tolerances by SciPy's names, and the limit on evaluations."""
    given: dict[str, Any] = {} if tol is None else {"xtol": tol}
    limit = None
    for name, value in (options or {}).items():
        if name in _TOLERANCES:
            given[_TOLERANCES[name]] = value
        elif name in _LIMITS:
            limit = value or limit  # 0 means the default, as in SciPy
        elif name not in _NEEDLESS:
            known = (*_TOLERANCES, *_LIMITS, *_NEEDLESS)
            near = difflib.get_close_matches(str(name), known, n=1)
            guess = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known)}"
            raise InputError(f"options has {name!r}: {guess}")
    return given, limit
