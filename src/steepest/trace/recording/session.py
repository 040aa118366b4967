"""One recording: its inputs, the arrays it captured, and the user's line for every node."""

from __future__ import annotations

import contextlib
import math
import sys
import threading
import types
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from typing import Any, NoReturn

import numpy as np

from steepest.errors import UnsupportedError
from steepest.graph import Guard, Node, Source, evaluate_all, make, order, slack
from steepest.graph.source import at, user_source
from steepest.ops import (
    CONSTANT,
    INPUT,
    Row,
    Zero,
    constant_node,
    constant_value,
    input_node,
)
from steepest.ops.arrays.relief import machine_code_allowed
from steepest.trace.recording.captures import Captures
from steepest.trace.recording.dtypes import check_dtype, check_plain
from steepest.trace.recording.settings import SettingInput, is_exact

CONSTANT_LIMIT = 1024
"""Plain arrays up to this many elements become constants; larger ones become inputs."""

_sessions: ContextVar[tuple[Session, ...]] = ContextVar("sessions", default=())


class Session:
    """A recording in progress.

    Sessions nest: differentiating a function while another is being traced opens one
    inside. Captured arrays always belong to the outermost.

    Attributes
    ----------
    inputs, names
        Input nodes of this recording and their names.
    captures
        What the function read from outside: the arrays bound to the last inputs, and values
        that are compared later to see whether the trace still holds.
    sources
        The user's line for every node recorded here.
    guards
        Values that chose the path through the function, in order.
    places, pending, attributes
        Where the function may write outside, objects whose attributes it may write to, and
        what it has written to attributes of classes (``trace.following.places``).
    shared, changed
        Arguments that share memory, and why; whether an argument is changed in place
        (``trace.arrays.aliasing``).
    followed, views
        User's functions, objects and globals as this recording sees them
        (``trace.following.follow``, ``trace.following.traced_globals``).
    subject
        The user's function, for messages.
    decided
        Values of the nodes that a branch or an index was decided by.
    coincidences, skips
        Lines that took a branch because values are equal, with the tolerance that they allow;
        and how many such branches to take the other way, by line
        (``trace.following.coincidence``).
    branches
        Conditions of the user's own branches that became guards, and their lines.
    demands
        Conditions of guards without which a function would raise an error.
    demanded
        Conditions without which the function raises an error; those are guards, too. Whether
        their nodes were rerolled.
    forks, merging
        Branches of whose arms both are being recorded, the innermost last; and the recording in
        which branches are merged (``trace.branching``).
    texts
        Texts made of traced values (``trace.arrays.text``).
    chance
        Sources of random numbers, and their states before (``trace.recording.chance``).
    call_log, is_abandoned
        The log of the user's calls, by which loops are replayed; whether that has failed, so
        that the function must be recorded anew (``trace.replaying``).
    patterns, restarts
        What steps have in common (``trace.patterns``); and how often the recording may begin
        anew because more is known of them.
    is_step
        Whether it is, or is inside, a step of a loop, whose values are not at hand.
    compositions
        What was composed of recorded functions (``trace.compositions``).
    defers
        Whether what functions here expect of values is looked at by the first run only. Where
        it does not hold there, the function is recorded once more.
    reads_blocks
        Whether an argument is read in blocks of rows.
    room
        How many rows the first loop that collects them has room for; 0 if there is none so far.
    cells, filled
        Stand-ins of enclosing functions' variables, and which of them have a value.
    originals, kept
        What each stand-in stands for, by its identity; and the stand-ins, kept alive so that
        their identities stay their own.
    data
        Inputs of the outermost recording that nothing is differentiated by.
    elements
        Nodes of single elements that were read, by array and position.
    supports
        Elements of nodes that are not zero by construction (``derivative.support``).
    settings
        The input of numbers that are settings, if there is one.
    """

    def __init__(self, parents: tuple[Session, ...]) -> None:
        self.level = len(parents)
        self.root: Session = parents[0] if parents else self
        self.parents = parents
        self.inputs: list[Node] = []
        self.names: list[str] = []
        self.captures = Captures()
        self.sources: dict[Node, Source] = {} if self.root is self else self.root.sources
        self.followed: dict[Any, Any] = {}
        self.views: dict[int, Any] = {}
        self.guards: list[Guard] = []
        self.places: list[Any] = []
        self.pending: list[Any] = []
        self.attributes: dict[tuple[int, str], Any] = {}
        self.subject: Any = None
        self.coincidences: list[tuple[Source | None, float]] = []
        self.reads_blocks, self.room = False, 0
        self.skips: Counter[Source | None] = Counter()
        self.branches: list[tuple[Node, Source | None]] = []
        self.demanded: dict[Node, bool] = {}
        self.demands: set[Node] = set()
        self.forks: list[Any] = []
        self.merging: Any = None
        self.texts: set[str] = set()
        self.chance: list[tuple[str, Any, Any]] = []
        self.call_log: Any = None
        self.is_abandoned = False
        self.patterns: dict[Any, Any] = {}
        self.restarts = 0
        self.compositions: dict[Any, Any] = {}
        self.defers: bool = bool(parents) and parents[-1].defers
        self.is_step: bool = bool(parents) and parents[-1].is_step
        self.cells: dict[int, Any] = {}
        self.filled: set[int] = set()
        self.originals: dict[int, Any] = {}
        self.kept: list[Any] = []
        self.data: set[Node] = set() if self.root is self else self.root.data
        self.elements: dict[tuple[Node, int], Node] = {}
        self.supports: dict[Node, Any] = {}
        self.settings: SettingInput | None = None if self.root is self else self.root.settings
        self._has_slope: dict[Node, bool] = {}
        self._values: dict[Node, np.ndarray] = {}
        self._pending: dict[Node, Callable[[], Any]] = {}
        self._held: dict[int, Node] = {}
        self._checksums: dict[Node, int] = {}
        self._floats: dict[tuple[float, float], Node] = {}
        self.decided: dict[Node, Any] = {}
        self._is_known: dict[Node, bool] = {}
        self.shared: dict[Node, str] = {}
        self.changed = False
        self._source: Source | None = None

    def add_input(
        self, shape: tuple[int, ...], dtype: np.dtype, name: str, value: Callable[[], Any]
    ) -> Node:
        """Return a new input; `value` returns its concrete value when that is needed."""
        node = input_node(len(self.inputs), shape, dtype, self.level)
        self.inputs.append(node)
        self.names.append(name)
        self._pending[node] = value
        return node

    def hold(
        self, array: np.ndarray, name: str = "", read: Callable[[], Any] | None = None
    ) -> Node:
        """Return the input that an array is bound to, by reference (outermost session).

        `read` reads the array again at a later call; without it, it is this array always.
        """
        if self.root is not self:
            return self.root.hold(array, name, read)
        node = self._held.get(id(array))
        if node is None:
            name = name or f"array{len(self.captures.arrays)}"
            node = self.add_input(array.shape, check_dtype(array.dtype), name, lambda: array)
            self._held[id(array)] = node
            self.data.add(node)
            self.captures.arrays.append((read or (lambda: array), array))
            self.captures.names.append(name)
        elif read is not None:  # a second name: both must be the same array at later calls, too
            self.captures.values.append((lambda: id(read()), id(array)))
        return node

    def adopt(self, captures: Captures) -> None:
        """Bind what another path through the function read to inputs of the same positions."""
        self.defers = False
        names = captures.names
        for (read, _), name in zip(list(captures.arrays), names, strict=True):
            self.hold(read(), name, read)
        self.captures.values.extend(captures.values)
        self.captures.opaque.extend(captures.opaque)

    def _hold_made(self, array: np.ndarray) -> Node:
        """Return the input that a large array made by the function is bound to."""
        if self.root is not self:
            return self.root._hold_made(array)
        checksum = zlib.crc32(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
        node = self.hold(array)
        if self._checksums.setdefault(node, checksum) != checksum:
            raise UnsupportedError(
                f"a plain array that was recorded already has been changed{at(user_source())}: "
                "make it inside the function, with np.zeros or np.array, or change a copy"
            )
        self._is_known[node] = True
        return node

    def lift(self, value: Any, dtype: np.dtype | None = None) -> Node:
        """Return the node for a plain array or number: a constant, or an input if large."""
        array = np.asarray(check_plain(value), dtype)
        check_dtype(array.dtype)
        if array.size <= CONSTANT_LIMIT:
            return constant_node(array)
        return self._hold_made(array)

    def lift_float(self, value: float) -> Node:
        """Return the constant for a Python float."""
        key = value, math.copysign(1.0, value)
        node = self._floats.get(key)
        if node is None:
            node = self._floats[key] = constant_node(np.asarray(value))
        return node

    def record(self, op: Row, operands: Sequence[Node], **attributes: Any) -> Node:
        """Make a node and note the user's line that made it; fold constants."""
        if self.root.forks:
            operands = self.root.merging.safe(op, operands)
        if self.settings is not None:
            operands = self._without_exponents(op, operands)
        node = (op.shorten and op.shorten(*operands)) or make(op, operands, **attributes)
        if all([x.op is CONSTANT for x in operands]) and node.size <= CONSTANT_LIMIT:
            return folded(node)
        if self.settings is not None and not is_exact(op):
            value = self.asked(node)
            if value is not None:  # engines may round it differently: NumPy computes it
                return constant_node(value)
        if node not in self.sources:
            source = self._source or user_source()
            if source is not None:
                self.sources[node] = source
        return node

    def _without_exponents(self, op: Row, operands: Sequence[Node]) -> Sequence[Node]:
        """Return operands with a constant for an exponent that is a setting.

        Some exponents, such as 2, are computed otherwise than the rest.
        """
        exponent = self.asked(operands[1]) if op.name == "power" else None
        return operands if exponent is None else (operands[0], constant_node(exponent))

    def source(self) -> Source | None:
        """Return the line that what is recorded now is noted for."""
        return self._source or user_source()

    @contextlib.contextmanager
    def at(self, source: Source | None) -> Iterator[None]:
        """Note this line for everything recorded inside: derivatives keep their origin."""
        before, self._source = self._source, source
        try:
            yield
        finally:
            self._source = before

    def value(self, node: Node) -> np.ndarray:
        """Return a node's concrete value; it is computed once."""
        for needed in order([node], stop=self._values):
            if needed.op is INPUT and needed not in self._values:
                self._values[needed] = self._input_value(needed)
        with machine_code_allowed():
            evaluate_all([node], self._values)
        return self._values[node]

    def known_value(self, node: Node) -> np.ndarray | None:
        """Return a node's value if it is the same for all arguments, else None."""
        if node.op is CONSTANT:
            return constant_value(node)
        known = self.root._is_known
        for needed in order([node], stop=known):
            if needed not in known:
                known[needed] = needed.op is not INPUT and all(
                    known[operand] for operand in needed.operands
                )
        return self.value(node) if known[node] else None

    def asked(self, node: Node) -> np.ndarray | None:
        """Return the value of what is computed from settings alone, else None.

        The recording depends on it.
        """
        settings = self.settings
        if settings is None or not settings.covers(node):
            return None
        value: np.ndarray = settings.ask(node)
        return value

    def has_slope(self, node: Node) -> bool:
        """Return whether a node may have a nonzero derivative by the variables."""
        known = self._has_slope
        for needed in order([node], stop=known):
            if needed not in known:
                real = needed.dtype.kind == "f" and needed.op is not CONSTANT
                if needed.op is INPUT:
                    known[needed] = real and needed not in self.data
                else:
                    steady = isinstance(needed.op.derivative, Zero)
                    known[needed] = (
                        real and not steady and any(known[operand] for operand in needed.operands)
                    )
        return known[node]

    def note_steady(self, nodes: Iterable[Node]) -> None:
        """Note inputs of a step by which nothing is differentiated."""
        self._has_slope.update(dict.fromkeys(nodes, False))

    def vary(self, node: Node) -> None:
        """Note that derivatives are taken by an argument, which is data otherwise."""
        if node in self.data:
            self.data.discard(node)
            for session in (self, *self.parents):
                session._has_slope.clear()

    def decide(self, node: Node, is_branch: bool = False) -> Any:
        """Return a node's concrete value, which decides how the function continues.

        Unless the value is the same for all arguments, it becomes a guard: the recording
        only holds where the node has this value. `is_branch` says that the user's code itself
        asks for a truth value.
        """
        known = self.known_value(node)
        if known is not None:
            return known[()]
        asked = self.asked(node)
        if asked is not None:
            return asked[()]
        for session in (self, *self.parents):
            if node in session.decided:
                return session.decided[node][()]
        root = self.root
        if root.forks:
            raise ForkError(root.forks[0].site)
        value = self.value(node)
        if is_branch:
            tolerance = slack(node, bool(value), self.has_slope, self.value)
            if tolerance < np.inf:
                source = self._source or user_source()
                if root.skips[source] > 0:
                    root.skips[source] -= 1
                    return np.logical_not(value)[()]
                root.coincidences.append((source, tolerance))
        source = self._source or user_source()
        if is_branch:
            self.branches.append((node, source))
        self.add_guard(node, value, source)
        return value[()]

    def add_guard(self, condition: Node, value: np.ndarray, source: Source | None) -> None:
        """Add a guard: the recording only holds where a node has this value."""
        if self.asked(condition) is not None:
            return
        if self.root.forks and self.known_value(condition) is None:
            raise ForkError(self.root.forks[0].site)
        if condition not in self.decided and self.known_value(condition) is None:
            value = np.array(value)  # not a view of an array that may be changed
            self.decided[condition] = value
            self.guards.append(Guard(condition, value, source))

    def take_over_guards(self, inner: Session) -> None:
        """Add the guards of a step of a loop, which are conditions of values around the loop.

        A condition of a value inside the loop is not known: it was refused.
        """
        for guard in inner.guards:
            self.add_guard(guard.condition, guard.value, guard.source)
        self.demands |= inner.demands
        self.branches += inner.branches

    def _input_value(self, node: Node) -> Any:
        for session in (self, *reversed(self.parents)):
            if node in session._pending:
                return np.asarray(session._pending[node](), node.dtype)
        refuse_ended()


def folded(node: Node) -> Node:
    """Return the constant that an operation on constants gives."""
    if node.op is CONSTANT:
        return node
    with np.errstate(all="ignore"):
        value = node.op.evaluate(*map(constant_value, node.operands), **node.attributes)
    return constant_node(np.asarray(value))


class ForkError(BaseException):
    """Two arms of a branch that cannot be merged: the recording is of no use.

    No ``except`` of the user's may catch it.

    Attributes
    ----------
    site
        The line of the branch, if it is known.
    """

    def __init__(self, site: Source | None) -> None:
        super().__init__(site)
        self.site = site


class AbandonedError(BaseException):
    """A replayed loop did what no replay can follow: the function is recorded anew.

    No ``except`` of the user's may catch it (``trace.replaying``).
    """


def abandon() -> NoReturn:
    """Give up what is being recorded, even if the user's code catches the error."""
    for session in _sessions.get():
        session.is_abandoned = True
    raise AbandonedError


def restart(session: Session) -> None:
    """Record a function anew, as more is known of its steps; not if that was done often."""
    if session.root.restarts:
        session.root.restarts -= 1
        abandon()


class UnknownValueError(UnsupportedError):
    """A value that the step of a loop is given, and that is not known while it is recorded.

    Attributes
    ----------
    source
        The line that asks for it.
    may_jump
        Whether it is a condition whose jump may have a slope, which no branch shows.
    """

    may_jump = False

    def __init__(self, source: Source | None) -> None:
        super().__init__(
            f"a value inside a loop that stays in the graph{at(source)} is not known while it "
            "is recorded: use st.cond or np.where in place of if and while"
        )
        self.source = source


def refuse_ended() -> NoReturn:
    """Raise for a value of a trace that has ended."""
    raise UnsupportedError(
        f"a traced value{at(user_source())} belongs to a trace that has ended: return values from "
        "the function instead of storing them elsewhere"
    )


def current() -> Session:
    """Return the innermost session.

    Raises
    ------
    UnsupportedError
        If nothing is being traced: a traced value was kept after its trace had ended.
    """
    sessions = _sessions.get()
    if not sessions:
        raise UnsupportedError(
            f"a traced value was used after its trace had ended{at(user_source())}: "
            "return values from the function instead of storing them elsewhere"
        )
    return sessions[-1]


_NO_KEYWORDS: Mapping[str, Any] = types.MappingProxyType({})


def logged(
    function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any] = _NO_KEYWORDS
) -> Any:
    """Make a call that the user's own line makes, through the log of such calls if there is one.

    The function that the user's line calls must itself call this one.
    """
    log = current().call_log
    if log is None:
        return function(*args, **kwargs)
    return log.call(function, args, kwargs, sys._getframe(2))


def is_tracing() -> bool:
    """Whether a recording is in progress in this thread."""
    return bool(_sessions.get())


@contextlib.contextmanager
def not_recording() -> Iterator[None]:
    """Run plain code inside a recording, which does not see it."""
    token = _sessions.set(())
    try:
        yield
    finally:
        _sessions.reset(token)


def is_open(session: Session) -> bool:
    """Whether a session is in progress in this thread."""
    return session in _sessions.get()


@contextlib.contextmanager
def open_session() -> Iterator[Session]:
    """Start a recording inside those in progress."""
    parents = _sessions.get()
    session = Session(parents)
    token = _sessions.set((*parents, session))
    _count_open(1)
    try:
        yield session
    finally:
        _count_open(-1)
        _sessions.reset(token)


@contextlib.contextmanager
def reopened(session: Session) -> Iterator[None]:
    """Let a recording in progress be the innermost one for a while."""
    token = _sessions.set((*session.parents, session))
    try:
        yield
    finally:
        _sessions.reset(token)


OPEN = np.zeros(1, np.int64)
"""How many sessions are open in all threads, in memory that machine code can read."""

_count_lock = threading.Lock()


def _count_open(change: int) -> None:
    with _count_lock:
        OPEN[0] += change
