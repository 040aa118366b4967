"""Names of methods, and the choice of a default method."""

from __future__ import annotations

import dataclasses
import difflib
import inspect
import re
from collections.abc import Callable, Iterable
from typing import Any

from steepest.descent import methods
from steepest.descent.methods import (
    BFGS,
    LBFGS,
    SQP,
    Adam,
    Dogleg,
    InteriorPoint,
    LevenbergMarquardt,
    NewtonCG,
    NonlinearCG,
    Search,
    TrustRegion,
)
from steepest.descent.methods.base import Driven, needs_residuals
from steepest.errors import InputError, SettingError

_DENSE = 100
"""Largest number of parameters for which a dense matrix is cheap."""

_MOST_ROWS = 200
"""Largest number of constraints for which a dense matrix is cheap."""

_WORD = re.compile(r"(?<=[a-z])(?=[A-Z]{2}|[A-Z][a-z])")


def _is_method(kind: Any) -> bool:
    """Whether a class is a method whose settings all have defaults."""
    is_one = hasattr(kind, "update") or hasattr(kind, "advance")
    if not is_one or inspect.isabstract(kind) or not dataclasses.is_dataclass(kind):
        return False
    missing = dataclasses.MISSING
    settings = [field for field in dataclasses.fields(kind) if field.init]
    return all(f.default is not missing or f.default_factory is not missing for f in settings)


def _is_driven(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Driven)


def _by_name(kinds: Iterable[Any]) -> dict[str, Any]:
    """Return classes by their names in kebab case: ``"newton-cg"`` for ``NewtonCG``."""
    return dict(sorted((_WORD.sub("-", kind.__name__).lower(), kind) for kind in kinds))


BY_NAME = _by_name(filter(_is_method, map(vars(methods).get, methods.__all__)))
"""Methods by name."""

DRIVEN = _by_name([kind for kind in map(vars(methods).get, methods.__all__) if _is_driven(kind)])
"""Methods that are loops around compiled functions, by name; only ``minimize`` runs them."""

SCIPY_NAMES: dict[str, Callable[[], Any]] = {
    "cg": NonlinearCG,
    "l-bfgs-b": LBFGS,
    "trust-exact": lambda: TrustRegion(exact=True),
    "trust-ncg": lambda: TrustRegion(exact=False),
    "trust-krylov": lambda: TrustRegion(exact=False),
    "lm": LevenbergMarquardt,
    "trf": LevenbergMarquardt,
    "dogbox": Dogleg,
    "slsqp": SQP,
    "trust-constr": SQP,
    "cobyla": SQP,
    "cobyqa": SQP,
    "tnc": LBFGS,
}
"""SciPy's names of methods, where they differ."""

_CAPITALS = ("L-BFGS-B", "BFGS", "CG", "Newton-CG", "SLSQP", "COBYLA", "COBYQA", "TNC")
_SPELLED = {name.lower(): name for name in _CAPITALS}
"""SciPy's names of methods as people write them."""

_LEADS_TO = {
    "slsqp": "SQP takes the place of SciPy's SLSQP, with exact Hessians",
    "trust-constr": "SQP takes the place of SciPy's trust-constr",
    "cobyla": "SQP takes the place of SciPy's COBYLA, since derivatives are exact",
    "cobyqa": "SQP takes the place of SciPy's COBYQA, since derivatives are exact",
    "tnc": "LBFGS takes the place of SciPy's TNC: it supports bounds, by projection",
}
"""Why a method of SciPy's leads to another one."""

WITHOUT_DERIVATIVES = ("nelder-mead", "powell")
"""SciPy's methods that ``minimize`` runs as they are."""

FOR_RESIDUALS = tuple(kind for kind in BY_NAME.values() if needs_residuals(kind))
"""Methods that need residuals."""

FOR_LOSSES = tuple(name for name, method in BY_NAME.items() if method not in FOR_RESIDUALS)
"""Names of the methods that need no residuals."""


def is_for_losses(method: Any) -> bool:
    """Whether a method is one of steepest's methods that need no residuals."""
    return type(method) in [BY_NAME[name] for name in FOR_LOSSES]


def _check_for_loss(method: Any) -> None:
    """Raise if a method needs residuals, where there is only a loss."""
    if needs_residuals(method):
        name = type(method).__name__
        raise InputError(
            f"{name} needs residuals, not their sum of squares: give a function that returns "
            "them to st.least_squares, or take st.TrustRegion() here"
        )


def _check_for_constraints(method: Any, kinds: Any = SQP) -> None:
    """Raise if a method, of none of some kinds, does not take constraints."""
    if not isinstance(method, kinds):
        refuse_constraints(type(method).__name__)


def refuse_constraints(name: str) -> None:
    """Raise for a method that does not take constraints."""
    raise InputError(
        f"{name} does not take constraints: leave method out, or give method=st.SQP()"
    )


def default_method(
    method: Any,
    size: int,
    has_batches: bool,
    has_bounds: bool,
    has_constraints: bool = False,
) -> tuple[Any, str]:
    """Return the method that minimizes a loss, and why it was chosen.

    Parameters
    ----------
    method
        A method, the name of one, or None for the default.
    size
        Number of parameters.
    has_batches, has_bounds, has_constraints
        Whether there are minibatches, bounds, and constraints.

    Returns
    -------
    method : Method or Search
        The method.
    reason : str
        Why it is the default, or takes the place of SciPy's; else empty.
    """
    if method is not None:
        reason = _LEADS_TO.get(method.lower(), "") if isinstance(method, str) else ""
        method = choose_method(method, for_loss=True)
        _check_for_loss(method)
        if has_constraints:
            _check_for_constraints(method, SQP | Driven)
        if has_batches and isinstance(method, Driven):
            raise InputError(
                f"{type(method).__name__} compares losses of successive points, but each batch "
                "has its own loss: use st.Adam() or st.Momentum(), or leave batches out"
            )
        return method, reason
    if has_constraints:
        return SQP(), "it takes constraints"
    if has_batches:
        return Adam(), "each batch has its own loss, so that a line search cannot compare losses"
    if size <= _DENSE and not has_bounds:
        return BFGS(), f"{size} parameters: a dense approximation of the curvature is cheap"
    reason = "it supports bounds, by projection" if has_bounds else "its memory grows linearly"
    return LBFGS(), f"{size} parameters: {reason}"


def method_for_constraints(size: int, rows: int) -> tuple[Any, str]:
    """Return the default method for so many parameters and constraints, and why it was chosen."""
    if size <= _DENSE and rows <= _MOST_ROWS:
        return SQP(), "it takes constraints"
    return InteriorPoint(), (
        f"it takes constraints, and {size} parameters with {rows} constraints need sparse matrices"
    )


_FOR_SQUARES = LevenbergMarquardt()


def choose_for_squares(method: Any, has_constraints: bool = False) -> tuple[Any, str]:
    """Return the method that minimizes a sum of squares, and why it was chosen."""
    if method is None and has_constraints:
        return SQP(), "it takes constraints"
    if method is None:
        return _FOR_SQUARES, "a sum of squares of residuals with known derivatives"
    method = choose_method(method)
    if has_constraints:
        _check_for_constraints(method)
    return method, ""


def method_for_few_residuals(size: int) -> tuple[Any, str]:
    """Return the method for fewer residuals than parameters, and why it was chosen.

    The residual is often a sum of squares already, or a distance. A linear model of it says little
    about its minimum.
    """
    method = TrustRegion() if size <= _DENSE else NewtonCG()
    return method, "fewer residuals than parameters: their curvature matters"


def choose_method(method: Any, for_loss: bool = False) -> Any:
    """Return a method, given itself or its name."""
    method = named(method, for_loss) if isinstance(method, str) else method
    if isinstance(method, Driven):
        if for_loss:
            return method
        raise InputError(
            f"{type(method).__name__} is a loop around compiled functions, which only st.minimize "
            "runs: give another method"
        )
    if isinstance(method, type) or not (
        isinstance(method, Search) or callable(getattr(method, "update", None))
    ):
        raise SettingError(
            f"method must be a descent method such as st.Adam(step_size=0.01), got {method!r}"
        )
    return method


def named(name: str, for_loss: bool = False) -> Any:
    """Return the method of a name, steepest's or SciPy's.

    Raises
    ------
    InputError
        For an unknown name. The message offers the nearest.
    """
    known = {**SCIPY_NAMES, **BY_NAME, **DRIVEN}
    if name.lower() in known:
        return known[name.lower()]()
    ours = (*FOR_LOSSES, *DRIVEN) if for_loss else tuple(BY_NAME)
    choice = f"choose one of {', '.join(ours)}"
    if name.lower() in WITHOUT_DERIVATIVES:
        raise InputError(f"{name!r} is SciPy's, and only st.minimize runs it: {choice}")
    offered = dict.fromkeys([*SCIPY_NAMES, *ours])
    bare = name.lower().replace("-", "").replace("_", "")
    near = [one for one in offered if one.replace("-", "") == bare]
    near = near or difflib.get_close_matches(name.lower(), offered, n=1)
    guess = f" (did you mean {_SPELLED.get(near[0], near[0])!r}?)" if near else ""
    raise InputError(f"unknown method {name!r}{guess}: {choice}")
