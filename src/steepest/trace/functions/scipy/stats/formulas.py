"""SciPy's own formulas of distributions (``_logpdf``, ``_cdf``, ...), run as traced code.

A formula is a Python method that computes with NumPy and special functions. It runs with its
own code over a view of its module's globals, in which NumPy and the other distributions are
seen through the recording. SciPy does not change, so nothing is noted for later calls.
"""

from __future__ import annotations

import functools
import sys
import types
from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np

from steepest.errors import UnsupportedError
from steepest.trace.following.namespaces import see_library, seen_builtins
from steepest.trace.following.stand_ins import READ
from steepest.trace.recording.library import is_library
from steepest.trace.recording.session import current

OWN: dict[tuple[str, str], Callable[..., Any]] = {}
"""Formulas that stand in for SciPy's, by the names of the class and the method.

SciPy computes these by numerical integration, by searching, or in compiled code.
"""

COMPUTED: dict[str, Callable[..., Any]] = {}
"""Makes what records a call of SciPy, with its slopes; ``derivative.probabilities`` fills it."""

HELPERS: dict[str, Callable[..., Any]] = {}
"""Versions that record, of SciPy's private functions that formulas call, by name."""


class _Names(dict[str, Any]):
    """A SciPy module's globals as its formulas see them."""

    def __init__(self, real: dict[str, Any]) -> None:
        super().__init__({"__builtins__": {**seen_builtins(), "super": _super}})
        self._real = real

    def __missing__(self, name: str) -> Any:
        self[name] = seen = HELPERS.get(name) or _seen(self._real[name])
        return seen


def _seen(value: Any) -> Any:
    if isinstance(value, types.FunctionType) and value.__module__.startswith("scipy.stats"):
        return rebuilt(value)
    if isinstance(value, types.ModuleType):
        name = value.__name__
        if "._" in name or name in ("scipy.integrate", "scipy.optimize"):
            return _PrivateModule(value)
    return see_library(value)


class _PrivateModule:
    """A private module of SciPy's, or one with helpers of its own, as its formulas see it."""

    def __init__(self, real: types.ModuleType) -> None:
        self._real = real

    def __getattr__(self, name: str) -> Any:
        return HELPERS.get(name) or _seen(getattr(self._real, name))


@functools.cache
def _names_of(module: str) -> _Names:
    return _Names(vars(sys.modules[module]))


@functools.cache
def rebuilt(function: types.FunctionType) -> types.FunctionType:
    """Return one of SciPy's functions that sees its names through the recording."""
    cells = tuple(map(_seen_cell, function.__closure__ or ())) or None
    names = _names_of(function.__module__)
    made = types.FunctionType(
        function.__code__, names, function.__name__, function.__defaults__, cells
    )
    made.__kwdefaults__ = function.__kwdefaults__
    return made


def _seen_cell(cell: types.CellType) -> types.CellType:
    content = cell.cell_contents
    return types.CellType(rebuilt(content)) if isinstance(content, types.FunctionType) else cell


class Formulas:
    """A distribution whose private methods are followed.

    Parameters
    ----------
    real
        The distribution.
    """

    def __init__(self, real: Any) -> None:
        self.real = real

    def __getattr__(self, name: str) -> Any:
        if name in _WITHOUT_FORMULA:
            raise UnsupportedError(NO_FORMULA)
        found = _method(type(self.real).__mro__, name, self)
        return self.attribute(name) if found is None else found

    @property
    def public_name(self) -> str:
        """The name by which SciPy's users know it, or that of its class."""
        name, module = str(self.real.name), sys.modules["scipy.stats"]
        is_known = hasattr(module, name) or not is_library(type(self.real))
        return f"scipy.stats.{name if is_known else type(self.real).__name__}"

    def own_method(self, name: str) -> Any:
        """Return a method that the user's own class defines; None if it does not."""
        for cls in type(self.real).__mro__:
            if name in vars(cls):
                return None if is_library(cls) else _method((cls,), name, self)
        return None

    def attribute(self, name: str) -> Any:
        """Return an attribute that is no method; a user's own one is noted."""
        value = getattr(self.real, name)
        if isinstance(value, np.vectorize):
            raise UnsupportedError(NO_FORMULA)
        is_data = isinstance(value, np.ndarray) or not is_library(type(self.real))
        if callable(value) or not is_data:
            return value
        read = functools.partial(getattr, self.real, name)
        return READ["see"](value, read, name, current())


NO_FORMULA = (
    "SciPy has no formula for it, and integrates or searches: give its derivative with "
    "st.custom_derivative, or compute it outside and pass it in"
)

_WITHOUT_FORMULA = frozenset({"_cdfvec", "_ppfvec", "_integrate_pdf"})
"""Attributes by which SciPy computes what it has no formula for."""


def _method(classes: tuple[type, ...], name: str, owner: Any) -> Any:
    """Return the followed method that the first of some classes has; None if none has it."""
    for cls in classes:
        if (cls.__name__, name) in OWN and is_library(cls):
            return types.MethodType(OWN[cls.__name__, name], owner)
        if name in vars(cls):
            function = vars(cls)[name]
            if not isinstance(function, types.FunctionType):
                return None
            followed = (
                rebuilt(function) if is_library(function) else READ["follow"](function, current())
            )
            return types.MethodType(followed, owner)
    return None


class _Parent:
    """The stand-in for ``super()`` in a formula."""

    def __init__(self, cls: type, owner: Any) -> None:
        self._after, self._owner = cls, owner

    def __getattr__(self, name: str) -> Any:
        classes = type(self._owner.real).__mro__
        rest = classes[classes.index(self._after) + 1 :]
        return _method(rest, name, self._owner)


def _super() -> Any:
    frame = sys._getframe(1)
    return _Parent(frame.f_locals["__class__"], frame.f_locals[frame.f_code.co_varnames[0]])


def _integrates_or_searches(*_: Any, **__: Any) -> NoReturn:
    raise UnsupportedError(NO_FORMULA)


# SciPy's formulas call these for one element after the other, of arguments that it has broadcast.
for _name in ("quad", "dblquad", "brentq", "brenth", "bisect", "newton", "root_scalar", "fsolve"):
    HELPERS[_name] = _integrates_or_searches
