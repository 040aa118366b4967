"""From a Python function to a graph."""

from __future__ import annotations

import itertools
import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np

from steepest.errors import (
    REFUSALS,
    ConcreteValueError,
    EndlessRecursionError,
    SteepestError,
    UnsupportedError,
)
from steepest.frames import hides_frames
from steepest.graph import Graph, Guard, Node, Signature, trees
from steepest.graph.source import ENTRIES, at, function_source, user_source
from steepest.streams import Source
from steepest.trace.arrays.aliasing import check_call, note_arguments, note_inner
from steepest.trace.arrays.array import Traced, TracedArray, as_traced, lies_in_order
from steepest.trace.arrays.assignment import fresh
from steepest.trace.branching import join_demands, recorded
from steepest.trace.compositions import inlined
from steepest.trace.following.coincidence import on_the_other_side
from steepest.trace.following.follow import follow, wrap_captured
from steepest.trace.following.tables.series import without_series
from steepest.trace.following.writes import finish, roll_back
from steepest.trace.foreign_errors import as_refusal
from steepest.trace.patterns import revealed
from steepest.trace.recording.blas_threads import while_recording
from steepest.trace.recording.captures import Captures, is_comparable
from steepest.trace.recording.chance import check_chance, traces_anew, watch_libraries
from steepest.trace.recording.dtypes import check_dtype, check_plain
from steepest.trace.recording.session import Session, current, open_session
from steepest.trace.rerolling import LEAST_SAVED, in_two, reroll, weight_of


@dataclass(frozen=True)
class Trace:
    """A recorded function.

    Attributes
    ----------
    graph
        What the function computes. The last inputs are the captured arrays.
    captures
        What the function read from outside.
    changes_arguments
        Whether it changes an argument in place, even if only while a derivative is taken.
    """

    graph: Graph
    captures: Captures
    changes_arguments: bool = False

    def captured_arrays(self) -> list[np.ndarray]:
        """Return the arrays that the captured names are bound to now."""
        return [read() for read, _ in self.captures.arrays]


def is_array_like(leaf: Any) -> bool:
    """Whether a leaf of the arguments is traced (arrays and floats) or fixed (the rest)."""
    return isinstance(leaf, TracedArray | np.ndarray | np.generic | float | Source)


def key_of(leaf: Any) -> Any:
    """Return what a trace depends on in a leaf: its type, shape and dtype, or its value."""
    if type(leaf) is float:
        return float
    if isinstance(leaf, TracedArray):
        return leaf.shape, leaf.dtype, leaf.is_scalar, leaf.ordered, leaf.weak
    if isinstance(leaf, Source):
        return Source, leaf.shape, leaf.dtype
    if is_array_like(check_plain(leaf)):
        if leaf.ndim > 1:
            return leaf.shape, leaf.dtype, lies_in_order(leaf)
        return leaf.shape, leaf.dtype, isinstance(leaf, np.generic)
    return type(leaf), leaf if is_comparable(leaf) else _Identity(leaf)


@dataclass(frozen=True, eq=False)
class _Identity:
    """An object that equals only itself, whatever its own ``__eq__`` says."""

    value: Any

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Identity) and self.value is other.value

    def __hash__(self) -> int:
        return id(self.value)


def add_argument(session: Session, leaf: Any, name: str) -> TracedArray:
    """Return the traced stand-in for a leaf of the arguments."""
    weak = type(leaf) is float or (isinstance(leaf, TracedArray) and leaf.weak)
    if isinstance(leaf, TracedArray):
        shape, dtype, value = leaf.shape, leaf.dtype, lambda: leaf.value
    elif isinstance(leaf, Source):
        shape, dtype = leaf.shape, check_dtype(leaf.dtype)
        value = lambda: _refuse_to_read(name)
        session.reads_blocks = True
    else:
        array = np.asarray(check_plain(leaf))
        shape, dtype, value = array.shape, check_dtype(array.dtype), lambda: array
    node = session.add_input(shape, dtype, name, value)
    is_scalar = (
        leaf.is_scalar
        if isinstance(leaf, TracedArray)
        else not isinstance(leaf, np.ndarray | Source)
    )
    if isinstance(leaf, TracedArray):
        note_inner(session, node, leaf)
    ordered = isinstance(leaf, Source) or lies_in_order(leaf)
    stand_in = TracedArray(node, session, weak, is_scalar, ordered)
    stand_in.argument = node
    return stand_in


def _refuse_to_read(name: str) -> NoReturn:
    raise ConcreteValueError(
        f"a value of {name}, which is read in blocks, is needed while the function is recorded"
        f"{at(user_source())}: rows are read only later, so that nothing may depend on them but "
        "sums; write np.where(condition, a, b) in place of a branch, and compute what is needed "
        "in advance"
    )


def argument_names(function: Callable[..., Any], count: int) -> list[str]:
    """Return the function's own names for its first positional arguments."""
    function = getattr(function, "__wrapped__", function)
    is_bound = hasattr(function, "__self__")
    function = getattr(function, "__func__", function)
    if not hasattr(function, "__code__") and callable(function):
        function, is_bound = type(function).__call__, True
    code = getattr(function, "__code__", None)
    names = list(code.co_varnames[: code.co_argcount]) if code else []
    if names and is_bound:
        names = names[1:]
    return [*names, *(f"x{i}" for i in range(len(names), count))][:count]


def add_arguments(session: Session, arguments: Sequence[Any], names: Sequence[str]) -> list[Any]:
    """Return traced stand-ins for nested arguments, in their structure."""
    flat = [trees.flatten(argument) for argument in arguments]
    named = [
        (leaf, leaf_name)
        for argument, name, (leaves, _) in zip(arguments, names, flat, strict=True)
        for leaf, leaf_name in zip(leaves, trees.leaf_names(argument, name), strict=True)
    ]
    arrays = [pair for pair in named if is_array_like(pair[0])]
    first = len(session.inputs)
    traced = iter([add_argument(session, leaf, leaf_name) for leaf, leaf_name in arrays])
    if arrays:
        note_arguments(session, session.inputs[first:], *zip(*arrays, strict=True))
    if session.root is session:
        session.data.update(session.inputs[first:])
    # After all arrays: a function among the arguments may capture others, which are inputs too.
    seen = iter(
        [
            next(traced)
            if is_array_like(leaf)
            else _see_argument(check_plain(leaf), leaf_name, session)
            for leaf, leaf_name in named
        ]
    )
    return [
        trees.unflatten(structure, list(itertools.islice(seen, len(leaves))))
        for leaves, structure in flat
    ]


def _see_argument(leaf: Any, name: str, session: Session) -> Any:
    """Return what the function sees for an argument that is no array."""
    if leaf is None or is_comparable(leaf):  # part of the trace's key
        return leaf
    return wrap_captured(leaf, lambda: leaf, name, session)


def call_traced(
    function: Callable[..., Any],
    session: Session,
    arguments: Sequence[Any],
    named: Mapping[str, Any] = types.MappingProxyType({}),
) -> Any:
    """Call a function on traced values; it sees its globals through the session."""
    root = session.root
    name = _name(root.subject or function)
    if root is session:
        watch_libraries(session)
    guards, decided = len(session.guards), dict(session.decided)
    copies = own_copies((arguments, named))
    try:
        put_back = itertools.chain([lambda: None], itertools.repeat(_saved((arguments, named))))

        def first() -> Any:
            next(put_back)()
            return _noting_refusals(lambda: _call(function, session, arguments, named))

        again = lambda: _noting_refusals(lambda: _call(function, session, *own_copies(copies)))
        result = recorded(session, function, first, again)
        if root.coincidences:
            record = lambda: _noting_refusals(lambda: _call(function, session, *copies))
            result = on_the_other_side(session, name, result, record, guards, decided)
        if root is session:
            check_chance(session, function)
    except BaseException:
        roll_back(root)
        raise
    if root is session:
        join_demands(session, guards)
        session.chance.clear()
        finish(session, name)
    return result


def _noting_refusals(call: Callable[[], Any]) -> Any:
    """Call a function; raise what it was refused, even if the function caught the error."""
    noted: list[SteepestError] = []
    token = REFUSALS.set(noted)
    try:
        result = call()
    except Exception as error:
        if noted and not isinstance(error, SteepestError):
            raise noted[0].with_traceback(error.__traceback__) from None
        raise
    finally:
        REFUSALS.reset(token)
    if noted:
        raise noted[0]
    return result


def _saved(tree: Any) -> Callable[[], None]:
    """Return a function that puts back what arguments are now, whatever is assigned to them."""
    arrays = [leaf for leaf in trees.leaves(tree) if isinstance(leaf, TracedArray)]
    now = [(leaf, leaf.node, leaf.storage) for leaf in arrays]
    elements = [
        (storage.root, storage.root.save()) for _, _, storage in now if storage is not None
    ]

    def put_back() -> None:
        for leaf, node, storage in now:
            leaf._node, leaf.storage = node, storage
        for root, saved in elements:
            root.restore(saved)

    return put_back


def own_copies(tree: Any) -> Any:
    """Return copies of nested values, which a function may change for itself."""
    return trees.map_leaves(_own_copy, tree)


def _own_copy(leaf: Any) -> Any:
    if not isinstance(leaf, TracedArray):
        return leaf
    copy = fresh(leaf)
    copy.argument = leaf.node
    return copy


def _call(
    function: Callable[..., Any],
    session: Session,
    arguments: Sequence[Any],
    named: Mapping[str, Any],
) -> Any:
    if session.root is session:
        session.room = 0  # each recording of a function begins with its first loop
    try:
        result = without_series(follow(function, session)(*arguments, **named))
    except RecursionError as error:
        if isinstance(error, SteepestError):
            raise
        raise EndlessRecursionError(
            f"{_name(function)}{at(function_source(function))} calls itself without end, or "
            "deeper than Python allows: write it as a loop, or raise sys.setrecursionlimit"
        ) from None
    except Exception as error:
        found = as_refusal(error, function, arguments, named)
        if found is error:
            raise
        raise found from error
    _check_result(function, result)
    return result


ENTRIES.add(call_traced.__code__)


def _name(function: Callable[..., Any]) -> str:
    return getattr(function, "__name__", type(function).__name__)


def _check_result(function: Callable[..., Any], result: Any) -> None:
    kinds = (types.GeneratorType, types.CoroutineType, types.AsyncGeneratorType)
    if isinstance(result, kinds):
        if isinstance(result, types.CoroutineType):
            result.close()
        raise UnsupportedError(
            f"{_name(function)}{at(function_source(function))} returns a {type(result).__name__}, "
            "which computes nothing by itself: use return in place of yield, and def in place of "
            "async def"
        )
    for leaf in trees.leaves(result):
        if isinstance(leaf, str | bytes):
            _refuse_result(function, f"text, {leaf!r}")


def _refuse_result(function: Callable[..., Any], what: str) -> NoReturn:
    raise UnsupportedError(
        f"{_name(function)}{at(function_source(function))} returns {what}, which cannot be "
        "recorded: return numbers, arrays, or tuples, lists and dictionaries of them"
    )


def result_nodes(function: Callable[..., Any], result: Any) -> tuple[list[Node], Any]:
    """Return the nodes and the structure of what :func:`call_traced` returned."""
    leaves, structure = trees.flatten(result)
    for leaf in leaves:
        if not isinstance(leaf, _RESULTS):
            kind = f"{type(leaf).__module__}.{type(leaf).__qualname__}"
            _refuse_result(function, f"a {kind}")
    return [as_traced(leaf).node for leaf in leaves], structure


def rerolled(nodes: list[Node]) -> list[Node]:
    """Return what a function of the user's has recorded, with loops in place of repetition."""
    session = current()
    sources, demanded = session.sources, session.demanded
    new = [guard for guard in session.guards if not demanded.get(guard.condition)]
    # Paths have the conditions of branches in common, node by node: those stay as they are.
    branches = [guard.condition for guard in new if guard.condition not in demanded]
    own = [guard.condition for guard in new if guard.condition in demanded]
    plain = revealed([*nodes, *own], sources)
    shorter = reroll(plain, sources, session.has_slope)
    saved = weight_of([*plain, *branches]) - weight_of([*shorter, *branches])
    if branches and saved < LEAST_SAVED:
        shorter = plain
    final = in_two(inlined(revealed([*shorter, *branches], sources), sources), sources)
    nodes, conditions = final[: len(nodes)], final[len(nodes) :]
    replaced = dict(zip([*own, *branches], conditions, strict=True))
    demanded.update(dict.fromkeys(conditions[: len(own)], True))
    for i, guard in enumerate(session.guards):
        condition = replaced.get(guard.condition, guard.condition)
        if condition is not guard.condition:
            session.decided[condition] = guard.value
            session.guards[i] = Guard(condition, guard.value, guard.source)
    return nodes


_RESULTS = (
    *(TracedArray, np.ndarray, np.generic, int, float, Traced, complex),
    *(range, bytearray, memoryview),
)
"""Types of results that become arrays; complex numbers are refused by a message of their own."""


@traces_anew
def trace_function(
    function: Callable[..., Any],
    arguments: Sequence[Any],
    names_of: Callable[..., Any] | None = None,
    earlier: Captures | None = None,
    defers: bool = False,
) -> Trace:
    """Record a function as a graph.

    Parameters
    ----------
    function
        Python function of positional arguments, in NumPy.
    arguments
        Arrays, floats, or nested tuples, lists and dicts of them; other leaves (integers,
        strings...) are fixed values.
    names_of
        Function whose argument names are used; `function` itself unless given.
    earlier
        What another path through the function read: this path binds the same inputs.
    defers
        Whether the function is traced once more where the first run does not take this path.

    Returns
    -------
    Trace
        Its graph, and what it read from outside.
    """
    given_leaves, given = trees.flatten(tuple(arguments))
    with open_session() as session, while_recording(given_leaves):
        session.subject, session.defers = names_of or function, defers
        names = argument_names(names_of or function, len(arguments))
        stand_ins = add_arguments(session, arguments, names)
        leaves = [x for x in trees.leaves(stand_ins) if isinstance(x, TracedArray)]
        before = list(session.inputs)
        if earlier is not None:
            session.adopt(earlier)
        result = call_traced(function, session, stand_ins)
        outputs, structure = result_nodes(function, result)
        written = tuple(i for i, x in enumerate(leaves) if x.node is not before[i])
        outputs += [leaves[i].node for i in written]
        if names_of is None or names_of is function:  # derivatives are taken of rerolled nodes
            outputs = rerolled(outputs)
    if session.changed:
        values = [leaf for leaf in given_leaves if is_array_like(leaf)]
        check_call(values, session.names, [array for _, array in session.captures.arrays])
    fixed = {i: leaf for i, leaf in enumerate(given_leaves) if not is_array_like(leaf)}
    signature = Signature(given, structure, fixed)
    graph = Graph(
        inputs=tuple(session.inputs),
        outputs=tuple(outputs),
        names=tuple(session.names),
        sources=session.sources,
        captured=tuple(array for _, array in session.captures.arrays),
        signature=signature,
        guards=tuple(session.guards),
        written=written,
    )
    return Trace(graph, session.captures, session.changed)


@hides_frames
def trace(function: Callable[..., Any], *arguments: Any) -> Graph:
    """Record the computation graph of a function written in NumPy.

    Parameters
    ----------
    function : callable
        Function of positional arguments.
    *arguments
        Sample arguments: arrays, floats, or nested tuples, lists and dicts of them. The
        graph holds for every value of the same shapes and dtypes.

    Returns
    -------
    Graph
        ``print(graph)`` shows it, ``graph(*arguments)`` computes it, ``graph.draw(path)``
        draws it.

    Raises
    ------
    UnsupportedError
        If the function does what cannot be recorded; the message names the line.

    Examples
    --------
    >>> import numpy as np, steepest as st
    >>> graph = st.trace(lambda x: np.sum(x * x), np.array([1.0, 2.0]))
    >>> float(graph(np.array([3.0, 4.0])))
    25.0
    """
    return trace_function(function, arguments).graph
