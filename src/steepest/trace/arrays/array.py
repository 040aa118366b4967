"""The traced array, which a function sees in place of an argument and which records operations."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from steepest.errors import ConcreteValueError, InputError, OperandError, UnsupportedError, forgive
from steepest.graph import Node, Shape
from steepest.graph.source import at, user_source
from steepest.ops import TABLE, Elementwise, Reduction, Row
from steepest.ops.row import Order
from steepest.trace.arrays.refusals import (
    MissingAttributeError,
    PlainNeededError,
    need,
    refuse_attribute,
    refuse_library,
)
from steepest.trace.arrays.registries import (
    CALLS,
    COMPLEX,
    FUNCTIONS,
    METHODS,
    NUMBERS,
    PROPERTIES,
)
from steepest.trace.arrays.storage import Storage, ViewStep
from steepest.trace.arrays.text import shown
from steepest.trace.recording.session import Session, current, is_open, logged, refuse_ended


class Traced:
    """A traced value: an array of real numbers, or the two parts of a complex array."""

    __slots__ = ()

    def plain(self) -> Any:
        """Return a copy of the values, as NumPy has them."""
        raise NotImplementedError

    @property  # type: ignore[misc]  # object has an attribute of this name
    def __class__(self) -> Any:
        """The type that the user's code sees; every failing ``isinstance`` reads it."""
        return CALLS["type"](python_type(self)) if _is_asked_by_user() else type(self)


def _is_asked_by_user() -> bool:
    """Whether the attribute is read by the user's code, whose globals are not a plain dict."""
    return type(sys._getframe(2).f_globals) is not dict


class _OnlyWhereFound:
    """A method for the library ``copy``; the user's code does not see it on Python's numbers."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function

    def __get__(self, x: Any, owner: type | None = None) -> Any:
        if x is None:
            return self.function
        name = self.function.__name__
        if _is_asked_by_user() and not hasattr(python_type(x), name):
            _missing(x, name)
        return functools.partial(self.function, x)


class TracedArray(Traced):
    """An array whose operations are recorded, and whose values can be computed at any time.

    Parameters
    ----------
    node
        What it is in the graph.
    session
        The recording it belongs to.
    weak
        Whether it stands for a Python number, which adapts its dtype to the others'.
    is_scalar
        Whether it stands for a number, which nothing can be assigned to, and not for an
        array. Unless given, a value without axes is a number.
    ordered
        Whether NumPy's array surely lies in memory in C order. Then reshapes of it are views.

    Notes
    -----
    Nodes never change. What changes when an array is assigned to is the node that it
    stands for: see :mod:`steepest.trace.arrays.storage`.
    """

    __slots__ = ("_node", "argument", "is_scalar", "ordered", "session", "storage", "weak")

    def __init__(
        self,
        node: Node,
        session: Session,
        weak: bool = False,
        is_scalar: bool | None = None,
        ordered: bool = False,
    ) -> None:
        self._node = node
        self.session = session
        self.weak = weak
        self.is_scalar = not node.shape if is_scalar is None else is_scalar
        self.ordered = ordered or len(node.shape) < 2
        self.storage: Storage | ViewStep | None = None
        self.argument: Node | None = None  # the caller's array that an assignment would change

    @property
    def node(self) -> Node:
        """What it is in the graph now."""
        if self.storage is not None:
            self._node = self.storage.current()
        return self._node

    # What NumPy and Python ask of an array.

    @property
    def shape(self) -> Shape:
        if self.weak and _is_asked_by_user():
            _missing(self, "shape")
        return self._node.shape

    @shape.setter
    def shape(self, shape: Any) -> NoReturn:
        raise UnsupportedError(
            f"assigning to .shape{at(user_source())} cannot be recorded: use x.reshape(...)"
        )

    @property
    def dtype(self) -> np.dtype:
        if self.weak and _is_asked_by_user():
            _missing(self, "dtype")
        return self._node.dtype

    @property
    def ndim(self) -> int:
        if self.weak and _is_asked_by_user():
            _missing(self, "ndim")
        return self._node.ndim

    @property
    def size(self) -> int:
        if self.weak and _is_asked_by_user():
            _missing(self, "size")
        return self._node.size

    @property
    def flat(self) -> Any:
        if self.weak and _is_asked_by_user():
            _missing(self, "flat")
        return PROPERTIES["flat"](self)

    @flat.setter
    def flat(self, value: Any) -> None:
        PROPERTIES["flat"](self)[:] = value

    @property
    def value(self) -> np.ndarray:
        """The concrete values; they are computed once."""
        return self.session.value(self.node)

    def plain(self) -> Any:
        """Return a copy of the values, as NumPy has them."""
        if self.weak:
            return self.value.item()
        return np.array(self.value)[()] if self.is_scalar else np.array(self.value)

    def _shown(self) -> Any:
        try:
            return self.plain()
        except UnsupportedError as error:  # inside a loop that stays in the graph, or afterwards
            forgive(error)
            return f"<traced {self.dtype}{list(self.shape)}>"

    def __repr__(self) -> str:
        value = self._shown()
        return self._as_text(value if isinstance(value, str) else repr(value))

    def __str__(self) -> str:
        return self._as_text(str(self._shown()))

    def __format__(self, specification: str) -> str:
        return self._as_text(format(self._shown(), specification))

    def _as_text(self, text: str) -> str:
        """Return a text, noted if it may differ from call to call."""
        if not is_open(self.session) or self.session.known_value(self.node) is not None:
            return text
        return shown(text)

    def __len__(self) -> int:
        if not self.shape:
            raise OperandError(f"len() of unsized object{at(user_source())}")
        return self.shape[0]

    def __iter__(self) -> Iterator[TracedArray]:
        if not self.shape:
            raise OperandError(f"iteration over a 0-d array{at(user_source())}")
        return (self[i] for i in range(self.shape[0]))

    def __contains__(self, item: Any) -> bool:
        if self.is_scalar:
            raise OperandError(f"a number{at(user_source())} contains nothing: compare with ==")
        return bool(np.any(self == item))

    def __getitem__(self, key: Any) -> TracedArray:
        part: TracedArray = logged(METHODS["__getitem__"], (self, key))
        return part

    def __setitem__(self, key: Any, value: Any) -> None:
        logged(METHODS["__setitem__"], (self, key, value))

    def __delitem__(self, key: Any) -> NoReturn:
        raise InputError(
            f"cannot delete array elements{at(user_source())}: use np.delete, or a slice"
        )

    def __getattr__(self, name: str) -> Any:
        if self.is_scalar and _is_asked_by_user() and not hasattr(python_type(self), name):
            _missing(self, name)
        if name in METHODS:
            return _bound(self, name)
        if name in PROPERTIES:
            return logged(PROPERTIES[name], (self,))
        if name.startswith("__"):
            raise AttributeError(name)
        if not hasattr(python_type(self), name):
            _missing(self, name)
        if callable(getattr(python_type(self), name)):  # so that hasattr is true
            return functools.partial(refuse_attribute, name)
        refuse_attribute(name)

    def __steepest_record__(self, row: Row, *operands: Any, **attributes: Any) -> TracedArray:
        return record(row, *operands, **attributes)

    # Where Python needs a concrete value, which chooses a path of the program.

    def __bool__(self) -> bool:
        if self.size != 1:
            raise InputError(
                f"the truth value of an array with {self.size} elements{at(user_source())} is "
                "ambiguous: use a.any() or a.all()"
            )
        truth: Any = np.reshape(self.astype(np.bool_), ())
        return bool(current().decide(truth.node, is_branch=True))

    def __index__(self) -> int:
        if self.dtype.kind not in "iu" or self.shape:
            raise ConcreteValueError(
                f"only integer scalars can be converted to an index{at(user_source())}, got "
                f"{self.dtype} of shape {self.shape}: convert with int(...)"
            )
        return int(current().decide(self.node))

    def __int__(self) -> int:
        return int(self._exactly("a Python int", "x.astype(np.int64)"))

    def __float__(self) -> float:
        return float(self._exactly("a Python float", "the traced value itself, or np.asarray"))

    def __complex__(self) -> complex:
        return complex(self._exactly("a Python complex number", "NumPy's complex arithmetic"))

    def _exactly(self, what: str, instead: str) -> Any:
        """Return a value that the recorded graph may keep, because it is the same at each call."""
        known = self._known()
        if known is not None and self.size == 1:
            return known.reshape(())[()]
        if self.size == 1 and self.dtype.kind in "iub":
            number: Any = np.reshape(self, ())
            return current().decide(number.node)
        if self.size != 1:
            raise OperandError(
                f"only an array with one element can become {what}{at(user_source())}, got "
                f"shape {self.shape}"
            )
        need(what, instead, PlainNeededError)

    def _known(self) -> np.ndarray | None:
        """Return the value if it is the same at each call, or a setting's."""
        session = current()
        known = session.known_value(self.node)
        return session.asked(self.node) if known is None else known

    def __array__(self, *_: Any, **__: Any) -> np.ndarray:
        known = self._known()
        if known is not None:
            return np.array(known)
        refuse_library("a plain array")
        raise PlainNeededError(
            f"a traced value{at(user_source())} is put into a plain NumPy array, which cannot "
            "hold it: make that array with np.zeros or np.array inside the function, or give "
            "what asks for it a plain array"
        )

    def __hash__(self) -> int:
        if self.is_scalar and self.dtype.kind in "biu":
            return hash(current().decide(self.node))  # as an index
        known = self._known() if self.is_scalar else None
        if known is None:
            raise ConcreteValueError(
                f"a traced value{at(user_source())} is unhashable: it cannot be in a set or a "
                "key of a dictionary, because it stands for every value it may have; use a "
                "list, or a key that is not computed from the arguments, and leave a memo out"
            )
        return hash(known[()])

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        need("a value to pickle", "x.copy(), or return the value and save it outside")

    @_OnlyWhereFound
    def __copy__(self) -> Any:
        return METHODS["copy"](self)

    @_OnlyWhereFound
    def __deepcopy__(self, memo: Any) -> Any:
        return METHODS["copy"](self)

    if TYPE_CHECKING:  # ``arrays.operators`` gives these, and the rest of them, to the class

        def __add__(self, other: Any) -> Any: ...
        def __radd__(self, other: Any) -> Any: ...
        def __sub__(self, other: Any) -> Any: ...
        def __mul__(self, other: Any) -> Any: ...
        def __rmul__(self, other: Any) -> Any: ...
        def __mod__(self, other: Any) -> Any: ...
        def __floordiv__(self, other: Any) -> Any: ...
        def __neg__(self) -> Any: ...
        def __pos__(self) -> Any: ...
        def __eq__(self, other: object) -> Any: ...
        def __ne__(self, other: object) -> Any: ...
        def __ge__(self, other: Any) -> Any: ...
        def __le__(self, other: Any) -> Any: ...

    def __round__(self, digits: Any = None) -> Any:
        if not self.is_scalar:
            raise UnsupportedError(
                f"round() of an array of shape {self.shape}{at(user_source())}: use np.round"
            )
        merging = self.session.root.merging
        if merging is not None:
            merging.mixed.refuse(self)
        return NUMBERS["round"](self, digits)

    def __divmod__(self, other: Any) -> Any:
        return self // other, self % other

    def __rdivmod__(self, other: Any) -> Any:
        return other // self, other % self

    def _in_place(self, symbol: str, operation: Callable[..., Any], other: Any) -> Any:
        if self.is_scalar:
            return NotImplemented  # numbers are immutable: the operator makes a new one
        if symbol == "@=" and np.ndim(other) < 2:
            raise InputError(f"{symbol}{at(user_source())} needs a matrix on its right-hand side")
        result = operation(self, other)
        return self.assign(result, f"the operator {symbol}")

    def assign(self, value: Any, what: str, casting: Any = "same_kind") -> TracedArray:
        """Replace all elements, casting as a ufunc casts its output; return the array.

        Raises
        ------
        UnsupportedError
            If the result's dtype does not fit, as in NumPy, or this is no array.
        """
        result = as_traced(value)
        if self.is_scalar:
            raise UnsupportedError(
                f"{what}{at(user_source())} writes to a number: only arrays can be written to"
            )
        if not _fits(result.shape, self.shape):
            raise InputError(
                f"{what}{at(user_source())} has shape {self.shape}, the result has shape "
                f"{result.shape}"
            )
        self.demand_cast(result, what, casting)
        METHODS["__setitem__"](self, ..., result)
        return self

    def demand_cast(self, result: Any, what: str, casting: Any) -> None:
        """Raise unless the dtype of a result fits into this array."""
        if not np.can_cast(result.dtype, self.dtype, casting):
            raise UnsupportedError(
                f"{what}{at(user_source())}: a result of dtype {result.dtype} cannot be cast "
                f"to {self.dtype}: make the array of dtype {result.dtype} in the first place"
            )


def _fits(shape: Shape, target: Shape) -> bool:
    """Whether a shape broadcasts to another."""
    ahead = len(target) - len(shape)
    return ahead >= 0 and all(a in (1, b) for a, b in zip(shape, target[ahead:], strict=True))


def _missing(array: TracedArray, name: str) -> NoReturn:
    kind = python_type(array).__name__
    what = "arrays have"
    if array.is_scalar:
        what = f"{'Python' if array.weak else 'NumPy'}'s {kind} has"
    raise MissingAttributeError(f"{what} no attribute {name!r}{at(user_source())}")


def _bound(array: TracedArray, name: str) -> Callable[..., Any]:
    function = _method(name)

    def method(*args: Any, **kwargs: Any) -> Any:
        return logged(function, (array, *args), kwargs)

    return method


@functools.cache
def _method(name: str) -> Callable[..., Any]:
    return lambda *args, **kwargs: CALLS["method"](name, args, kwargs)


def python_type(x: Any) -> type:
    """Return the type that a traced value would have in plain NumPy."""
    if x.weak:
        return {"f": float, "c": complex, "b": bool}.get(x.dtype.kind, int)
    return x.dtype.type if x.is_scalar else np.ndarray


def as_traced(value: Any) -> Any:
    """Return a traced array for an array, a number, a list, or what is traced already."""
    if isinstance(value, TracedArray):
        return value
    if COMPLEX["is complex"](value):
        return COMPLEX["as real"](value)
    if isinstance(value, list | tuple) and holds_traced(value):
        return FUNCTIONS[np.array](value)
    weak = type(value) in (int, float)
    is_scalar = not isinstance(value, np.ndarray | list | tuple)
    node = current().lift(value)  # which refuses what is no array
    return TracedArray(node, current(), weak, is_scalar, lies_in_order(value))


def holds_traced(value: Any) -> bool:
    """Whether a value is traced, or a list or tuple with something traced in it."""
    if isinstance(value, Traced):
        return True
    return isinstance(value, list | tuple) and any(map(holds_traced, value))


def node_of(value: Any, dtype: np.dtype | None = None) -> Node:
    """Return the node for a value, cast to a dtype.

    Raises
    ------
    UnsupportedError
        If the value belongs to a trace that has ended.
    """
    if not isinstance(value, TracedArray):
        if isinstance(value, list | tuple) and holds_traced(value):
            return node_of(as_traced(value), dtype)
        return current().lift(value, dtype)
    session = current()
    if not is_open(value.session):
        refuse_ended()
    node = value.node
    if dtype is None or dtype == node.dtype:
        return node
    return session.record(TABLE["astype"], [node], dtype=dtype)


def record(row: Row, *operands: Any, **attributes: Any) -> TracedArray:
    """Record an op on operands that already have the dtypes it needs."""
    nodes = [node_of(operand) for operand in operands]
    session = current()
    try:
        node = session.record(row, nodes, **attributes)
        return TracedArray(node, session, ordered=is_ordered(row, operands))
    except ValueError as error:
        raise InputError(f"{row.name}{at(user_source())}: {error}") from None
    except IndexError as error:
        raise IndexError(f"{error}{at(user_source())}") from None


def is_ordered(row: Row, operands: Sequence[Any]) -> bool:
    """Whether NumPy surely lays the result of an op out in C order, as its operands are."""
    if isinstance(row.lower, Elementwise | Reduction) or row.in_order is Order.AS_ALL:
        return all(map(lies_in_order, operands))
    if row.in_order is Order.AS_FIRST:
        return lies_in_order(operands[0])
    return row.in_order is Order.ALWAYS


def lies_in_order(value: Any) -> bool:
    """Whether an array, traced or plain, surely lies in memory in C order."""
    if isinstance(value, TracedArray):
        return value.ordered
    return np.ndim(value) < 2 or (isinstance(value, np.ndarray) and value.flags.c_contiguous)
