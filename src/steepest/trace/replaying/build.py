"""From what was replayed to one ``scan`` node."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from typing import Any, NoReturn

import numpy as np

from steepest.graph import Graph, Node, make
from steepest.ops import INPUT, SCAN, TABLE, constant_node
from steepest.ops.arrays.loops import ScanLayout
from steepest.trace.arrays.array import TracedArray
from steepest.trace.arrays.registries import METHODS
from steepest.trace.recording.session import Session, open_session
from steepest.trace.replaying.calls import (
    WITH_NODES,
    Replayed,
    array_of,
    called,
    outer,
    recorded,
    results_before,
)
from steepest.trace.replaying.template import (
    Call,
    Fixed,
    Kind,
    Made,
    Operand,
    Other,
    Same,
    Target,
    Varying,
)
from steepest.trace.rerolling.build import (
    NoLoopError,
    are_worth_rows,
    check_exact,
    joined,
    piece,
    split,
    variables_below,
)
from steepest.trace.rerolling.rows import cast, column_of
from steepest.trace.subgraph import closed

_VECTOR = np.dtype(np.float64)


def made_loop(replayed: Replayed) -> dict[tuple[int, int], Node] | None:
    """Return the nodes of the results that are used, of one ``scan``; None if there is none."""
    try:
        nodes = _Loop(replayed).build()
    except NoLoopError:
        return None
    return recorded(replayed, nodes, replayed.rounds)


class _Loop:
    """The whole iterations that were replayed, as one node.

    Attributes
    ----------
    ahead
        The number of recorded iterations, the last ones, that become part of the loop.
    """

    def __init__(self, replayed: Replayed) -> None:
        self.replayed, self.session = replayed, replayed.session
        self.template, self.rounds = replayed.template, replayed.rounds
        self.calls = self.template.calls
        self.ahead = 0

    def build(self) -> dict[tuple[int, int], Node]:
        taken = self._looked_back()
        if not taken:
            raise NoLoopError  # all iterations can be one vector
        used = self._used()
        last = self.rounds - 1
        handed_out = {(index, 1) for index, numbers in used.items() if numbers == {last}}
        yielded = sorted(index for index, numbers in used.items() if numbers != {last})
        carried = sorted(taken | handed_out)
        if not yielded:
            self.ahead = self._recorded_ahead(taken)
        examples = [self._example(index) for index, _ in carried]
        results = [self._example(index) for index in yielded]
        check_exact([*examples, *results])
        starts = [
            self.template.before[x[0], x[1] + self.ahead]
            if x in taken
            else constant_node(np.zeros(e.shape, e.dtype))
            for x, e in zip(carried, examples, strict=True)
        ]
        rows, read = self._rows()
        step, outer_nodes = self._step(carried, examples, yielded, results, read)
        packed = make(SCAN, (joined(starts), rows, *outer_nodes), step=step)
        sources = [call.source for call in self.calls if call.source is not None]
        if sources:
            self.session.sources.setdefault(packed, min(sources, key=lambda x: x.line))
        self._store(packed, yielded, results)
        return self._nodes(packed, used, carried, examples, yielded, results)

    def _recorded_ahead(self, taken: Set[tuple[int, int]]) -> int:
        """Return how many of the recorded iterations can be part of the loop.

        Where a loop collects results, theirs are nodes already.
        """
        kinds = {call.kind for call in self.calls}
        operands = [x for call in self.calls for x in call.operands]
        is_other = Kind.REAL in kinds or any(isinstance(x, Other) for x in operands)
        if is_other or any(self.calls[index].kind is Kind.WRITTEN for index, _ in taken):
            return 0
        return min(self.template.alike, self.template.rounds - max(lag for _, lag in taken))

    def _example(self, index: int) -> Node:
        node = self.calls[index].node
        assert node is not None
        return node

    def _looked_back(self) -> set[tuple[int, int]]:
        """Return the results that are carried: the call, and how many iterations back."""
        operands = {x for call in self.calls for x in call.operands if isinstance(x, Made)}
        operands |= {call.back for call in self.calls if call.back is not None}
        return {(x.index, lag) for x in operands for lag in range(1, x.lag + 1)}

    def _used(self) -> dict[int, set[int]]:
        """Return the calls whose results are used afterwards, with the numbers of iterations."""
        used: dict[int, set[int]] = {}
        for number, index in self.replayed.wanted:
            if 0 <= number < self.rounds and self.calls[index].kind in WITH_NODES:
                used.setdefault(index, set()).add(number)
        for call in self.calls:
            if call.kind is Kind.STORED:
                value = call.operands[-1]
                if not isinstance(value, Made):
                    raise NoLoopError
                used.setdefault(value.index, set()).update(range(self.rounds))
        return used

    def _rows(self) -> tuple[Node, list[tuple[Any, Node]]]:
        """Return the matrix of what differs, and an example of each column."""
        columns: list[Node] = []
        read: list[tuple[Any, Node]] = []
        for index, call in enumerate(self.calls):
            if call.kind is Kind.PICKED:
                columns.append(self._picked(call))
                read.append((index, self._example(index)))
                continue
            for operand in call.operands:
                if call.kind in (Kind.READ_BACK, Kind.STORED, Kind.REAL, Kind.KNOWN):
                    break
                if isinstance(operand, Varying | Other):
                    nodes = self._column(operand)
                    columns.append(column_of(nodes, _VECTOR))
                    read.append((operand, nodes[0]))
        check_exact([node for key, node in read if not self._is_index(key)])
        if not columns:
            return constant_node(np.zeros((self.ahead + self.rounds, 0), _VECTOR)), read
        rows = columns[0] if len(columns) == 1 else make(TABLE["concatenate"], columns, axis=1)
        return rows, read

    def _is_index(self, key: Any) -> bool:
        """Whether a column is a small whole number: an index, or used as nothing else."""
        if isinstance(key, Varying):
            return key.kind is int  # which was seen to be small
        if isinstance(key, Other):
            return False
        users = [
            (call, i)
            for call in self.calls
            for i, operand in enumerate(call.operands)
            if isinstance(operand, Made) and operand.index == key
        ]
        getitem, setitem = METHODS["__getitem__"], METHODS["__setitem__"]
        return all(
            (call.function is getitem and i > 0)
            or (call.function is setitem and 0 < i < len(call.operands) - 1)
            for call, i in users
        )

    def _column(self, operand: Varying | Other) -> list[Node]:
        values = self._values(operand)
        if isinstance(operand, Other):
            if any(map(self.session.has_slope, values)):
                raise NoLoopError
            return list(values)
        if operand.kind is int:
            if any(abs(value) > 2**53 for value in values):
                raise NoLoopError
            return [constant_node(np.asarray(value, np.int64)) for value in values]
        return [constant_node(np.asarray(value, np.float64)) for value in values]

    def _picked(self, call: Call) -> Node:
        """Return what iterations pick from an array, a row for each."""
        base, *parts = call.operands
        assert isinstance(base, Fixed)
        keys = [self._places(part) for part in parts]
        if self.session.has_slope(base.node):
            if base.node.op is INPUT:
                variables = len(set(zip(*keys, strict=True)))
            else:
                variables = variables_below([base.node], self.session.has_slope)
            if not are_worth_rows(range(self.rounds), variables):
                raise NoLoopError
        array = TracedArray(base.node, self.session, is_scalar=False, ordered=True)
        picked = array[_as_slice(keys[0]) if len(keys) == 1 else tuple(map(np.array, keys))]
        rounds = self.ahead + self.rounds
        shape = (rounds, picked.size // rounds)
        rows = make(TABLE["reshape"], (picked.node,), shape=shape)
        return cast(rows, _VECTOR)

    def _places(self, part: Operand) -> list[int]:
        if isinstance(part, Varying):
            return self._values(part)
        assert isinstance(part, Same)
        return [part.value] * (self.ahead + self.rounds)

    def _values(self, operand: Varying | Other) -> list[Any]:
        """Return what an operand is in each iteration."""
        earlier = self.template.earlier[operand.column]
        own = self.replayed.columns[operand.column][: self.rounds]
        return [*earlier[len(earlier) - self.ahead :], *own]

    def _step(
        self,
        carried: Sequence[tuple[int, int]],
        examples: Sequence[Node],
        yielded: Sequence[int],
        results: Sequence[Node],
        read: Sequence[tuple[Any, Node]],
    ) -> tuple[Graph, list[Node]]:
        """Return the graph of an iteration, and the nodes outside that it uses."""
        with open_session() as session:
            sizes = [sum(x.size for x in examples), sum(x.size for _, x in read)]
            before, row = (session.add_input((size,), _VECTOR, "", _no_value) for size in sizes)
            known: dict[Any, Node] = dict(zip(carried, split(before, examples), strict=True))
            known |= zip([key for key, _ in read], split(row, [x for _, x in read]), strict=True)
            self._record(session, known)
            if session.guards:
                raise NoLoopError
        after = [known[index if lag == 1 else (index, lag - 1)] for index, lag in carried]
        given = [known[index] for index in yielded]
        for node, example in zip([*after, *given], [*examples, *results], strict=True):
            if (node.shape, node.dtype) != (example.shape, example.dtype):
                raise NoLoopError
        return closed([joined(after), joined(given)], [before, row])

    def _record(self, session: Session, known: dict[Any, Node]) -> None:
        """Record the calls of an iteration on the inputs of a step."""
        for index, call in enumerate(self.calls):
            if call.kind not in (Kind.REPLAYED, Kind.WRITTEN):
                continue
            operands = [self._operand(x, session, known) for x in call.operands]
            try:
                known[index] = called(session, call, operands).node
            except Exception:  # what the recorded operands allowed, others may not
                raise NoLoopError from None

    def _operand(self, operand: Operand, session: Session, known: Mapping[Any, Node]) -> Any:
        if isinstance(operand, Made):
            key: Any = (operand.index, operand.lag) if operand.lag else operand.index
            return array_of(known[key], session, self.calls[operand.index])
        if isinstance(operand, Varying):
            weak = operand.kind in (int, float)
            return TracedArray(known[operand], session, weak, is_scalar=True)
        if isinstance(operand, Other):
            return TracedArray(known[operand], session, *operand.flags)
        return outer(operand, session)

    def _store(self, packed: Node, yielded: Sequence[int], results: Sequence[Node]) -> None:
        """Set the elements that iterations set; each of them must be another one."""
        taken: dict[int, set[tuple[int, ...]]] = {}
        for call in self.calls:
            if call.kind is not Kind.STORED:
                continue
            target, *parts, value = call.operands
            assert isinstance(target, Target)
            assert isinstance(value, Made)
            shape = target.array._node.shape
            keys = [
                [i % extent for i in self._places(part)]
                for part, extent in zip(parts, shape, strict=False)
            ]
            own, known = set(zip(*keys, strict=True)), taken.setdefault(id(target.array), set())
            if len(own) < self.rounds or own & known:
                raise NoLoopError  # the last one would count
            known |= own
            place = yielded.index(value.index)
            if results[place].shape != shape[len(parts) :]:
                raise NoLoopError  # a value that is broadcast
            node = self._all_results(packed, place, results, value)
            values = TracedArray(node, self.session, is_scalar=False)
            with self.session.at(call.source):
                target.array[tuple(map(np.array, keys))] = values

    def _all_results(
        self, packed: Node, place: int, results: Sequence[Node], operand: Made
    ) -> Node:
        """Return what an operand is in all iterations, along the first axis."""
        layout, example = ScanLayout.of(packed), results[place]
        start, size = sum(x.size for x in results[:place]), example.size
        whole = (layout.results, self.rounds * layout.yielded, 1)
        flat = make(TABLE["getitem"], (packed,), slices=(whole,))
        table = make(TABLE["reshape"], (flat,), shape=(self.rounds, layout.yielded))
        inside = ((0, self.rounds - operand.lag, 1), (start, size, 1))
        rows = [
            cast(make(TABLE["reshape"], (node,), shape=(1, size)), _VECTOR)
            for node in (self.template.before[operand.index, x] for x in range(operand.lag, 0, -1))
        ]
        rows.append(make(TABLE["getitem"], (table,), slices=inside))
        every = rows[0] if len(rows) == 1 else make(TABLE["concatenate"], rows, axis=0)
        shaped = make(TABLE["reshape"], (every,), shape=(self.rounds, *example.shape))
        return cast(shaped, example.dtype)

    def _nodes(
        self,
        packed: Node,
        used: Mapping[int, set[int]],
        carried: Sequence[tuple[int, int]],
        examples: Sequence[Node],
        yielded: Sequence[int],
        results: Sequence[Node],
    ) -> dict[tuple[int, int], Node]:
        """Return the nodes of results that are used, by iteration and call."""
        layout = ScanLayout.of(packed)
        nodes = results_before(self.replayed)
        start = layout.results
        for index, example in zip(yielded, results, strict=True):
            for number in used[index]:
                if (number, index) in self.replayed.wanted:
                    place = start + number * layout.yielded
                    nodes[number, index] = piece(packed, place, example)
            start += example.size
        start = layout.last
        for (index, lag), example in zip(carried, examples, strict=True):
            if (self.rounds - lag, index) not in nodes:
                nodes[self.rounds - lag, index] = piece(packed, start, example)
            start += example.size
        return nodes


def _no_value() -> NoReturn:
    """Raise: what depends on values, such as an error of Python's, is recorded call by call."""
    raise NoLoopError


def _as_slice(places: Sequence[int]) -> Any:
    """Return indices as a slice, if they have one distance; else as an array."""
    distances = set(np.diff(places).tolist())
    if len(distances) == 1:
        (distance,) = distances
        stop = places[-1] + (1 if distance > 0 else -1)
        if distance:
            return slice(places[0], None if stop < 0 else stop, distance)
    return np.array(places)
