"""From a place where a graph repeats itself to a ``scan`` node."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, MutableMapping, Sequence, Sized
from contextvars import ContextVar
from dataclasses import dataclass

import numpy as np

from steepest.graph import Graph, Node, Source, make
from steepest.graph.node import order
from steepest.ops import CONSTANT, SCAN, TABLE, Elementwise, constant_node
from steepest.ops.arrays.loops import ScanLayout, step_input
from steepest.ops.leaves import INPUT
from steepest.trace.rerolling.rows import array_of, as_vector, cast, column_of
from steepest.trace.rerolling.search import Loop, Text

_VECTOR = np.dtype(np.float64)
EXACT = {np.dtype(name) for name in ("?", "i1", "u1", "i2", "u2", "i4", "u4", "f4", "f8")}
"""Dtypes whose values all are numbers of float64, in which a loop packs what it carries."""

_FIRST_INDEX = {"take_at": 1, "add_at": 1, "put_at": 2}
"""The first operand that is an index, of the ops that look up elements."""


@dataclass(frozen=True)
class Local:
    """An operand computed in the same iteration: a letter of the period."""

    letter: int


@dataclass(frozen=True, order=True)
class Carried:
    """An operand computed so many iterations before."""

    letter: int
    lag: int


@dataclass(frozen=True)
class Row:
    """An operand that differs from iteration to iteration: a column of the rows."""

    column: int


@dataclass(frozen=True)
class Outer:
    """An operand that is the same in all iterations."""

    node: Node


_MANY_ROUNDS, _REPEATED = 1000, 8
"""Iterations, in all and for each variable, from which on a loop may pick variables."""

Operand = Local | Carried | Row | Outer


class NoLoopError(Exception):
    """A repetition that cannot be a loop: it is left unrolled."""


_are_sparse: ContextVar[bool] = ContextVar("_are_sparse", default=False)
"""Whether derivatives are taken by few directions, however many the variables."""


@contextlib.contextmanager
def sparse_derivatives() -> Iterator[None]:
    """Let loops pick variables: their derivatives are taken by few directions."""
    token = _are_sparse.set(True)
    try:
        yield
    finally:
        _are_sparse.reset(token)


def are_worth_rows(rounds: Sized, variables: int) -> bool:
    """Return whether iterations that pick variables, or what is computed of some, become rows.

    Each row has a derivative by each variable. Where the variables are many, most of these are
    zero, and unrolled code knows which.
    """
    return _are_sparse.get() or len(rounds) >= min(_MANY_ROUNDS, _REPEATED * variables)


def variables_below(nodes: Iterable[Node], has_slope: Callable[[Node], bool]) -> int:
    """Return the number of variables that arrays are computed of."""
    return sum(x.size for x in order(list(nodes)) if x.op is INPUT and has_slope(x))


def scan_of(
    text: Text,
    loop: Loop,
    outputs: Sequence[Node],
    sources: MutableMapping[Node, Source],
    has_slope: Callable[[Node], bool],
    vectors: set[Node],
) -> dict[Node, Node] | None:
    """Return what replaces the nodes of a loop that are used after it; None if it is no loop.

    If it becomes vectors, those are added to `vectors`.
    """
    try:
        return _Builder(text, loop, outputs, sources, has_slope, vectors).build()
    except NoLoopError:
        return None


class _Builder:
    def __init__(
        self,
        text: Text,
        loop: Loop,
        outputs: Sequence[Node],
        sources: MutableMapping[Node, Source],
        has_slope: Callable[[Node], bool],
        vectors: set[Node],
    ) -> None:
        self.vectors = vectors
        self.text, self.loop, self.outputs, self.sources = text, loop, outputs, sources
        self.has_slope = has_slope
        self.inside = set(text.nodes[loop.start : loop.stop])
        self.columns: dict[tuple[Node, ...], int] = {}
        self.picks_computed = False

    def build(self) -> dict[Node, Node]:
        loop = self.loop
        period = [self._letter(letter) for letter in range(loop.period)]
        operands = dict.fromkeys(x for own in period if not isinstance(own, Row) for x in own)
        looked_back = [x for x in operands if isinstance(x, Carried)]
        taken = {Carried(x.letter, lag) for x in looked_back for lag in range(1, x.lag + 1)}
        last = loop.rounds - 1
        used = self._used_outside()
        if not taken and all(map(self._is_elementwise, range(loop.period))):
            return self._vectors(period, used)
        if self.picks_computed:
            raise NoLoopError
        handed_out = {Carried(letter, 1) for letter, rounds in used.items() if rounds == {last}}
        yielded = sorted(letter for letter, rounds in used.items() if rounds != {last})
        carried = sorted(taken | handed_out)
        starts = [self._start(value, value in taken) for value in carried]
        rows = self._rows()
        outer = [x.node for x in operands if isinstance(x, Outer) and x.node.op is not CONSTANT]
        examples = [self._node(x.letter, 1) for x in carried]
        results = [self._node(letter, 1) for letter in yielded]
        check_exact([*examples, *results, *self._numbers_of_rows(period)])

        before = step_input(0, (sum(x.size for x in examples),), _VECTOR)
        row = step_input(1, rows.shape[1:], _VECTOR)
        inputs = [step_input(2 + i, x.shape, x.dtype) for i, x in enumerate(outer)]
        known: dict[Operand, Node] = dict(zip(carried, split(before, examples), strict=True))
        known |= zip(map(Outer, outer), inputs, strict=True)
        read = split(row, [nodes[1] for nodes in self.columns])
        known |= zip(map(Row, range(len(read))), read, strict=True)
        for letter, own in enumerate(period):
            template = self._node(letter, 1)
            if isinstance(own, Row):
                known[Local(letter)] = known[own]
                continue
            new = [x.node if isinstance(x, Outer) and x not in known else known[x] for x in own]
            known[Local(letter)] = node = make(template.op, new, **template.attributes)
            if template in self.sources:
                self.sources.setdefault(node, self.sources[template])
        after = [
            known[Local(x.letter) if x.lag == 1 else Carried(x.letter, x.lag - 1)] for x in carried
        ]
        given = [known[Local(letter)] for letter in yielded]
        step = Graph((before, row, *inputs), (joined(after), joined(given)))
        packed = make(SCAN, (joined(starts), rows, *outer), step=step)
        lines = [self.sources[x] for x in self.inside if x in self.sources]
        if lines:
            self.sources.setdefault(packed, min(lines, key=lambda line: line.line))
        return self._replacements(packed, used, carried, examples, yielded, results)

    def _is_elementwise(self, letter: int) -> bool:
        node = self._node(letter, 1)
        is_read = node.op.name == "getitem"  # then it is a column
        return not node.shape and (is_read or isinstance(node.op.lower, Elementwise))

    def _vectors(
        self, period: Sequence[tuple[Operand, ...] | Row], used: dict[int, set[int]]
    ) -> dict[Node, Node]:
        """Return what stands for the nodes of a loop whose iterations do not look back.

        All iterations are one vector for each letter.
        """
        rounds = self.loop.rounds
        columns = []
        for nodes in self.columns:
            column = column_of(nodes, nodes[0].dtype)
            columns.append(make(TABLE["reshape"], (column,), shape=(rounds,)))
        known: dict[Operand, Node] = dict(zip(map(Row, range(len(columns))), columns, strict=True))
        for letter, own in enumerate(period):
            if isinstance(own, Row):
                known[Local(letter)] = known[own]
                continue
            template = self._node(letter, 1)
            new = [x.node if isinstance(x, Outer) else known[x] for x in own]
            known[Local(letter)] = node = make(template.op, new, **template.attributes)
            if template in self.sources:
                self.sources.setdefault(node, self.sources[template])
        self.vectors.update(known[Local(letter)] for letter in used)
        return {
            self._node(letter, number): _element(known[Local(letter)], number)
            for letter, numbers in used.items()
            for number in numbers
        }

    def _node(self, letter: int, number: int) -> Node:
        return self.text.nodes[self.loop.start + number * self.loop.period + letter]

    def _letter(self, letter: int) -> tuple[Operand, ...] | Row:
        """Return the operands of a letter; a column if it reads other elements each time."""
        loop, text = self.loop, self.text
        places = loop.start + letter + loop.period * np.arange(loop.rounds)
        first = text.nodes[places[0]]
        if first.op.name == "getitem":
            nodes = [text.nodes[place] for place in places]
            if any(node.attributes != first.attributes for node in nodes):
                if any(node.operands[0] in self.inside for node in nodes):
                    raise NoLoopError
                return self._column(nodes)
        found = text.operands[places, : len(first.operands)]
        return tuple([self._operand(places, column) for column in found.T])

    def _operand(self, places: np.ndarray, found: np.ndarray) -> Operand:
        """Return one operand of a letter, given where it was found in each iteration."""
        loop = self.loop
        if (found == found[0]).all() and found[0] < loop.start:
            return Outer(self._at(found[0]))
        if (found < -1).all() or (
            ((found < loop.start) & (found >= 0)).all() and (np.diff(found) != loop.period).any()
        ):
            return self._column([self._at(place) for place in found])
        if (np.diff(found) != loop.period).any():
            raise NoLoopError
        number, letter = divmod(int(found[0]) - loop.start, loop.period)
        return Local(letter) if number == 0 else Carried(letter, -number)

    def _at(self, place: int) -> Node:
        return self.text.nodes[place] if place >= 0 else self.text.reads[-2 - place]

    def _column(self, nodes: Sequence[Node]) -> Row:
        if len({(node.shape, node.dtype) for node in nodes}) > 1:
            raise NoLoopError
        base = array_of(nodes[0])
        if base.op is not SCAN and any(map(self.has_slope, nodes)):
            if base.op is INPUT and not are_worth_rows(nodes, len(set(nodes))):
                raise NoLoopError
            if base.op is not INPUT and base not in self.text.vectors and not self.picks_computed:
                number = variables_below({array_of(node) for node in nodes}, self.has_slope)
                self.picks_computed = not are_worth_rows(nodes, number)
        return Row(self.columns.setdefault(tuple(nodes), len(self.columns)))

    def _used_outside(self) -> dict[int, set[int]]:
        """Return the letters that are used after the loop, with the numbers of iterations."""
        loop, text = self.loop, self.text
        after = np.concatenate([
            text.operands[loop.stop :].reshape(-1),
            *[operands for position, operands in text.wide if position >= loop.stop],
        ])  # fmt: skip
        places = set(after[(after >= loop.start) & (after < loop.stop)].tolist())
        wanted = self.inside.intersection(self.outputs)
        if wanted:
            places |= {i for i in range(loop.start, loop.stop) if text.nodes[i] in wanted}
        used: dict[int, set[int]] = {}
        for place in places:
            number, letter = divmod(place - loop.start, loop.period)
            used.setdefault(letter, set()).add(number)
        return used

    def _start(self, value: Carried, is_taken: bool) -> Node:
        """Return a carried value before the first iteration."""
        node = self._node(value.letter, 1)
        if not is_taken:
            return constant_node(np.zeros(node.shape, node.dtype))
        place = self.loop.start + value.letter - value.lag * self.loop.period
        start = self.text.nodes[place] if place >= 0 else None
        if start is None or (start.shape, start.dtype) != (node.shape, node.dtype):
            raise NoLoopError
        return start

    def _rows(self) -> Node:
        columns = [column_of(nodes, _VECTOR) for nodes in self.columns]
        if not columns:
            return constant_node(np.zeros((self.loop.rounds, 0), _VECTOR))
        return columns[0] if len(columns) == 1 else make(TABLE["concatenate"], columns, axis=1)

    def _numbers_of_rows(self, period: Sequence[tuple[Operand, ...] | Row]) -> list[Node]:
        """Return an example of each column that is more than an index."""
        others: set[Operand] = set()
        for letter, own in enumerate(period):
            if isinstance(own, Row):
                others.add(own)
                continue
            first_index = _FIRST_INDEX.get(self._node(letter, 1).op.name, len(own))
            others.update(own[:first_index])
        columns = dict(zip(map(Row, range(len(self.columns))), self.columns, strict=True))
        return [nodes[1] for row, nodes in columns.items() if row in others]

    def _replacements(
        self,
        packed: Node,
        used: dict[int, set[int]],
        carried: Sequence[Carried],
        examples: Sequence[Node],
        yielded: Sequence[int],
        results: Sequence[Node],
    ) -> dict[Node, Node]:
        """Return what stands for each node that is used after the loop."""
        layout, last = ScanLayout.of(packed), self.loop.rounds - 1
        replaced: dict[Node, Node] = {}
        start = layout.last
        for value, example in zip(carried, examples, strict=True):
            if value.lag == 1 and used.get(value.letter) == {last}:
                replaced[self._node(value.letter, last)] = piece(packed, start, example)
            start += example.size
        start = layout.results
        for letter, example in zip(yielded, results, strict=True):
            for number in used[letter]:
                place = start + number * layout.yielded
                replaced[self._node(letter, number)] = piece(packed, place, example)
            start += example.size
        return replaced


def check_exact(nodes: Sequence[Node]) -> None:
    """Raise unless a vector of float64 holds all values of some nodes."""
    if not {node.dtype for node in nodes} <= EXACT:
        raise NoLoopError


def joined(nodes: Sequence[Node]) -> Node:
    """Return the elements of some nodes as one vector."""
    if not nodes:
        return constant_node(np.zeros(0, _VECTOR))
    flat = [as_vector(node, _VECTOR) for node in nodes]
    return flat[0] if len(flat) == 1 else make(TABLE["concatenate"], flat, axis=0)


def split(vector: Node, examples: Sequence[Node]) -> list[Node]:
    """Return the pieces of a vector that have the shapes and dtypes of examples."""
    ends = np.cumsum([0, *(example.size for example in examples)]).tolist()
    return [piece(vector, start, x) for start, x in zip(ends, examples, strict=False)]


def _element(node: Node, number: int) -> Node:
    """Return an element of a vector; a number stands for all elements."""
    if not node.shape:
        return node
    one = make(TABLE["getitem"], (node,), slices=((number, 1, 1),))
    return make(TABLE["reshape"], (one,), shape=())


def piece(vector: Node, start: int, example: Node) -> Node:
    """Return the elements of a vector that have the shape and dtype of an example."""
    size = example.size
    part = make(TABLE["getitem"], (vector,), slices=((start, size, 1),))
    if part.shape != example.shape:
        part = make(TABLE["reshape"], (part,), shape=example.shape)
    return cast(part, example.dtype)
