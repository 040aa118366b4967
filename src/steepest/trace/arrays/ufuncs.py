"""Calls of ufuncs on traced arrays: loops, casts, and the arguments of NumPy's protocol."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import numpy as np

from steepest.errors import InputError, OperandError, UnsupportedError
from steepest.graph import Node
from steepest.graph.source import at, user_source
from steepest.ops import TABLE, Elementwise, Row, resolve_loop
from steepest.ops.elementwise.comparison import COMPARISONS
from steepest.trace.arrays.array import (
    TracedArray,
    as_traced,
    is_ordered,
    lies_in_order,
    node_of,
)
from steepest.trace.arrays.dispatch import as_number, demand, selected, unlisted, write_out
from steepest.trace.arrays.implementations import call_implementation
from steepest.trace.arrays.refusals import refuse
from steepest.trace.arrays.registries import (
    COMPLEX,
    ELEMENTWISE,
    FUNCTIONS,
    SPECIAL_UFUNCS,
    UFUNC_METHODS,
)
from steepest.trace.recording.dtypes import SUPPORTED, check_dtype
from steepest.trace.recording.session import Session, current, logged


def _public_name(ufunc: np.ufunc) -> str:
    """Return a ufunc's name without the underscore that some of SciPy's have."""
    return ufunc.__name__.removeprefix("_")


def full_name(ufunc: np.ufunc) -> str:
    """Return a ufunc's name with its module."""
    name = _public_name(ufunc)
    for shown, module in (("np", np), ("scipy.special", sys.modules.get("scipy.special"))):
        if getattr(module, name, None) is ufunc:
            return f"{shown}.{name}"
    return name  # made from a Python function


_ABSENT = np._NoValue


@functools.cache
def _is_of_complex(ufunc: np.ufunc) -> bool:
    """Whether all results of a ufunc are complex, whatever its operands are."""
    return all(loop.partition("->")[2].isupper() for loop in ufunc.types)


def call_ufunc(
    ufunc: np.ufunc, *inputs: Any, out: Any = _ABSENT, where: Any = True, **options: Any
) -> Any:
    """Record a call of a ufunc, with what NumPy does for ``out``, ``where`` and ``dtype``."""
    is_plain = out is _ABSENT and where is True and not options and len(inputs) == ufunc.nin
    row = TABLE.get(ufunc.__name__) if is_plain and ufunc not in FUNCTIONS else None
    if row is not None and row.evaluate is ufunc and not any(map(COMPLEX["is complex"], inputs)):
        return apply(row, *inputs)  # most often, and faster
    inputs, given = inputs[: ufunc.nin], inputs[ufunc.nin :]
    if any(map(COMPLEX["is complex"], inputs)) or _is_of_complex(ufunc):
        out = given or (None if out is _ABSENT else out)
        return COMPLEX["ufunc"](ufunc, *inputs, out=out, where=where, **options)
    targets = _targets(ufunc, given, out)
    dtype, casting = options.pop("dtype", None), options.pop("casting", "same_kind")
    order = options.pop("order", "K") or "K"
    options.pop("subok", None)  # what is recorded is no instance of a subclass
    for name, value in options.items():
        if value is not None:
            refuse(f"the argument {name}= of np.{ufunc.__name__}")
    if order not in ("C", "F", "A", "K"):
        raise InputError(f"order={order!r}{at(user_source())} must be 'C', 'F', 'A' or 'K'")
    loop = _loop_of(ufunc, inputs, dtype, casting)
    implementation = FUNCTIONS.get(ufunc)
    if implementation is None and getattr(np, ufunc.__name__, None) is not ufunc:
        implementation = SPECIAL_UFUNCS.get(_public_name(ufunc))
    if loop is not None and (dtype is not None or implementation is not None):
        inputs = tuple(_in_loop(x, t) for x, t in zip(inputs, loop, strict=False))
    if implementation is not None:
        result = implementation(*inputs)
    else:
        row = TABLE.get(ufunc.__name__)
        if row is None or row.evaluate is not ufunc:
            refuse(full_name(ufunc))
        result = apply(row, *inputs)
    if loop is not None:
        result = _as_loop(ufunc, result, loop[ufunc.nin :], order)
    result = tuple(map(as_number, result)) if isinstance(result, tuple) else as_number(result)
    if where is True and all(target is None for target in targets):
        return result
    results = result if isinstance(result, tuple) else (result,)
    written = tuple(
        _shaped_as(value, targets)
        if target is None and where is True
        else _write_out(ufunc, value, target, where, casting)
        for value, target in zip(results, targets, strict=True)
    )
    return written if isinstance(result, tuple) else written[0]


def _targets(ufunc: np.ufunc, given: tuple[Any, ...], out: Any) -> tuple[Any, ...]:
    """Return the arrays that the results of a ufunc are written to, None for new ones.

    Raises
    ------
    TypeError, ValueError
        Where NumPy does not take them: each of several results needs its own array.
    """
    name = f"np.{ufunc.__name__}{at(user_source())}"
    if given:
        if out is not _ABSENT or len(given) > ufunc.nout:
            raise OperandError(f"{name} is given more arrays for its results than it has results")
        return (*given, *(None,) * (ufunc.nout - len(given)))
    if out is _ABSENT:
        return (None,) * ufunc.nout
    if not isinstance(out, tuple):
        if ufunc.nout > 1:
            raise OperandError(f"{name} has {ufunc.nout} results: out= must be a tuple of arrays")
        return (out,)
    if len(out) != ufunc.nout:
        raise InputError(f"{name}: the tuple out= must have one entry for each result")
    return out


def _loop_of(ufunc: np.ufunc, inputs: Any, dtype: Any, casting: Any) -> Any:
    """Return the dtypes of the loop that NumPy chooses; None for comparisons of integers."""
    types = tuple(map(_type, map(unlisted, inputs)))
    if dtype is None and ufunc.__name__ in COMPARISONS and int in types:
        return None  # compared exactly, whatever the loop
    # NumPy crashes where it refuses a cast of a Python number. So casts are checked below.
    rules: dict[str, Any] = {"casting": "unsafe"}
    if dtype is not None:
        rules["signature"] = (*(None,) * ufunc.nin, *(np.dtype(dtype),) * ufunc.nout)
    try:
        if dtype is None and casting == "same_kind":
            return resolve_loop(ufunc, types)
        loop = ufunc.resolve_dtypes((*types, *(None,) * ufunc.nout), **rules)
    except TypeError as error:
        raise UnsupportedError(f"np.{ufunc.__name__}{at(user_source())}: {error}") from None
    for kind, used in zip(types, loop, strict=False):
        if not _can_cast(kind, used, casting):
            raise UnsupportedError(
                f"np.{ufunc.__name__}{at(user_source())} is computed in {used}, to which "
                f"{np.dtype(kind)} cannot be cast by the rule casting={casting!r}"
            )
    return tuple(map(check_dtype, loop))


def _can_cast(kind: Any, dtype: np.dtype, casting: Any) -> bool:
    """Whether an operand can be cast for a loop; Python's numbers adapt to it."""
    adapts = casting != "equiv" and dtype.kind in {int: "iufc", float: "fc"}.get(kind, "")
    return np.can_cast(dtype if adapts else np.dtype(kind), dtype, casting)


def _in_loop(value: Any, dtype: np.dtype) -> Any:
    x = as_traced(value)
    return x if x.dtype == dtype and not x.weak else x.astype(dtype)


def _as_loop(ufunc: np.ufunc, result: Any, dtypes: Any, order: str) -> Any:
    """Return results with the dtypes of the loop and the order in memory that was asked for."""
    if isinstance(result, tuple):
        pairs = zip(result, dtypes, strict=True)
        return tuple(_as_loop(ufunc, value, (dtype,), order) for value, dtype in pairs)
    if not isinstance(result, TracedArray):
        return result
    if result.dtype != dtypes[0]:
        cast = result.astype(check_dtype(dtypes[0]))
        result = TracedArray(cast.node, current(), False, result.is_scalar, result.ordered)
    if order in ("C", "F"):
        result.ordered = order == "C" or result.ndim < 2
    return result


def _shaped_as(value: Any, targets: Sequence[Any]) -> Any:
    """Return a result broadcast to the arrays that the other results are written to."""
    shape = np.broadcast_shapes(value.shape, *(x.shape for x in targets if x is not None))
    return value if shape == value.shape else np.broadcast_to(value, shape).copy()


def _write_out(ufunc: np.ufunc, value: Any, out: Any, where: Any, casting: Any) -> Any:
    what = f"the argument out= of np.{ufunc.__name__}"
    if out is None:
        raise UnsupportedError(
            f"np.{ufunc.__name__} with where= and without out={at(user_source())} leaves "
            "elements without a value: give out=, or use np.where"
        )
    if where is not True and isinstance(out, TracedArray):
        value = selected(value, out, where, what, casting)
    return write_out(value, out, what, casting)


def _type(value: Any) -> Any:
    if isinstance(value, TracedArray):
        return (
            {"f": float, "i": int}.get(value.dtype.kind, value.dtype)
            if value.weak
            else value.dtype
        )
    if type(value) in (int, float):
        return type(value)
    return check_dtype(np.asarray(value).dtype)


def _exact_types(operands: Sequence[Any], types: Sequence[Any]) -> Any:
    """Return dtypes for two compared operands that hold the value of a Python int.

    NumPy compares integers with Python ints exactly. None if no dtype holds the int.
    """
    dtypes: list[Any] = list(types)
    for i, value in enumerate(operands):
        other = types[1 - i]
        if types[i] is not int or other is int or other is float or other.kind not in "iu":
            continue
        if isinstance(value, TracedArray):
            dtypes[i] = np.dtype(np.int64)
        elif not _is_within(value, other):
            wide = [t for t in (np.dtype(np.int64), np.dtype(np.uint64)) if _is_within(value, t)]
            if not wide:
                return None
            dtypes[i] = wide[0]
    return tuple(dtypes)


def _is_within(value: int, dtype: np.dtype) -> bool:
    limits = np.iinfo(dtype)
    return int(limits.min) <= value <= int(limits.max)


def _compared_beyond(ufunc: Any, operands: Sequence[Any]) -> TracedArray:
    """Compare with a Python int that no dtype holds: the result is the same for all elements."""
    ones = [np.ones((), x.dtype) if isinstance(x, TracedArray) else x for x in operands]
    array = next(x for x in operands if isinstance(x, TracedArray))
    whole: Any = np.broadcast_to(as_traced(ufunc(*ones)), array.shape)
    answers: TracedArray = whole.copy()
    return answers


def _as_dtype(value: Any, kind: Any, dtype: np.dtype) -> Node:
    """Return an operand's node, cast to the dtype of the loop that NumPy has chosen.

    Raises
    ------
    OverflowError
        If it is a Python int that the dtype does not hold.
    """
    if kind is int and dtype.kind in "iu":
        message = f"a Python int{at(user_source())} is out of bounds for {dtype}"
        if not isinstance(value, TracedArray):
            if not _is_within(value, dtype):
                raise OverflowError(message)
        elif dtype != value.dtype:
            limits = np.iinfo(dtype)
            low, high = int(limits.min), min(int(limits.max), 2**63 - 1)
            wide = TracedArray(value.node, current())
            demand((wide >= low) & (wide <= high), lambda: OverflowError(message))
    return node_of(value, dtype)


def apply(row: Row, *operands: Any) -> TracedArray:
    """Record an elementwise op: choose NumPy's dtypes, cast, and make the node."""
    ufunc: Any = row.evaluate
    session = current()
    nodes = _float_nodes(session, operands)
    if nodes is not None and _takes_floats(ufunc, len(nodes)):
        try:
            node = session.record(row, nodes)
        except ValueError:
            _refuse_shapes(ufunc, nodes)
        ordered = len(node.shape) < 2 or all([lies_in_order(x) for x in operands])
        return TracedArray(node, session, ordered=ordered)
    operands = tuple(map(unlisted, operands))
    types = tuple(map(_type, operands))
    if int in types and row.name in COMPARISONS:
        types = _exact_types(operands, types)
        if types is None:
            return _compared_beyond(ufunc, operands)
    try:
        loop = resolve_loop(ufunc, types)
    except TypeError as error:
        raise OperandError(f"np.{ufunc.__name__}{at(user_source())}: {error}") from None
    if not SUPPORTED.issuperset(loop):
        refuse(f"np.{ufunc.__name__} of {', '.join(str(np.dtype(t)) for t in types)}")
    casts = [
        _as_dtype(value, kind, dtype)
        for value, kind, dtype in zip(operands, types, loop, strict=False)
    ]
    if row.name == "power" and loop[0].kind == "i":
        _demand_exponent(casts[1])
    try:
        node = session.record(row, casts)
    except ValueError:
        _refuse_shapes(ufunc, casts)
    return TracedArray(node, session, ordered=is_ordered(row, operands))


_FLOAT = np.dtype(np.float64)


@functools.cache
def _takes_floats(ufunc: np.ufunc, number: int) -> bool:
    """Whether a ufunc of so many numbers of float64 computes in float64."""
    try:
        loop = resolve_loop(ufunc, (_FLOAT,) * number)
    except TypeError:
        return False
    return set(loop[:number]) == {_FLOAT} and SUPPORTED.issuperset(loop)


def _float_nodes(session: Session, operands: Sequence[Any]) -> list[Node] | None:
    """Return the nodes of operands that all are of float64, or numbers beside such ones.

    This is the common case; nothing has to be chosen or cast.
    """
    nodes, is_array = [], False
    for x in operands:
        if type(x) is float:
            nodes.append(session.lift_float(x))
        elif type(x) is TracedArray and x.session is session and not x.weak:
            node = x.node
            if node.dtype is not _FLOAT:
                return None
            nodes.append(node)
            is_array = True
        else:
            return None
    return nodes if is_array else None


def _refuse_shapes(ufunc: Any, nodes: Sequence[Node]) -> NoReturn:
    shapes = " and ".join(str(node.shape) for node in nodes)
    raise InputError(
        f"np.{ufunc.__name__}{at(user_source())}: shapes {shapes} do not broadcast"
    ) from None


def _demand_exponent(exponent: Node) -> None:
    where = at(user_source())
    message = f"integers to negative integer powers{where} are not allowed: convert to floats"
    numbers: Any = TracedArray(exponent, current())
    demand(np.all(numbers >= 0), lambda: InputError(message))


@functools.cache
def ufunc_recording_of(ufunc: np.ufunc) -> Callable[..., Any]:
    """Return what records a call of a ufunc."""
    recording = functools.partial(call_ufunc, ufunc)
    row = TABLE.get(ufunc.__name__)
    if row is not None and row.evaluate is ufunc and isinstance(row.lower, Elementwise):
        if ufunc not in BY_EXPONENT:
            ELEMENTWISE.add(recording)
    return recording


BY_EXPONENT = frozenset({np.power, np.float_power, np.left_shift, np.right_shift, np.ldexp})
"""Ufuncs that record other ops for some plain operands."""


def _array_ufunc(
    self: TracedArray, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any
) -> Any:
    if method == "__call__":
        return logged(ufunc_recording_of(ufunc), inputs, options)
    implementation = UFUNC_METHODS.get((ufunc, method))
    if implementation is None:
        refuse(f"np.{ufunc.__name__}.{method}")
    name = f"np.{ufunc.__name__}.{method}"
    return call_implementation(implementation, name, inputs, options, getattr(ufunc, method))


_class: Any = TracedArray
_class.__array_ufunc__ = _array_ufunc
