"""Complex arrays as pairs of traced arrays.

A function of real arguments with a real result may compute with complex arrays in between. The
real and the imaginary part are each traced. Every operation is written in real arithmetic, as
NumPy's own loops compute it. So derivatives and engines need no complex numbers.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NoReturn

import numpy as np

from steepest.errors import InputError, UnsupportedError
from steepest.graph import Shape
from steepest.graph.source import at, user_source
from steepest.trace.arrays.array import Traced, TracedArray, as_traced, holds_traced
from steepest.trace.arrays.operators import ARITHMETIC, COMPARISONS
from steepest.trace.arrays.registries import CALLS, COMPLEX, METHODS, SPECIAL_COMPLEX
from steepest.trace.arrays.text import shown

UFUNCS: dict[np.ufunc, Callable[..., Any]] = {}
"""Ufuncs of complex arrays, on the parts."""

FUNCTIONS: dict[Any, Callable[..., Any]] = {}
"""NumPy's other functions of complex arrays."""


class TracedComplex(Traced):
    """A complex array as its two parts.

    Parameters
    ----------
    real, imag
        Traced arrays of one shape.
    """

    __slots__ = ("imag", "real")

    def __init__(self, real: Any, imag: Any) -> None:
        self.real: TracedArray = real
        self.imag: TracedArray = imag

    @property
    def shape(self) -> Shape:
        return self.real.shape

    @property
    def ndim(self) -> int:
        return self.real.ndim

    @property
    def size(self) -> int:
        return self.real.size

    @property
    def dtype(self) -> np.dtype:
        return np.dtype(np.complex64 if self.real.dtype == np.float32 else np.complex128)

    @property
    def weak(self) -> bool:
        return self.real.weak and self.imag.weak

    @property
    def is_scalar(self) -> bool:
        return self.real.is_scalar

    @property
    def T(self) -> TracedComplex:
        return self.on_parts(np.transpose)

    def on_parts(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> TracedComplex:
        """Apply a linear function to both parts."""
        return TracedComplex(
            function(self.real, *args, **kwargs), function(self.imag, *args, **kwargs)
        )

    def plain(self) -> Any:
        """Return a copy of the values, as NumPy has them."""
        value = np.empty(self.shape, self.dtype)
        value.real, value.imag = self.real.value, self.imag.value
        if self.weak:
            return value.item()
        return value[()] if self.is_scalar else value

    def __repr__(self) -> str:
        return shown(repr(self.plain()))

    def __str__(self) -> str:
        return shown(str(self.plain()))

    def __format__(self, specification: str) -> str:
        return shown(format(self.plain(), specification))

    def __len__(self) -> int:
        return len(self.real)

    def __iter__(self) -> Iterator[TracedComplex]:
        return (self[i] for i in range(len(self)))

    def __getitem__(self, key: Any) -> TracedComplex:
        return TracedComplex(self.real[key], self.imag[key])

    def __setitem__(self, key: Any, value: Any) -> None:
        value = as_complex(value)
        self.real[key], self.imag[key] = value.real, value.imag

    def __bool__(self) -> bool:
        return bool(np.logical_or(self.real != 0, self.imag != 0))

    def __getattr__(self, name: str) -> Any:
        if name in _LINEAR_METHODS:
            return lambda *args, **kwargs: self.on_parts(METHODS[name], *args, **kwargs)
        if name in ("conj", "conjugate"):
            return lambda: np.conjugate(self)
        if name == "dot":
            return functools.partial(np.dot, self)
        if name.startswith("__"):
            raise AttributeError(name)
        raise UnsupportedError(
            f"the attribute .{name} of complex arrays{at(user_source())} cannot be recorded"
        )

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        if method == "reduce" and ufunc is np.add:
            return FUNCTIONS[np.sum](*inputs, **{"axis": 0, **options})
        if method != "__call__":
            refuse_complex(f"np.{ufunc.__name__}.{method}")
        return call_complex_ufunc(ufunc, *inputs, **options)

    def __array_function__(
        self, function: Callable[..., Any], types: Any, args: Any, kwargs: Mapping[str, Any]
    ) -> Any:
        return call_complex(function, args, kwargs)

    def __array__(self, *_: Any, **__: Any) -> NoReturn:
        raise UnsupportedError(
            f"a traced complex value{at(user_source())} is put into a plain NumPy array, which "
            "cannot hold it: make that array with np.zeros(..., dtype=complex) in the function"
        )

    def __abs__(self) -> Any:
        return np.abs(self)

    __hash__ = None  # type: ignore[assignment]  # unhashable, which object's type does not allow


_LINEAR_METHODS = frozenset(
    """
    copy cumsum diagonal flatten mean ravel repeat reshape squeeze sum swapaxes take trace
    transpose
    """.split()  # noqa: SIM905
)


def _operator(ufunc: np.ufunc, reverse: bool = False) -> Callable[..., Any]:
    if reverse:
        return lambda self, other: ufunc(other, self)
    return lambda self, other: ufunc(self, other)


def _in_place(ufunc: np.ufunc) -> Callable[..., Any]:
    def operate(self: TracedComplex, other: Any) -> Any:
        if self.is_scalar:
            return NotImplemented  # numbers are immutable: the operator makes a new one
        if ufunc is np.matmul and np.ndim(other) < 2:
            raise InputError(f"@={at(user_source())} needs a matrix on its right-hand side")
        self[...] = ufunc(self, other)
        return self

    return operate


_class: Any = TracedComplex
for _name, _ufunc, _ in (*ARITHMETIC, ("divmod", np.divmod, "")):
    setattr(_class, f"__{_name}__", _operator(_ufunc))
    setattr(_class, f"__r{_name}__", _operator(_ufunc, reverse=True))
    if _name != "divmod":
        setattr(_class, f"__i{_name}__", _in_place(_ufunc))
for _name, _ufunc in COMPARISONS:
    setattr(_class, f"__{_name}__", _operator(_ufunc))
_class.__neg__ = lambda self: np.negative(self)
_class.__pos__ = lambda self: np.positive(self)
_class.__invert__ = lambda self: np.invert(self)
_class.__copy__ = lambda self: self.on_parts(METHODS["copy"])
_class.__deepcopy__ = lambda self, memo: self.on_parts(METHODS["copy"])


def is_complex(value: Any) -> bool:
    """Whether a value is complex, traced or plain, or a list with something complex in it."""
    if isinstance(value, TracedArray):  # most often, and faster
        return False
    if isinstance(value, TracedComplex | complex | np.complexfloating):
        return True
    if isinstance(value, np.ndarray):
        kind: str = value.dtype.kind
        return kind == "c"
    return isinstance(value, list | tuple) and any(map(is_complex, value))


def as_complex(value: Any) -> TracedComplex:
    """Return a value as a traced complex array."""
    if isinstance(value, TracedComplex):
        return value
    if isinstance(value, list | tuple) and holds_traced(value):
        parts = [as_complex(part) for part in value]
        return TracedComplex(
            np.stack([part.real for part in parts]), np.stack([part.imag for part in parts])
        )
    if is_complex(value):
        if type(value) is complex:
            return TracedComplex(as_traced(value.real), as_traced(value.imag))
        array = np.asarray(value)
        return TracedComplex(as_traced(array.real.copy()), as_traced(array.imag.copy()))
    real = as_traced(value)
    real = real if real.dtype.kind == "f" else real.astype(np.float64)
    return TracedComplex(real, np.zeros_like(real))


def refuse_complex(what: str) -> NoReturn:
    """Raise for what cannot be recorded of complex arrays."""
    raise UnsupportedError(
        f"{what} of complex numbers{at(user_source())} cannot be recorded: write it with real and "
        "imaginary parts, or give its derivative with st.custom_derivative"
    )


def _full_name(ufunc: np.ufunc) -> str:
    module = "np" if getattr(np, ufunc.__name__, None) is ufunc else "scipy.special"
    return f"{module}.{ufunc.__name__.removeprefix('_')}"


_DEFAULTS = {"casting": "same_kind", "order": "K"}
"""Default values of ufuncs' options; those of all others are None."""


def call_complex_ufunc(
    ufunc: np.ufunc, *inputs: Any, out: Any = None, where: Any = True, **options: Any
) -> Any:
    """Record a ufunc of which some operand is complex."""
    implementation = UFUNCS.get(ufunc)
    if implementation is None and getattr(np, ufunc.__name__, None) is not ufunc:
        implementation = SPECIAL_COMPLEX.get(ufunc.__name__)
    if implementation is None:
        refuse_complex(_full_name(ufunc))
    if where is not True:
        refuse_complex(f"np.{ufunc.__name__} with where=")
    options.pop("subok", None)  # what is recorded is no instance of a subclass
    for name, value in options.items():
        if value is not None and value != _DEFAULTS.get(name):
            refuse_complex(f"np.{ufunc.__name__} with {name}=")
    result = implementation(*map(as_complex, inputs))
    if out is None:
        return result
    (target,) = out if isinstance(out, tuple) else (out,)
    target[...] = result
    return target


def call_complex(function: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """Record one of NumPy's other functions, of which some argument is complex."""
    if isinstance(function, np.ufunc):
        return call_complex_ufunc(function, *args, **kwargs)
    implementation = FUNCTIONS.get(function)
    if implementation is None:
        refuse_complex(f"np.{function.__name__}")
    name = f"np.{function.__name__}"
    return CALLS["implementation"](implementation, name, args, kwargs, function)


def as_real(value: TracedComplex) -> TracedArray:
    """Raise for a complex value where a real one is needed."""
    raise UnsupportedError(
        f"a complex value{at(user_source())} where a real one is needed: take .real, .imag or "
        "np.abs of it"
    )


COMPLEX["is complex"], COMPLEX["as real"] = is_complex, as_real
COMPLEX["of parts"] = TracedComplex
COMPLEX["ufunc"], COMPLEX["function"] = call_complex_ufunc, call_complex
