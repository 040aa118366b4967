"""Stand-ins for libraries' functions, types, modules and objects.

They answer as the real ones do. A call with a traced value is recorded, and traced values are
instances of the types.
"""

from __future__ import annotations

import abc
import builtins
import functools
import itertools
import math
import sys
import types
from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np

from steepest.errors import RefusalError, UnsupportedError
from steepest.frames import stands_in
from steepest.graph.source import at, user_source
from steepest.trace.arrays.array import Traced, TracedArray, as_traced, holds_traced, python_type
from steepest.trace.arrays.assignment import freeze
from steepest.trace.arrays.dispatch import as_number, as_returned, recording_of
from steepest.trace.arrays.implementations import call_implementation
from steepest.trace.arrays.numbers import python_number, single, whole
from steepest.trace.arrays.refusals import UnsupportedAttributeError, refuse
from steepest.trace.arrays.registries import CALLS, UFUNC_METHODS
from steepest.trace.arrays.text import refuse_text
from steepest.trace.arrays.ufuncs import ufunc_recording_of
from steepest.trace.recording.dtypes import SUPPORTED
from steepest.trace.recording.library import is_followed
from steepest.trace.recording.session import Session, current, is_tracing, logged

READ: dict[str, Callable[..., Any]] = {}
"""What notes a value that is read.

``trace.following.namespaces`` and ``trace.following.follow`` fill it.
"""

MAKERS: frozenset[Any] = frozenset({np.zeros, np.empty, np.ones, np.full})
"""Functions whose results are recorded even where no argument is traced."""

PURE = frozenset((
    "numpy", "math", "cmath", "scipy", "builtins", "numbers", "operator", "functools",
    "itertools", "collections", "typing", "dataclasses", "abc", "enum", "fractions",
    "decimal", "statistics", "copy", "types", "string", "re", "textwrap", "bisect", "heapq",
    "argparse",
    "struct", "warnings", "contextlib", "steepest",
))  # fmt: skip
"""Top-level modules whose functions give the same for the same arguments."""


class SeenFunction:
    """A library's function as traced code sees it, with the attributes of the real one.

    Parameters
    ----------
    real
        The function.
    instead
        What a call of it calls. Unless given, `real` is a function of NumPy's: a call of it is
        recorded. For plain arguments its results become arrays that can hold traced values.
    """

    def __init__(
        self, real: Callable[..., Any], instead: Callable[..., Any] | None = None
    ) -> None:
        self._real, self._instead = real, instead
        for name in ("__name__", "__qualname__", "__module__", "__doc__"):
            if hasattr(real, name):
                setattr(self, name, getattr(real, name))

    @property  # type: ignore[misc]  # object has an attribute of this name
    def __class__(self) -> Any:
        return type(self._real)

    @stands_in
    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Record the call, or call the real one where nothing is traced."""
        if self._instead is not None:
            return self._instead(*args, **kwargs)
        args, kwargs = unwrapped(args), unwrapped(kwargs)
        refuse_text(args, f"np.{self.__name__}")
        if "pandas" in sys.modules and CALLS["is framed"](args):
            return CALLS["framed"](self._real, args, kwargs)
        if any(isinstance(value, types.GeneratorType) for value in args):
            raise UnsupportedError(
                f"a generator is given to np.{self.__name__}{at(user_source())}, which would not "
                "record its items: use the builtin sum, or a list"
            )
        if self._real in MAKERS or holds_traced([*args, *kwargs.values()]):
            is_ufunc = isinstance(self._real, np.ufunc)
            record = (ufunc_recording_of if is_ufunc else recording_of)(self._real)
            try:
                return logged(record, args, kwargs)
            except RefusalError as error:
                return CALLS["instead"](self._real, args, kwargs, error)
        return recordable(self._real(*args, **kwargs))

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._real, name)
        if not isinstance(self._real, np.ufunc) or not callable(attribute):
            return attribute
        return _seen_ufunc_method(self._real, name)

    def __repr__(self) -> str:
        return repr(self._real)

    def __eq__(self, other: object) -> bool:
        # Methods of ufuncs are made anew each time: equal, not the same.
        return self._real == (other._real if type(other) is SeenFunction else other)

    def __hash__(self) -> int:
        return hash(self._real)

    def __copy__(self) -> SeenFunction:
        return self

    def __deepcopy__(self, memo: Any) -> SeenFunction:
        return self


def _seen_ufunc_method(ufunc: np.ufunc, name: str) -> SeenFunction:
    def method(*args: Any, **kwargs: Any) -> Any:
        args, kwargs = unwrapped(args), unwrapped(kwargs)
        if not holds_traced([*args, *kwargs.values()]):
            return recordable(getattr(ufunc, name)(*args, **kwargs))
        implementation, full = UFUNC_METHODS.get((ufunc, name)), f"np.{ufunc.__name__}.{name}"
        if implementation is None:
            refuse(full)
        result = call_implementation(implementation, full, args, kwargs, getattr(ufunc, name))
        return as_returned(result, full, args, kwargs)

    return SeenFunction(getattr(ufunc, name), method)


def recordable(result: Any) -> Any:
    """Return a plain result in which arrays can hold traced values."""
    if type(result) is np.ndarray and result.dtype in SUPPORTED:
        ordered = result.flags.c_contiguous
        made = TracedArray(current().lift(result), current(), is_scalar=False, ordered=ordered)
        return made if result.flags.writeable else freeze(made, "NumPy made it read-only")
    if type(result) in (tuple, list):
        return type(result)(map(recordable, result))
    return result


def unwrapped(values: Any) -> Any:
    """Return arguments with the real types and modules in place of seen ones (``dtype=float``)."""
    if isinstance(values, dict):
        return {name: unwrapped(value) for name, value in values.items()}
    if type(values) in (tuple, list):
        return type(values)(map(unwrapped, values))
    return values._real if isinstance(values, SeenType | SeenModule) else values


class SeenType(type):
    """A type as traced code sees it: traced values are instances of it, too."""

    _real: type
    convert: Callable[..., Any] | None

    @property  # type: ignore[misc]  # object has an attribute of this name
    def __class__(cls) -> Any:
        return CALLS["type"](type(cls._real))

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        """Record a conversion, or convert plain values."""
        args, kwargs = unwrapped(args), unwrapped(kwargs)
        if cls._real is not str:
            refuse_text(args, f"{cls._real.__name__}()")
        if cls.convert is not None and holds_traced([*args, *kwargs.values()]):
            return cls.convert(*args, **kwargs)
        return cls._real(*args, **kwargs)

    def __instancecheck__(cls, instance: Any) -> bool:
        if isinstance(instance, Traced):
            return issubclass(python_type(instance), cls._real)
        if type(cls._real).__instancecheck__ is not abc.ABCMeta.__instancecheck__:
            return isinstance(instance, cls._real)
        # Not by the stand-in of a class: an abstract class keeps what it was asked, and would take
        # the class itself for the stand-in, which equals it, ever after.
        kinds = {type(instance), unwrapped(instance.__class__)}
        return any([issubclass(kind, cls._real) for kind in kinds])

    def __subclasscheck__(cls, subclass: type) -> bool:
        return issubclass(unwrapped(subclass), cls._real)

    def __getattr__(cls, name: str) -> Any:
        if name == "dtype":  # so that NumPy takes it for a dtype
            return np.dtype(cls._real)
        return getattr(cls._real, name)

    def __eq__(cls, other: object) -> bool:
        return cls._real is unwrapped(other)

    def __hash__(cls) -> int:
        return hash(cls._real)

    def __repr__(cls) -> str:
        return repr(cls._real)


SEEN_TYPES: dict[type, SeenType] = {}
"""The stand-ins of types."""


def seen_type(
    real: type, convert: Callable[..., Any] | None = None, kind: type[SeenType] = SeenType
) -> SeenType:
    """Return the stand-in of a type; `convert` records what a call of it makes."""
    if real not in SEEN_TYPES:
        namespace: dict[str, Any] = {"__module__": real.__module__, "__doc__": real.__doc__}
        namespace |= {"_real": real, "convert": staticmethod(convert) if convert else None}
        SEEN_TYPES[real] = kind(real.__name__, (), namespace)
    return SEEN_TYPES[real]


def to_number(dtype: type) -> Callable[..., Any]:
    """Return the conversion to a NumPy scalar type, which makes a number or an array."""
    return lambda value=0: as_number(as_traced(value).astype(dtype))


def _to_float(value: Any) -> TracedArray:
    return python_number(single(value, "float()"), np.float64)


def _to_int(value: Any) -> TracedArray:
    return whole(single(value, "int()"), "int()")


class _TypeOf(SeenType):
    """The builtin ``type``, which says what type a traced value would have in plain code."""

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        if len(args) == 1 and isinstance(args[0], Traced):
            return CALLS["type"](python_type(args[0]))
        if len(args) == 1 and isinstance(args[0], SeenFunction | SeenType):
            return CALLS["type"](type(args[0]._real))
        if len(args) == 1 and is_tracing():
            return READ["type"](args[0])
        if len(args) == 3:
            bases = tuple(getattr(base, "_followed", unwrapped(base)) for base in args[1])
            return types.new_class(args[0], bases, kwargs, lambda made: made.update(args[2]))
        return type(*args, **kwargs)


seen_type(type, kind=_TypeOf)
seen_type(float, _to_float)
seen_type(int, _to_int)


class SeenModule(types.ModuleType):
    """A library's module as traced code sees it."""

    def __init__(self, real: types.ModuleType) -> None:
        super().__init__(real.__name__, real.__doc__)
        self._real = real

    def __getattr__(self, name: str) -> Any:
        real, full_name = self._real, f"{self.__name__}.{name}"
        value = getattr(real, name)
        is_part = isinstance(value, types.ModuleType) or _is_given(real, name, value)
        if is_part and not is_followed(value):
            seen = READ["library"](value, full_name)
            if real.__name__ in _GIVEN:
                self.__dict__[name] = seen  # Python finds it there the next time
            return seen
        return READ["see"](value, functools.partial(getattr, real, name), full_name, current())

    def __setattr__(self, name: str, value: Any) -> None:
        if name in ("_real", "__name__", "__doc__"):
            super().__setattr__(name, value)
            return
        raise UnsupportedError(
            f"the traced function assigns to {self.__name__}.{name}{at(user_source())}: the "
            "recorded graph would not repeat it; return the value instead"
        )

    def __dir__(self) -> list[str]:
        return dir(self._real)


_GIVEN = {module.__name__: frozenset(vars(module)) for module in (np, np.linalg, math, builtins)}
"""The names in these modules, before a user adds to them."""


def _is_given(module: types.ModuleType, name: str, value: Any) -> bool:
    """Whether a value is the module's own, which nobody changes."""
    given = _GIVEN.get(module.__name__)
    if given is not None:
        return name in given
    return callable(value) and module.__name__.partition(".")[0] in PURE


WITH_SCIPY: list[Callable[[str], None]] = []
"""Functions that register what records one of SciPy's modules, given its name: "linalg", ..."""


@functools.cache
def load_scipy(module: str = "") -> None:
    """Register what records one of SciPy's modules, when something of it is met.

    Without a name, all are registered.
    """
    for register in WITH_SCIPY:
        register(module)


def load_scipy_of(kind: Any) -> None:
    """Register what records the module of a function or class of SciPy's, and of its bases."""
    for base in getattr(kind, "__mro__", (kind,)):
        top, _, rest = str(getattr(base, "__module__", "")).partition(".")
        if top == "scipy":
            load_scipy(rest.partition(".")[0])
        elif base.__name__ == "SuperLU":
            load_scipy("sparse")


def is_of_scipy(kind: type) -> bool:
    """Whether a class, or one of its bases, is SciPy's."""
    return any(
        str(base.__module__).startswith("scipy.") or base.__name__ == "SuperLU"
        for base in kind.__mro__
    )


See = Callable[[str], Any]
"""Returns what traced code sees for an attribute of an object."""

MADE_OUTSIDE: dict[str, Callable[[Any, See], Any]] = {}
"""Makes the stand-in of an object that was made outside, by the full public name of its class."""


class LibraryObject:
    """What traced code sees in place of an object of a library's class.

    The arrays that the object keeps become inputs of the recording, like any array that the
    function reads.
    """

    __array_ufunc__ = None  # operators of NumPy's arrays leave the work to this object's
    _stands_for: type | None = None

    @property  # type: ignore[misc]  # object has an attribute of this name
    def __class__(self) -> Any:
        return self._stands_for or type(self)

    def __array__(self, *_: Any, **__: Any) -> NoReturn:
        raise UnsupportedError(
            f"a {type(self).__name__}{at(user_source())} is put into a plain NumPy array, which "
            "cannot hold its traced values"
        )

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("__"):  # which Python and NumPy ask every object for
            raise AttributeError(name)
        raise UnsupportedAttributeError(
            f"the attribute .{name} of {type(self).__name__}{at(user_source())} cannot be "
            "recorded: compute what you need of it outside the function, and pass it in"
        )


def public_name(kind: Any) -> str:
    """Return the full name of a function or class, in the public module above private ones."""
    module = getattr(kind, "__module__", None) or ""
    parts = itertools.takewhile(lambda part: not part.startswith("_"), module.split("."))
    return ".".join([*parts, getattr(kind, "__name__", "")])


def see_made(value: Any, name: str, root: Session) -> Any:
    """Return the stand-in of an object that was made outside, or None where there is none.

    A method of such an object is the stand-in's method.
    """
    if isinstance(value, types.MethodType | types.BuiltinMethodType):
        owner = see_made(value.__self__, name, root)
        return None if owner is None else getattr(owner, value.__name__)
    if is_of_scipy(type(value)):
        load_scipy_of(type(value))
    make = MADE_OUTSIDE.get(public_name(type(value)))
    if make is None:
        return None
    key = (id(value), "made outside")
    if key not in root.followed:

        def see(attribute: str) -> Any:
            read = functools.partial(getattr, value, attribute, None)
            return READ["see"](read(), read, f"{name}.{attribute}", root)

        made = root.followed[key] = make(value, see)
        made._stands_for = type(value)
        root.kept.append(value)
    return root.followed[key]
