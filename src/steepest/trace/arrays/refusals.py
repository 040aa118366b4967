"""Errors for what NumPy's arrays can do and traced arrays cannot."""

from __future__ import annotations

from typing import Any, NoReturn

from steepest.errors import ConcreteValueError, RefusalError, SteepestError, UnsupportedError
from steepest.graph.source import at, library_function, user_source


class UnsupportedAttributeError(UnsupportedError, AttributeError):
    """An attribute of arrays that cannot be recorded."""


class MissingAttributeError(SteepestError, AttributeError):
    """An attribute that the value does not have in NumPy either."""


def refuse_attribute(name: str, *_: Any, **__: Any) -> NoReturn:
    """Raise for an attribute or method of arrays that cannot be recorded."""
    refuse_library(f"the array attribute .{name}", UnsupportedAttributeError)
    raise UnsupportedAttributeError(
        f"the array attribute .{name}{at(user_source())} cannot be recorded; "
        "`steepest coverage` lists what can be"
    )


class PlainNeededError(ConcreteValueError):
    """Code that is not recorded needs a plain number or array."""


def need(
    what: str, instead: str, error: type[ConcreteValueError] = ConcreteValueError
) -> NoReturn:
    """Raise where Python needs a value that is not known while tracing."""
    refuse_library(what)
    raise error(
        f"Python needs {what}{at(user_source())}, but a traced value stands for every value "
        f"it may have: use {instead}"
    )


_INSTEAD = (
    "write it with other NumPy functions (`steepest coverage` lists those that can be), call it "
    'in a function of st.black_box(function, derivative="differences") or st.custom_derivative, '
    "or compute it outside and pass it in"
)


def refuse(what: str) -> NoReturn:
    """Raise for NumPy code that cannot be recorded."""
    refuse_library(what, UnsupportedError)
    raise UnsupportedError(f"{what}{at(user_source())} cannot be recorded: {_INSTEAD}")


def refuse_library(what: str, error: type[RefusalError] = PlainNeededError) -> None:
    """Raise if the caller that needs something is a function of an installed library."""
    name = library_function()
    if name is not None:
        raise error(
            f"{name}{at(user_source())} needs {what}, so it cannot be recorded: {_INSTEAD}"
        )
