"""The array that records: what a function sees in place of its arguments."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NoReturn

import numpy as np

from steepest.errors import ConcreteValueError, InputError, UnsupportedError
from steepest.graph import Node, Shape
from steepest.graph.source import at, user_source
from steepest.ops import TABLE, Row, resolve_loop
from steepest.trace.session import SUPPORTED, Session, check_dtype, current, is_open

FUNCTIONS: dict[Callable[..., Any], Callable[..., Any]] = {}
"""NumPy's functions that can be recorded; ``trace.functions`` fills it."""

METHODS: dict[str, Callable[..., Any]] = {}
"""ndarray's methods that can be recorded; ``trace.functions`` fills it."""

REDUCERS: dict[np.ufunc, Callable[..., Any]] = {}
"""Ufuncs whose ``reduce`` can be recorded; ``trace.functions`` fills it."""


class UnsupportedAttributeError(UnsupportedError, AttributeError):
    """An attribute of arrays that cannot be recorded."""


class TracedArray:
    """An array whose operations are recorded, and that can still tell its values.

    Parameters
    ----------
    node
        What it is in the graph.
    session
        The recording it belongs to.
    weak
        Whether it stands for a Python number, which adapts its dtype to the others'.
    """

    __slots__ = ("node", "session", "weak")

    def __init__(self, node: Node, session: Session, weak: bool = False) -> None:
        self.node = node
        self.session = session
        self.weak = weak

    # What NumPy and Python ask of an array.

    @property
    def shape(self) -> Shape:
        return self.node.shape

    @property
    def dtype(self) -> np.dtype:
        return self.node.dtype

    @property
    def ndim(self) -> int:
        return self.node.ndim

    @property
    def size(self) -> int:
        return self.node.size

    @property
    def T(self) -> TracedArray:
        return METHODS["transpose"](self)

    @property
    def real(self) -> TracedArray:
        return self

    @property
    def value(self) -> np.ndarray:
        """The concrete values, computed now if nobody asked before."""
        return self.session.value(self.node)

    def __repr__(self) -> str:
        return repr(self.value[()])

    def __str__(self) -> str:
        return str(self.value[()])

    def __format__(self, specification: str) -> str:
        return format(self.value[()], specification)

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("len() of unsized object")
        return self.shape[0]

    def __iter__(self) -> Iterator[TracedArray]:
        if not self.shape:
            raise TypeError("iteration over a 0-d array")
        return (self[i] for i in range(self.shape[0]))

    def __getitem__(self, key: Any) -> TracedArray:
        return METHODS["__getitem__"](self, key)

    def __getattr__(self, name: str) -> Any:
        if name in METHODS:
            method = METHODS[name]
            return lambda *args, **kwargs: method(self, *args, **kwargs)
        if name.startswith("__"):
            raise AttributeError(name)
        raise UnsupportedAttributeError(
            f"the array attribute .{name}{at(user_source())} cannot be recorded yet; "
            "docs/ops.md lists what can be"
        )

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        if method == "reduce" and ufunc in REDUCERS:
            return REDUCERS[ufunc](*inputs, **{"axis": 0, **options})
        if method != "__call__":
            refuse(f"np.{ufunc.__name__}.{method}")
        dtype = options.pop("dtype", None)
        for name, value in options.items():
            if value is not None and value is not True:
                refuse(f"the argument {name}= of np.{ufunc.__name__}")
        if dtype is not None:
            inputs = tuple(as_traced(value).astype(dtype) for value in inputs)
        if ufunc in FUNCTIONS:
            return FUNCTIONS[ufunc](*inputs)
        row = TABLE.get(ufunc.__name__)
        if row is None or row.evaluate is not ufunc:
            refuse(f"np.{ufunc.__name__}")
        return apply(row, *inputs)

    def __array_function__(
        self, function: Callable[..., Any], types: Any, args: Any, kwargs: Mapping[str, Any]
    ) -> Any:
        implementation = FUNCTIONS.get(function)
        if implementation is None:
            module = getattr(function, "__module__", "numpy").replace("numpy", "np", 1)
            refuse(f"{module}.{function.__name__}")
        try:
            return implementation(*args, **kwargs)
        except TypeError as error:
            if "unexpected keyword argument" not in str(error):
                raise
            name = str(error).rpartition("argument ")[2]
            refuse(f"the argument {name} of np.{function.__name__}")

    def __steepest_record__(self, row: Row, *operands: Any, **attributes: Any) -> TracedArray:
        return record(row, *operands, **attributes)

    # What a traced value cannot do.

    def __array__(self, *_: Any, **__: Any) -> NoReturn:
        raise ConcreteValueError(
            f"a traced value{at(user_source())} is put into a plain NumPy array, which cannot "
            "hold it: build the array with np.stack([...]) or np.concatenate([...]), and "
            "leave np.array and np.asarray out"
        )

    def __setitem__(self, key: Any, value: Any) -> NoReturn:
        raise UnsupportedError(
            f"assignment into a traced array{at(user_source())} cannot be recorded yet: build "
            "the array with np.stack, np.concatenate or np.where"
        )

    def __bool__(self) -> NoReturn:
        _need("whether a traced value is true", "np.where(condition, a, b) in place of `if`")

    def __float__(self) -> NoReturn:
        _need(
            "a Python float",
            "NumPy's function in place of math's or float(), and np.stack([...]) in place of "
            "filling a plain array",
        )

    def __int__(self) -> NoReturn:
        _need("a Python int", "x.astype(np.int64)")

    def __index__(self) -> NoReturn:
        _need("a Python index", "np.take or array indexing, or a plain int from outside")

    def __complex__(self) -> NoReturn:
        _need("a Python complex number", "real arithmetic")

    def __reduce__(self) -> NoReturn:
        _need("a value to pickle or copy", "x.copy(), or return the value and save it outside")

    __hash__ = None  # type: ignore[assignment]

    def __pow__(self, exponent: Any) -> Any:
        # NumPy's operator (not np.power) answers these exponents so.
        if isinstance(exponent, int | float) and self.dtype.kind == "f":
            shortcut = {2: np.square, 0.5: np.sqrt, 1: np.positive, -1: np.reciprocal}
            if exponent in shortcut:
                return shortcut[exponent](self)
        if type(exponent) is int and exponent == 2:
            return np.square(self)
        return np.power(self, exponent)

    def _in_place(self, symbol: str, operation: Callable[..., Any], other: Any) -> Any:
        # NumPy scalars are immutable, so that for them the operator makes a new value.
        if self.ndim or (self.node.op.name == "input" and not self.weak):
            raise UnsupportedError(
                f"the in-place operator {symbol}{at(user_source())} cannot be recorded yet: "
                f"write y = y {symbol[:-1]} ... in place of y {symbol} ..."
            )
        return operation(self, other)


def _need(what: str, instead: str) -> NoReturn:
    raise ConcreteValueError(
        f"Python needs {what}{at(user_source())}, but a traced value stands for every value "
        f"it may have: use {instead}"
    )


def refuse(what: str) -> NoReturn:
    """Raise for NumPy code that cannot be recorded."""
    raise UnsupportedError(
        f"{what}{at(user_source())} cannot be recorded yet: write it with other NumPy functions "
        "(docs/ops.md lists those that can be), or compute it outside and pass it in"
    )


def _binary(ufunc: np.ufunc) -> tuple[Callable[..., Any], Callable[..., Any]]:
    def forward(self: TracedArray, other: Any) -> Any:
        return ufunc(self, other) if _is_operand(other) else NotImplemented

    def backward(self: TracedArray, other: Any) -> Any:
        return ufunc(other, self) if _is_operand(other) else NotImplemented

    return forward, backward


def _is_operand(value: Any) -> bool:
    return isinstance(value, TracedArray | np.ndarray | np.generic | int | float | complex | list)


def _in_place(symbol: str, operation: Callable[..., Any]) -> Callable[..., Any]:
    return lambda self, other: self._in_place(symbol, operation, other)


_ufunc: Any
for _name, _ufunc, _symbol in (
    ("add", np.add, "+="),
    ("sub", np.subtract, "-="),
    ("mul", np.multiply, "*="),
    ("truediv", np.divide, "/="),
    ("floordiv", np.floor_divide, "//="),
    ("mod", np.remainder, "%="),
    ("matmul", np.matmul, "@="),
    ("and", np.bitwise_and, "&="),
    ("or", np.bitwise_or, "|="),
    ("xor", np.bitwise_xor, "^="),
    ("pow", np.power, "**="),
):
    _forward, _backward = _binary(_ufunc)
    if _name != "pow":
        setattr(TracedArray, f"__{_name}__", _forward)
    setattr(TracedArray, f"__r{_name}__", _backward)
    _operation = getattr(operator, _name + "_" if _name in ("and", "or") else _name)
    setattr(TracedArray, f"__i{_name}__", _in_place(_symbol, _operation))

for _name, _ufunc in (
    ("lt", np.less),
    ("le", np.less_equal),
    ("gt", np.greater),
    ("ge", np.greater_equal),
    ("eq", np.equal),
    ("ne", np.not_equal),
):
    setattr(TracedArray, f"__{_name}__", _binary(_ufunc)[0])

for _name, _ufunc in (
    ("neg", np.negative),
    ("pos", np.positive),
    ("abs", np.absolute),
    ("invert", np.invert),
):
    setattr(TracedArray, f"__{_name}__", lambda self, _ufunc=_ufunc: _ufunc(self))


def as_traced(value: Any) -> TracedArray:
    """Return a traced array for an array, a number, or one that is traced already."""
    if isinstance(value, TracedArray):
        return value
    weak = type(value) in (int, float)
    return TracedArray(current().lift(value), current(), weak)


def node_of(value: Any, dtype: np.dtype | None = None) -> Node:
    """Return the node for a value, cast to a dtype.

    Raises
    ------
    UnsupportedError
        If the value belongs to a trace that has ended.
    """
    if not isinstance(value, TracedArray):
        return current().lift(value, dtype)
    session = current()
    if not is_open(value.session):
        raise UnsupportedError(
            f"a traced value{at(user_source())} belongs to a trace that has ended: return "
            "values from the function instead of storing them elsewhere"
        )
    if dtype is None or dtype == value.dtype:
        return value.node
    return session.record(TABLE["astype"], [value.node], dtype=dtype)


def record(row: Row, *operands: Any, **attributes: Any) -> TracedArray:
    """Record an op on operands that already have the dtypes it needs."""
    nodes = [node_of(operand) for operand in operands]
    session = current()
    try:
        return TracedArray(session.record(row, nodes, **attributes), session)
    except ValueError as error:
        raise InputError(f"{row.name}{at(user_source())}: {error}") from None
    except IndexError as error:
        raise IndexError(f"{error}{at(user_source())}") from None


def _type(value: Any) -> Any:
    if isinstance(value, TracedArray):
        return float if value.weak and value.dtype.kind == "f" else value.dtype
    if type(value) in (int, float):
        return type(value)
    if isinstance(value, list | tuple):
        _refuse_traced_items(value)
    return check_dtype(np.asarray(value).dtype)


def _refuse_traced_items(values: Any) -> None:
    for value in values:
        if isinstance(value, TracedArray):
            value.__array__()
        if isinstance(value, list | tuple):
            _refuse_traced_items(value)


def apply(row: Row, *operands: Any) -> TracedArray:
    """Record an elementwise op: choose NumPy's dtypes, cast, and make the node."""
    ufunc: Any = row.evaluate
    types = tuple(map(_type, operands))
    try:
        loop = resolve_loop(ufunc, types)
    except TypeError as error:
        raise UnsupportedError(f"np.{ufunc.__name__}{at(user_source())}: {error}") from None
    if not SUPPORTED.issuperset(loop):
        refuse(f"np.{ufunc.__name__} of {', '.join(str(np.dtype(t)) for t in types)}")
    casts = [node_of(value, dtype) for value, dtype in zip(operands, loop, strict=False)]
    session = current()
    try:
        node = session.record(row, casts)
    except ValueError:
        shapes = " and ".join(str(node.shape) for node in casts)
        raise InputError(
            f"np.{ufunc.__name__}{at(user_source())}: shapes {shapes} do not broadcast"
        ) from None
    weak = all(t is float or t is int for t in types)
    return TracedArray(node, session, weak)
