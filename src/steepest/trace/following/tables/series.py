"""Series of a data frame with traced values.

Arithmetic goes by position, and the index stays. Sums, means and the like leave out NaN, and
variances divide by n - 1, as in pandas. What a traced function returns becomes a plain array.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NoReturn

import numpy as np

from steepest.errors import UnsupportedError
from steepest.graph.source import at, library_function, user_source
from steepest.trace.arrays.array import Traced, TracedArray, as_traced, holds_traced
from steepest.trace.arrays.dispatch import call_function
from steepest.trace.arrays.operators import ARITHMETIC, COMPARISONS
from steepest.trace.arrays.refusals import UnsupportedAttributeError
from steepest.trace.arrays.registries import CALLS
from steepest.trace.arrays.ufuncs import call_ufunc
from steepest.trace.following.tables.forwarding import OPERANDS, Forwarded, real_table, table_of
from steepest.trace.recording.dtypes import SUPPORTED

_FRAMES = frozenset({"DataFrame", "Series"})


def frame_kind(value: Any) -> str | None:
    """Return "Series" or "DataFrame" for a table of pandas or its stand-in, else None."""
    kind = type(value)
    if kind is TracedSeries:
        return "Series"
    name = kind.__name__
    if name in _FRAMES and kind.__module__.partition(".")[0] == "pandas":
        return name
    return None


class TracedSeries:
    """A traced array with an index of pandas.

    Parameters
    ----------
    x
        The values, shape (n,).
    index
        The index.
    name
        The name of the series.
    """

    __slots__ = ("index", "name", "x")
    __pandas_priority__ = 5000  # pandas leaves operators to it
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, x: Any, index: Any, name: Any = None) -> None:
        self.x, self.index, self.name = x, index, name

    def like(self, x: Any) -> TracedSeries:
        """Return a series of other values with the same index."""
        return TracedSeries(x, self.index, self.name)

    def plain(self) -> Any:
        """Return the values, as NumPy has them."""
        return self.x.plain()

    def __repr__(self) -> str:
        return repr(self.x)

    def __len__(self) -> int:
        return len(self.x)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.x)

    def __getitem__(self, key: Any) -> Any:
        """Return an element by its label, or the part where a mask is true."""
        if isinstance(key, TracedSeries):
            key = key.x
        if frame_kind(key) == "Series":
            demand_same(self.index, _index_of(key))
            key = np.asarray(real_table(key))
        if isinstance(key, slice) or (isinstance(key, np.ndarray) and key.dtype == np.bool_):
            return self.at(key)
        if isinstance(key, Traced | np.ndarray | list):
            refuse_method("__getitem__")
        position = self.index.get_loc(key)
        return self.at(position)

    def at(self, key: Any) -> Any:
        """Return an element or a part by position."""
        part = self.x[key]
        return TracedSeries(part, self.index[key], self.name) if part.ndim else part

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        if method != "__call__":
            refuse_method(f"{ufunc.__name__}.{method}")
        return call_framed(ufunc, inputs, options)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        return call_framed(function, args, kwargs)

    def __neg__(self) -> TracedSeries:
        return self.like(-self.x)

    def __pos__(self) -> TracedSeries:
        return self

    def __abs__(self) -> TracedSeries:
        return self.like(np.abs(self.x))

    def __invert__(self) -> TracedSeries:
        return self.like(~self.x)

    def __bool__(self) -> bool:
        return bool(self.x)

    def __getattr__(self, name: str) -> Any:
        if name in _METHODS:
            return lambda *args, **kwargs: _METHODS[name](self, *args, **kwargs)
        if name in _ATTRIBUTES:
            return _ATTRIBUTES[name](self)
        refuse_method(name)


class _ByPosition:
    """The attribute ``iloc`` of a series."""

    def __init__(self, series: TracedSeries) -> None:
        self.series = series

    def __getitem__(self, key: Any) -> Any:
        return self.series.at(key)


def refuse_method(name: str, kind: str = "Series") -> NoReturn:
    """Raise for what cannot be recorded of a series."""
    called = (library_function() or "").split(".")  # which pandas' own code has called it for
    if len(called) > 2 and called[-2] in _FRAMES:
        kind, name = called[-2:]
    raise UnsupportedAttributeError(
        f"pandas.{kind}.{name} of traced values{at(user_source())} cannot be recorded: take the "
        "values with .to_numpy() and write it with NumPy's functions, or call it in a function of "
        'st.black_box(function, derivative="differences")'
    )


def demand_same(one: Any, other: Any) -> None:
    """Raise unless two indices are the same, so that arithmetic goes by position."""
    if one is not other and not one.equals(other):
        raise UnsupportedError(
            f"two series of pandas with different indices{at(user_source())} would be aligned by "
            "their labels, which cannot be recorded: take the values with .to_numpy()"
        )


def _index_of(value: Any) -> Any:
    return value.index


def as_array(value: Any) -> Any:
    """Return a series as an array of traced or plain numbers; other values as they are."""
    if type(value) is TracedSeries:
        return value.x
    if isinstance(value, list | tuple) and type(value) in (list, tuple):
        return type(value)(map(as_array, value))
    kind = frame_kind(value)
    if kind is None:
        return value
    found = table_of(value).find("values") if isinstance(value, Forwarded) else None
    numbers = np.asarray(real_table(value)) if found is None else found[0]
    if numbers.dtype not in SUPPORTED:
        raise UnsupportedError(
            f"a series of dtype {numbers.dtype}{at(user_source())} cannot be recorded: convert "
            "it with .astype(np.float64)"
        )
    return numbers


def is_framed(args: Any) -> bool:
    """Whether there is a table among the arguments of a call, and traced values."""
    found = [value for value in _flat(args) if frame_kind(value) is not None]
    if not found:
        return False
    return any(type(x) is TracedSeries for x in found) or holds_traced(list(args))


def _flat(args: Any) -> Iterator[Any]:
    for value in args:
        if type(value) in (list, tuple):
            yield from value
        else:
            yield value


def call_framed(function: Any, args: Any, kwargs: Mapping[str, Any]) -> Any:
    """Record a call of a function of NumPy's with a series."""
    series = [value for value in _flat(args) if frame_kind(value) == "Series"]
    index = _index_of(series[0]) if series else None
    for other in series[1:]:
        demand_same(index, _index_of(other))
    method = _REDUCTIONS.get(function)
    if method is not None and frame_kind(args[0]) == "Series":
        named = {key: value for key, value in kwargs.items() if value is not np._NoValue}
        if function in (np.std, np.var):
            named.setdefault("ddof", 0)
        return _METHODS[method](_as_series(args[0]), *args[1:], **named)
    if any(frame_kind(value) == "DataFrame" for value in _flat(args)):
        return _of_a_frame(function, args)
    arrays, named = as_array(tuple(args)), {key: as_array(v) for key, v in kwargs.items()}
    if not isinstance(function, np.ufunc):
        return call_function(function, arrays, named)
    result = call_ufunc(function, *arrays, **named)
    if isinstance(result, TracedArray) and index is not None and result.shape == (len(index),):
        return TracedSeries(result, index, getattr(series[0], "name", None))
    return result


def _of_a_frame(function: Any, args: Any) -> TracedSeries:
    """Return the product of a data frame and a traced vector; refuse everything else."""
    frame = real_table(args[0])
    if function is not np.matmul or frame_kind(frame) is None or np.ndim(as_array(args[1])) != 1:
        refuse_method(function.__name__, "DataFrame")
    return TracedSeries(np.matmul(np.asarray(frame), as_array(args[1])), frame.index)


def _as_series(value: Any) -> TracedSeries:
    if type(value) is TracedSeries:
        return value
    return TracedSeries(as_traced(as_array(value)), value.index, value.name)


def operate(ufunc: np.ufunc, left: Any, right: Any) -> Any:
    """Return what an operator gives for a traced array and a series; else NotImplemented."""
    other = right if isinstance(left, Traced) else left
    return NotImplemented if frame_kind(other) is None else call_framed(ufunc, (left, right), {})


def without_series(result: Any) -> Any:
    """Return what a traced function returned, with arrays in place of series."""
    if type(result) is TracedSeries:
        return result.x
    if type(result) in (list, tuple):
        return type(result)(map(without_series, result))
    if type(result) is dict:
        return {key: without_series(value) for key, value in result.items()}
    return result


def _binary(ufunc: np.ufunc, is_reversed: bool = False) -> Callable[..., Any]:
    def method(self: TracedSeries, other: Any) -> Any:
        operands = (other, self) if is_reversed else (self, other)
        return call_framed(ufunc, operands, {})

    return method


_REDUCED: dict[str, Callable[..., Any]] = {
    "sum": np.nansum,
    "mean": np.nanmean,
    "min": np.nanmin,
    "max": np.nanmax,
    "prod": np.nanprod,
    "median": np.nanmedian,
}
"""Methods that leave NaN out, as NumPy's functions."""


def _reduced(name: str) -> Callable[..., Any]:
    function = _REDUCED[name]

    def method(self: TracedSeries, *args: Any, **kwargs: Any) -> Any:
        _demand_defaults(name, args, kwargs)
        return function(self.x)

    return method


def _spread(function: Callable[..., Any], name: str) -> Callable[..., Any]:
    def method(self: TracedSeries, *args: Any, ddof: int = 1, **kwargs: Any) -> Any:
        _demand_defaults(name, args, kwargs)
        return function(self.x, ddof=ddof)

    return method


def _demand_defaults(name: str, args: Any, kwargs: Mapping[str, Any]) -> None:
    """Refuse arguments that change what a method computes."""
    given = [*args, *kwargs.values()]
    is_skipping = kwargs.get("skipna", True) is True
    if not is_skipping or any(value not in (None, 0, True) for value in given):
        refuse_method(f"{name}(...) with arguments")


def _clip(self: TracedSeries, lower: Any = None, upper: Any = None) -> Any:
    return self.like(np.clip(self.x, as_array(lower), as_array(upper)))


def _shift(self: TracedSeries, periods: int = 1) -> Any:
    if type(periods) is not int or not 0 <= periods <= len(self):
        refuse_method("shift of other periods")
    gap = np.full(periods, np.nan)
    return self.like(np.concatenate([gap, self.x[: len(self) - periods]]))


def _dot(self: TracedSeries, other: Any) -> Any:
    if frame_kind(other) == "Series":
        demand_same(self.index, _index_of(other))
    return np.dot(self.x, as_array(other))


def _astype(self: TracedSeries, dtype: Any) -> Any:
    return self.like(self.x.astype(dtype))


_METHODS: dict[str, Callable[..., Any]] = {
    **{name: _reduced(name) for name in _REDUCED},
    "std": _spread(np.nanstd, "std"),
    "var": _spread(np.nanvar, "var"),
    "abs": abs,
    "clip": _clip,
    "shift": _shift,
    "diff": lambda self, periods=1: self - _shift(self, periods),
    "dot": _dot,
    "astype": _astype,
    "all": lambda self: np.all(self.x),
    "any": lambda self: np.any(self.x),
    "round": lambda self, decimals=0: self.like(np.round(self.x, decimals)),
    "tolist": lambda self: list(self.x),
    "tail": lambda self, n=5: self.at(slice(max(len(self) - n, 0), None)),
    "copy": lambda self, deep=True: self.like(self.x.copy()),
    "to_numpy": lambda self: self.x,
    "head": lambda self, n=5: self.at(slice(0, n)),
}
"""Methods of series that can be recorded."""

_ATTRIBUTES: dict[str, Callable[[TracedSeries], Any]] = {
    "values": lambda self: self.x,
    "shape": lambda self: self.x.shape,
    "size": lambda self: self.x.size,
    "ndim": lambda self: 1,
    "dtype": lambda self: self.x.dtype,
    "T": lambda self: self,
    "iloc": _ByPosition,
}

_REDUCTIONS: dict[Any, str] = {
    getattr(np, name): name for name in (*_REDUCED, "std", "var") if name != "median"
}
"""NumPy's functions that call a method of the series."""

for _name, _ufunc, _ in ARITHMETIC:
    setattr(TracedSeries, f"__{_name}__", _binary(_ufunc))
    setattr(TracedSeries, f"__r{_name}__", _binary(_ufunc, is_reversed=True))
    if hasattr(operator, _name) and _name not in ("matmul", "lshift", "rshift"):
        _METHODS[_name] = _binary(_ufunc)
        _METHODS[f"r{_name}"] = _binary(_ufunc, is_reversed=True)
for _name, _ufunc in COMPARISONS:
    setattr(TracedSeries, f"__{_name}__", _binary(_ufunc))
    _METHODS[_name] = _binary(_ufunc)
for _long, _short in (("truediv", "div"), ("mul", "multiply"), ("sub", "subtract")):
    _METHODS[_short] = _METHODS[_long]
_series: Any = TracedSeries
_series.__matmul__ = _series.__rmatmul__ = _dot
_array: Any = TracedArray
_array.__pandas_priority__ = TracedSeries.__pandas_priority__
OPERANDS.update((TracedSeries, TracedArray))
CALLS["is framed"], CALLS["framed"], CALLS["operate"] = is_framed, call_framed, operate
