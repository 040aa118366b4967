"""Calls of the implementations that record NumPy's functions, with NumPy's own errors."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from steepest.errors import RefusalError, SteepestError, UnsupportedError
from steepest.frames import stands_in
from steepest.graph.source import at, user_source
from steepest.trace.arrays.array import Traced
from steepest.trace.arrays.refusals import refuse
from steepest.trace.arrays.registries import CALLS


@stands_in
def call_implementation(
    implementation: Callable[..., Any],
    name: str,
    args: Any,
    kwargs: Mapping[str, Any],
    plain: Callable[..., Any],
) -> Any:
    """Call what records a function; refuse arguments that it does not take.

    If it fails, the plain function is called. An error that the plain function does not raise
    is a refusal: the user's ``except`` must not take it for NumPy's. If both raise errors of
    different types, NumPy's is raised.
    """
    try:
        return implementation(*args, **kwargs)
    except RefusalError:
        raise
    except Exception as error:
        if type(error) is TypeError:
            _demand_arguments(implementation, name, args, kwargs)
        raised = _raised(plain, args, kwargs)
        if raised is None:
            what = str(error) if isinstance(error, SteepestError) else _failed(name, error)
            raise UnsupportedError(what) from error
        if isinstance(raised, _NotAskedError):
            raise
        if isinstance(error, type(raised)):
            raise error.with_traceback(None) from error.__cause__  # the user did it
        raise raised from error


def _failed(name: str, error: Exception) -> str:
    return (
        f"{name} of these arguments{at(user_source())} cannot be recorded ({error}): write it "
        "with other NumPy functions, or compute it outside and pass it in"
    )


def _demand_arguments(
    implementation: Callable[..., Any], name: str, args: Any, kwargs: Mapping[str, Any]
) -> None:
    """Refuse a call with arguments that an implementation does not take."""
    signature = inspect.signature(implementation)
    try:
        signature.bind(*args, **kwargs)
    except TypeError as mismatch:
        unknown = [key for key in kwargs if key not in signature.parameters]
        refuse(f"the argument {unknown[0]}= of {name}" if unknown else f"{name} ({mismatch})")


class _NotAskedError(Exception):
    """The plain function was not called: values are unknown, or it would call user code twice."""


def _raised(plain: Callable[..., Any], args: Any, kwargs: Mapping[str, Any]) -> Exception | None:
    """Return what a function raises for the values at hand."""
    try:
        values, named = _plain_values((args, dict(kwargs)))
    except Exception as error:
        return _NotAskedError(str(error))
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            plain(*values, **named)
    except Exception as error:
        return error
    return None


def _plain_values(value: Any) -> Any:
    if isinstance(value, Traced):
        return value.plain()
    if isinstance(value, np.ndarray):
        return value.copy()  # the function may write to it
    if isinstance(value, dict):
        return {name: _plain_values(item) for name, item in value.items()}
    if type(value) in (tuple, list):
        return type(value)(map(_plain_values, value))
    if callable(value) and not isinstance(value, type | np.ufunc):
        raise TypeError("a function of the user's is called no more than once")
    return value


CALLS["implementation"] = call_implementation
