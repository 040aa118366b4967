"""From recorded iterations to the template that describes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from steepest.graph import Node
from steepest.trace.arrays.array import TracedArray
from steepest.trace.arrays.registries import ELEMENTWISE, IN_PLACE, METHODS
from steepest.trace.arrays.storage import Storage, ViewStep
from steepest.trace.recording.session import Session
from steepest.trace.replaying.events import Event, Flags, flags_of, is_plain, is_same
from steepest.trace.replaying.template import (
    Call,
    Fixed,
    Kind,
    Made,
    Operand,
    Other,
    Same,
    Target,
    Template,
    Varying,
)


def best_start(template: Template) -> int:
    """Return the number of calls after which an iteration best begins.

    That is where fewest elements are carried to the next one, and if possible where the user's
    code goes back.
    """
    calls = template.calls
    period = len(calls)
    until = dict.fromkeys(range(period), -1)
    for place, call in enumerate(calls):
        for operand in (*call.operands, call.back):
            if isinstance(operand, Made):
                until[operand.index] = max(until[operand.index], place + operand.lag * period)
    carried = [0] * period
    for index, last in until.items():
        node = calls[index].node
        for boundary in range(index + 1, last + 1):
            carried[boundary % period] += 1 if node is None else node.size
    least = [boundary for boundary in range(period) if carried[boundary] == min(carried)]
    places = [event.place for event in template.kept[-period:]]
    back = [i for i in least if places[i - 1][0] == places[i][0] and places[i - 1] >= places[i]]
    return (back or least)[0]


class NoTemplateError(Exception):
    """Iterations that a template cannot describe."""


def learn(events: Sequence[Event], rounds: int, session: Session) -> Template | None:
    """Return the template of the last of some recorded iterations; None if there is none."""
    try:
        return _Learner(events, rounds, session).template()
    except NoTemplateError:
        return None


class _Learner:
    def __init__(self, events: Sequence[Event], rounds: int, session: Session) -> None:
        self.events, self.rounds, self.session = events, rounds, session
        self.period = len(events) // rounds
        self.earlier: list[tuple[Any, ...]] = []
        self.targets: set[int] = set()
        self.parts: dict[int, int] = {}
        self.kinds: list[Kind] = []

    def template(self) -> Template:
        self.kinds = [self._first_kind(i) for i in range(self.period)]
        while True:
            before = list(self.kinds)
            calls = self._calls()
            if before == self.kinds:
                break
        made = [[x if isinstance(x, Made) else None for x in call.operands] for call in calls]
        alike = 2 if made == self.made_before else 1
        nodes = self._nodes_before(calls)
        return Template(
            tuple(calls), self.earlier, nodes, alike, self.owners, self.positions, self.events
        )

    def _event(self, index: int, lag: int = 0) -> Event:
        return self.events[(self.rounds - 1 - lag) * self.period + index]

    def _first_kind(self, index: int) -> Kind:
        """Return what a call seems to do, looking at it alone."""
        last, previous = self._event(index), self._event(index, 1)
        _demand(last.structure == previous.structure)
        _demand(len(last.leaves) == len(previous.leaves))
        if last.function is METHODS["__setitem__"] or last.function in IN_PLACE:
            target, key = last.leaves[0], self._key(last)
            moves = any(not is_same(a, b) for a, b in zip(key, self._key(previous), strict=True))
            if last.leaves[0] is previous.leaves[0] and moves:
                _demand(last.function not in IN_PLACE)
                self.targets.add(id(target))
                return Kind.STORED
            return Kind.WRITTEN
        _demand(last.node is not None and previous.node is not None)
        if last.node is previous.node:
            return Kind.KNOWN
        if last.function is METHODS["__getitem__"]:
            whole, key = last.leaves[0], last.leaves[1:]
            is_element = all(type(part) is int for part in key)
            if id(whole) in self.targets or (is_element and self._is_stored(last.node)):
                return Kind.READ_BACK
        return Kind.REPLAYED

    def _is_stored(self, node: Node | None) -> bool:
        setitem = METHODS["__setitem__"]
        return any(
            event.function is setitem and self._value_node(event) is node for event in self.events
        )

    @staticmethod
    def _value_node(event: Event) -> Node | None:
        value = event.leaves[-1]
        return value._node if type(value) is TracedArray and value.storage is None else None

    @staticmethod
    def _key(event: Event) -> Sequence[Any]:
        """Return the parts of the key of an assignment."""
        return event.leaves[1:-1] if event.function not in IN_PLACE else ()

    def _calls(self) -> list[Call]:
        self.owners: dict[int, tuple[int, int]] = {}
        self.nodes: dict[int, Node] = {}
        self.positions: dict[tuple[int, tuple[int, ...] | None], tuple[int, int]] = {}
        self.earlier, self.made_before = [], []
        calls = []
        for place, event in enumerate(self.events):
            number, index = divmod(place, self.period)
            number -= self.rounds
            if number == -1:
                calls.append(self._call(index, event))
            elif number == -2:
                owners = [self.owners.get(id(leaf)) for leaf in event.leaves]
                self.made_before.append([x and Made(x[1], number - x[0]) for x in owners])
            self._note(number, index, event)
        return calls

    def _note(self, number: int, index: int, event: Event) -> None:
        """Note what the arrays of a call stand for from now on."""
        kind = self.kinds[index]
        if kind is Kind.WRITTEN:
            self.owners[id(event.leaves[0])] = number, index
            return
        if kind is Kind.STORED:
            position = self._position(event)
            owner = self.owners.get(id(event.leaves[-1]))
            if position is not None and owner is not None:
                self.positions[id(event.leaves[0]), position] = owner
            return
        result = event.result
        self.owners.pop(id(result), None)
        self.nodes.pop(id(result), None)
        if kind is Kind.READ_BACK:
            position = self._position(event)
            owner = self.positions.get((id(event.leaves[0]), position))
            if owner is not None:
                self.owners[id(result)] = owner
        elif kind in (Kind.KNOWN, Kind.REAL):
            assert event.node is not None
            self.nodes[id(result)] = event.node
        else:
            self.owners[id(result)] = number, index

    @staticmethod
    def _position(event: Event) -> tuple[int, ...] | None:
        """Return the position of the element that is set or read; None if it is no element."""
        stop = -1 if event.function is METHODS["__setitem__"] else None
        parts, shape = event.leaves[1:stop], event.leaves[0]._node.shape
        if not all(type(part) is int for part in parts) or len(parts) > len(shape):
            return None
        return tuple([i % extent for i, extent in zip(parts, shape, strict=False)])

    def _call(self, index: int, event: Event) -> Call:
        previous = self._event(index, 1)
        kind = self.kinds[index]
        _demand(event.kwargs.keys() == previous.kwargs.keys())
        _demand(all(is_same(event.kwargs[name], previous.kwargs[name]) for name in event.kwargs))
        back = self._read_back(event, previous) if kind is Kind.READ_BACK else None
        operands = tuple([
            self._operand(event, previous, i, kind) for i in range(len(event.leaves))
        ])  # fmt: skip
        if kind is Kind.WRITTEN:
            return self._written(event, operands)
        if kind in (Kind.STORED, Kind.READ_BACK):
            position = self._position(event)
            number = self.parts.setdefault(id(event.leaves[0]), len(position or ()))
            _demand(position is not None and len(position) == number)
            flags = flags_of(event.result) if kind is Kind.READ_BACK else None
            return self._made(kind, event, operands, flags, back=back)
        result, node = event.result, event.node
        _demand(not any(x is result for x in event.leaves))
        _demand(node is not None and previous.node is not None)
        assert node is not None
        assert previous.node is not None
        _demand((node.shape, node.dtype) == (previous.node.shape, previous.node.dtype))
        flags = flags_of(result)
        _demand(flags == flags_of(previous.result))
        base, read_only, may_change = self._base(result, event)
        is_open = may_change and base is not None and not isinstance(operands[base], Made)
        is_steady = all(isinstance(x, Same | Fixed) for x in operands)
        if kind is Kind.KNOWN and is_steady:
            kind = Kind.REAL if is_open else Kind.KNOWN
        elif kind in (Kind.KNOWN, Kind.REPLAYED):
            _demand(not is_steady)
            kind = self._kind_of_made(event, operands)
            _demand(not is_open or kind is Kind.REAL)
        self.kinds[index] = kind
        return self._made(kind, event, operands, flags, read_only, base)

    @staticmethod
    def _kind_of_made(event: Event, operands: Sequence[Operand]) -> Kind:
        if event.function is METHODS["__getitem__"] and isinstance(operands[0], Fixed):
            parts = operands[1:]
            if all(isinstance(x, Varying) or type(getattr(x, "value", "")) is int for x in parts):
                return Kind.PICKED
        depends = any(isinstance(x, Made) for x in operands)
        return Kind.REPLAYED if depends or event.function in ELEMENTWISE else Kind.REAL

    def _made(
        self,
        kind: Kind,
        event: Event,
        operands: tuple[Operand, ...],
        flags: Flags | None,
        read_only: str = "",
        base: int | None = None,
        returns: int | None = None,
        back: Made | None = None,
    ) -> Call:
        node = event.node
        source = None if node is None else self.session.sources.get(node)
        return Call(
            kind, event.function, event.structure, operands, event.kwargs, node, flags, read_only,
            base, returns, back, source,
        )  # fmt: skip

    def _written(self, event: Event, operands: tuple[Operand, ...]) -> Call:
        x = event.leaves[0]
        storage = x.storage
        _demand(type(x) is TracedArray and not x.is_scalar)
        _demand(storage is None or _is_own(storage))
        _demand(not any(isinstance(x, Other) for x in operands[:1]))
        returns = 0 if event.function in IN_PLACE else None
        call = self._made(Kind.WRITTEN, event, operands, flags_of(x), returns=returns)
        return call._replace(node=x._node)

    def _read_back(self, event: Event, previous: Event) -> Made:
        _demand(id(event.leaves[0]) in self.targets)
        last, before = (
            self.positions.get((id(x.leaves[0]), self._position(x))) for x in (event, previous)
        )
        if last is None or before is None:
            raise NoTemplateError
        _demand(last == (before[0] + 1, before[1]))
        back = Made(last[1], -1 - last[0])
        value = self._event(back.index, back.lag)
        _demand(event.node is value.node)  # it was not cast
        _demand(flags_of(event.result) == flags_of(value.result))
        return back

    def _base(self, result: Any, event: Event) -> tuple[int | None, str, bool]:
        """Return the operand that a result shares memory with, and whether that may change.

        Also return why the result is read-only; that is empty if it is not.
        """
        storage = result.storage
        if storage is None:
            return None, "", False
        for i, leaf in enumerate(event.leaves):
            own = leaf.storage if type(leaf) is TracedArray else None
            if own is not None and own.root is storage.root:
                may_change = not own.root.read_only
                return i, own.root.read_only or storage.read_only, may_change
        return None, storage.read_only, False

    def _operand(self, event: Event, previous: Event, place: int, kind: Kind) -> Operand:
        leaf, before = event.leaves[place], previous.leaves[place]
        if type(leaf) is TracedArray:
            if kind in (Kind.STORED, Kind.READ_BACK) and place == 0:
                _demand(
                    leaf is before
                    and type(leaf.storage) is Storage
                    and _is_own(leaf.storage, True)
                )
                return Target(leaf)
            _demand(id(leaf) not in self.targets and type(before) is TracedArray)
            is_index = event.function in (METHODS["__getitem__"], METHODS["__setitem__"])
            if is_index and 0 < place < len(event.leaves) - (event.node is None):
                # NumPy looks now whether a known index is within bounds.
                _demand(self.session.known_value(leaf.node) is None)
            return self._array(leaf, before)
        _demand(is_plain(leaf) and type(leaf) is type(before))
        if is_same(leaf, before):
            return Same(leaf)
        _demand(type(leaf) in (int, float, np.float64) and self._takes_any(event, place))
        extent = self._extent(event, place, leaf)
        _demand(extent is None or (0 <= leaf < extent and 0 <= before < extent))
        return Varying(self._column(before, leaf), type(leaf), extent)

    @staticmethod
    def _takes_any(event: Event, place: int) -> bool:
        """Whether the arrays that a number meets hold every number of its type."""
        number = event.leaves[place]
        if event.function is METHODS["__setitem__"] and place == len(event.leaves) - 1:
            dtype = event.leaves[0]._node.dtype
            return dtype.kind == "f" or (dtype == np.int64 and type(number) is int)
        if event.function not in ELEMENTWISE or isinstance(number, float):
            return True
        dtypes = {x._node.dtype for x in event.leaves if type(x) is TracedArray}
        return all(dtype.kind == "f" or dtype == np.int64 for dtype in dtypes)

    def _array(self, leaf: TracedArray, before: TracedArray) -> Operand:
        owner = self.owners.get(id(leaf))
        if owner is not None:
            return Made(owner[1], -1 - owner[0])
        flags = flags_of(leaf)
        node, earlier = (self.nodes.get(id(x)) or x.node for x in (leaf, before))
        if node is earlier:
            return Fixed(node, flags)
        _demand(flags == flags_of(before))
        _demand((node.shape, node.dtype) == (earlier.shape, earlier.dtype))
        return Other(self._column(earlier, node), node.shape, node.dtype, flags)

    def _column(self, *earlier: Any) -> int:
        self.earlier.append(earlier)
        return len(self.earlier) - 1

    def _extent(self, event: Event, place: int, leaf: Any) -> int | None:
        """Return the elements along the axis of a varying index; None for a varying number."""
        function = event.function
        if function in ELEMENTWISE:
            return None
        is_set = function is METHODS["__setitem__"]
        if is_set and place == len(event.leaves) - 1:
            return None
        _demand(is_set or function is METHODS["__getitem__"])
        ahead = event.leaves[1:place]
        _demand(type(leaf) is int and all(type(x) is int or isinstance(x, slice) for x in ahead))
        _demand(
            event.structure is None or event.structure[2] is None or event.structure[2][0] is tuple
        )
        shape = event.leaves[0]._node.shape
        _demand(place - 1 < len(shape))
        extent: int = shape[place - 1]
        return extent

    def _nodes_before(self, calls: Sequence[Call]) -> dict[tuple[int, int], Node]:
        """Return the results that the first replayed iterations look back to."""
        looked_back = {
            x for call in calls for x in (*call.operands, call.back) if isinstance(x, Made)
        }
        most: dict[int, int] = {}
        for x in looked_back:
            most[x.index] = max(most.get(x.index, 0), x.lag)
        nodes = {}
        for index, last in most.items():
            _demand(last <= self.rounds)
            if last and self.kinds[index] is not Kind.WRITTEN:
                last = self.rounds
            for lag in range(1, last + 1):
                nodes[index, lag] = self._node_before(index, lag)
        return nodes

    def _node_before(self, index: int, lag: int) -> Node:
        event = self._event(index, lag - 1)
        if self.kinds[index] is Kind.WRITTEN:
            x = event.leaves[0]
            _demand(self.owners.get(id(x)) == (-lag, index))
            node: Node = x.node
            return node
        _demand(event.node is not None)
        assert event.node is not None
        return event.node


def _is_own(storage: Storage | ViewStep | None, may_be_argument: bool = False) -> bool:
    """Whether a storage belongs to one array alone, which may be written to."""
    return (
        type(storage) is Storage
        and not storage.has_views
        and not storage.read_only
        and (may_be_argument or storage.argument is None)
    )


def _demand(condition: bool) -> None:
    if not condition:
        raise NoTemplateError
