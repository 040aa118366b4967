"""Calls of NumPy's functions and ufuncs, as they reach traced arrays."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from steepest.errors import (
    ConcreteValueError,
    InputError,
    OperandError,
    UnsupportedError,
    forgive,
)
from steepest.graph import Node
from steepest.graph.source import at, user_source
from steepest.ops import TABLE, Row, resolve_loop
from steepest.ops.elementwise.comparison import COMPARISONS
from steepest.trace.arrays.array import TracedArray, as_traced, is_ordered, node_of
from steepest.trace.arrays.implementations import call_implementation
from steepest.trace.arrays.refusals import refuse, refuse_library
from steepest.trace.arrays.registries import (
    CALLS,
    COMPLEX,
    FUNCTIONS,
    METHODS,
    SPECIAL_UFUNCS,
    UFUNC_METHODS,
)
from steepest.trace.recording.session import SUPPORTED, check_dtype, current


def call_function(function: Callable[..., Any], args: Any, kwargs: Mapping[str, Any]) -> Any:
    """Record a call of one of NumPy's functions that is no ufunc."""
    if any(map(COMPLEX["is complex"], args)):
        return COMPLEX["function"](function, args, kwargs)
    implementation = FUNCTIONS.get(function)
    module = getattr(function, "__module__", None) or "numpy"
    name = f"{module.replace('numpy', 'np', 1)}.{function.__name__}"
    if implementation is None:
        refuse(name)
    result = call_implementation(implementation, name, args, kwargs, function)
    return as_returned(result, name, args, kwargs)


def call_method(name: str, args: Any, kwargs: Mapping[str, Any]) -> Any:
    """Record a call of a method of arrays."""
    full = f"ndarray.{name}"
    plain = lambda x, *args, **kwargs: getattr(x, name)(*args, **kwargs)
    result = call_implementation(METHODS[name], full, args, kwargs, plain)
    return as_returned(result, full, args, kwargs)


def as_returned(result: Any, name: str, args: Any, kwargs: Mapping[str, Any]) -> Any:
    """Return a result as NumPy returns it: what has no axes is a number, or an array."""
    name = name.rpartition(".")[2]
    given = (*args, *kwargs.values())
    first = given[0] if given else None
    is_number = isinstance(first, TracedArray) and first.is_scalar and not first.weak
    if is_number and name in _METHODS_OF_NUMBERS:
        return as_number(result)
    if name in _ARRAY_MAKERS or any(result is value for value in given):  # out=
        return result
    if type(result) is tuple:
        return tuple(map(as_number, result))
    return as_number(result)


_ARRAY_MAKERS = frozenset(
    """
    append array asanyarray asarray ascontiguousarray astype block broadcast_arrays broadcast_to
    choose conj conjugate concatenate copy cov delete diag diagonal empty empty_like expand_dims
    extract fftn fftshift flip full full_like i0 ifftn ifftshift imag insert isin matrix_transpose
    moveaxis ones ones_like pad piecewise polyint polyval real reshape resize roll rollaxis rot90
    select split squeeze stack swapaxes tensordot tile transpose unstack view where zeros
    zeros_like
    """.split()  # noqa: SIM905
)
"""Functions whose results without axes are arrays; those of all others are numbers."""


_METHODS_OF_NUMBERS = frozenset(
    {"imag", "moveaxis", "permute_dims", "reshape", "squeeze", "transpose", "view"}
)
"""Functions that leave it to a number of NumPy's to answer, which it does with a number."""


def as_number(result: Any) -> Any:
    """Return a result as a number, if it has no axes."""
    if isinstance(result, TracedArray) and not result.shape:
        return TracedArray(result.node, current(), result.weak, is_scalar=True)
    return result


def scipy_name(ufunc: np.ufunc) -> str:
    """Return the public name of a ufunc."""
    return ufunc.__name__.removeprefix("_")


def _full_name(ufunc: np.ufunc) -> str:
    name = scipy_name(ufunc)
    for shown, module in (("np", np), ("scipy.special", sys.modules.get("scipy.special"))):
        if getattr(module, name, None) is ufunc:
            return f"{shown}.{name}"
    return name  # made from a Python function


_ABSENT = np._NoValue


def call_ufunc(
    ufunc: np.ufunc, *inputs: Any, out: Any = _ABSENT, where: Any = True, **options: Any
) -> Any:
    """Record a call of a ufunc, with what NumPy does for ``out``, ``where`` and ``dtype``."""
    is_plain = out is _ABSENT and where is True and not options and len(inputs) == ufunc.nin
    row = TABLE.get(ufunc.__name__) if is_plain and ufunc not in FUNCTIONS else None
    if row is not None and row.evaluate is ufunc and not any(map(COMPLEX["is complex"], inputs)):
        return apply(row, *inputs)  # most often, and faster
    inputs, given = inputs[: ufunc.nin], inputs[ufunc.nin :]
    if any(map(COMPLEX["is complex"], inputs)):
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
        implementation = SPECIAL_UFUNCS.get(scipy_name(ufunc))
    if loop is not None and (dtype is not None or implementation is not None):
        inputs = tuple(_in_loop(x, t) for x, t in zip(inputs, loop, strict=False))
    if implementation is not None:
        result = implementation(*inputs)
    else:
        row = TABLE.get(ufunc.__name__)
        if row is None or row.evaluate is not ufunc:
            refuse(_full_name(ufunc))
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
    """Return where the results of a ufunc are written to, None for new arrays.

    Raises
    ------
    TypeError, ValueError
        Where NumPy does not take them: of several results each has its own array.
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
    # NumPy crashes where it finds a cast of a Python number at fault: that is asked below.
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
    """Whether an operand can be cast for a loop; numbers of Python's adapt to it."""
    adapts = casting != "equiv" and dtype.kind in {int: "iufc", float: "fc"}.get(kind, "")
    return np.can_cast(dtype if adapts else np.dtype(kind), dtype, casting)


def _in_loop(value: Any, dtype: np.dtype) -> Any:
    x = as_traced(value)
    return x if x.dtype == dtype and not x.weak else x.astype(dtype)


def _as_loop(ufunc: np.ufunc, result: Any, dtypes: Any, order: str) -> Any:
    """Return results with the dtypes of the loop, and with the order that was asked for."""
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
    """Return a result with the shape that the arrays for the other results give it."""
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


def selected(value: Any, out: TracedArray, where: Any, what: str, casting: Any) -> Any:
    """Return what an array holds after a result is written to it where a mask is true."""
    out.demand_cast(value, what, casting)
    return np.where(as_mask(where), value.astype(out.dtype), out)


def as_mask(where: Any) -> Any:
    """Return the argument ``where=`` as truth values: arrays must be such, as in NumPy."""
    mask = as_traced(where)
    is_array = isinstance(where, np.ndarray | TracedArray) and not mask.is_scalar
    if is_array and mask.dtype != np.bool_:
        raise OperandError(
            f"where={at(user_source())} is an array of dtype {mask.dtype}, and not of truth "
            "values: compare it, or use .astype(bool)"
        )
    return mask.astype(np.bool_)


def write_out(value: Any, out: Any, what: str, casting: Any = "same_kind") -> Any:
    """Write a result to the array given as ``out=``; return that array."""
    if not isinstance(out, TracedArray):
        refuse_library("a plain array")
        raise ConcreteValueError(
            f"{what}{at(user_source())} is a plain NumPy array, which cannot hold a traced "
            "value: make that array with np.zeros or np.empty inside the function"
        )
    return out.assign(value, what, casting)


def truth_of(condition: Any) -> bool:
    """Return whether a condition of our own holds; a guard keeps it so."""
    if not isinstance(condition, TracedArray):
        return bool(condition)
    truth: Any = np.reshape(condition.astype(np.bool_), ())
    return bool(current().decide(truth.node))


def demand(condition: Any, error: Callable[[], Exception]) -> None:
    """Raise an error unless a condition holds; where it does, that becomes a guard."""
    try:
        holds = truth_of(condition)
    except UnsupportedError as refusal:  # in a loop that stays in the graph nothing can be raised
        forgive(refusal)
        return
    if not holds:
        raise error()


def unlisted(value: Any) -> Any:
    """Return a list as an array, and all else as it is."""
    if isinstance(value, TracedArray) or not isinstance(value, list | tuple):
        return value
    return as_traced(value)


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
    """Return dtypes of two compared operands in which a Python int keeps its value.

    NumPy compares integers with Python's exactly. None where one is beyond all dtypes.
    """
    dtypes: list[Any] = list(types)
    for place, value in enumerate(operands):
        other = types[1 - place]
        if types[place] is not int or other is int or other is float or other.kind not in "iu":
            continue
        if isinstance(value, TracedArray):
            dtypes[place] = np.dtype(np.int64)
        elif not _is_within(value, other):
            wide = [t for t in (np.dtype(np.int64), np.dtype(np.uint64)) if _is_within(value, t)]
            if not wide:
                return None
            dtypes[place] = wide[0]
    return tuple(dtypes)


def _is_within(value: int, dtype: np.dtype) -> bool:
    limits = np.iinfo(dtype)
    return int(limits.min) <= value <= int(limits.max)


def _compared_beyond(ufunc: Any, operands: Sequence[Any]) -> Any:
    """Compare with a Python int that is beyond every integer: all elements answer alike."""
    places = [isinstance(x, TracedArray) for x in operands]
    ones = [np.ones((), x.dtype) if isinstance(x, TracedArray) else x for x in operands]
    array = operands[places.index(True)]
    return np.broadcast_to(as_traced(ufunc(*ones)), array.shape).copy()


def _as_dtype(value: Any, kind: Any, dtype: np.dtype) -> Node:
    """Return an operand's node of the dtype of the loop that NumPy has chosen.

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
            wide: Any = TracedArray(value.node, current())
            demand((wide >= low) & (wide <= high), lambda: OverflowError(message))
    return node_of(value, dtype)


def apply(row: Row, *operands: Any) -> TracedArray:
    """Record an elementwise op: choose NumPy's dtypes, cast, and make the node."""
    ufunc: Any = row.evaluate
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
    session = current()
    if row.name == "power" and loop[0].kind == "i":
        _demand_exponent(casts[1])
    try:
        node = session.record(row, casts)
    except ValueError:
        shapes = " and ".join(str(node.shape) for node in casts)
        raise InputError(
            f"np.{ufunc.__name__}{at(user_source())}: shapes {shapes} do not broadcast"
        ) from None
    return TracedArray(node, session, ordered=is_ordered(row, operands))


def _demand_exponent(exponent: Node) -> None:
    where = at(user_source())
    message = f"integers to negative integer powers{where} are not allowed: convert to floats"
    numbers: Any = TracedArray(exponent, current())
    demand(np.all(numbers >= 0), lambda: InputError(message))


def _array_ufunc(
    self: TracedArray, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any
) -> Any:
    if method == "__call__":
        return call_ufunc(ufunc, *inputs, **options)
    implementation = UFUNC_METHODS.get((ufunc, method))
    if implementation is None:
        refuse(f"np.{ufunc.__name__}.{method}")
    name = f"np.{ufunc.__name__}.{method}"
    return call_implementation(implementation, name, inputs, options, getattr(ufunc, method))


def _array_function(
    self: TracedArray, function: Callable[..., Any], types: Any, args: Any, kwargs: Any
) -> Any:
    return call_function(function, args, kwargs)


# NumPy's two protocols: every function of NumPy that meets a traced array comes here.
_class: Any = TracedArray
CALLS["method"] = call_method
_class.__array_ufunc__ = _array_ufunc
_class.__array_function__ = _array_function
