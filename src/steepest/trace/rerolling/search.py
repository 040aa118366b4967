"""Where a graph repeats itself.

The nodes of a graph, operands first, are a text; its letters are the operations. A loop is a place
where each letter equals the one a period before it, and so do its operands: they lie a period
apart, or they are the same node, or both are *read*.

A node is read if it computes nothing: a constant, an input, or elements of an input or of a loop's
results. Read nodes are no letters. Iterations share them (`x[3]` is one node, however often it is
used), so they would interrupt the repetition.

The order of the nodes is depth-first from the outputs. A loop whose iterations are not visited one
after the other in this order is not found, and stays unrolled.
"""

from __future__ import annotations

import functools
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence, Set
from typing import Any, NamedTuple

import numpy as np

from steepest.graph import Graph, Node, order
from steepest.ops import CONSTANT, SCAN
from steepest.ops.leaves import INPUT

LEAST_SAVED = 64
"""Nodes that a loop must save."""

LEAST_ROUNDS = 6
"""Iterations below which code without a loop is better."""

LEAST_LONG_ROUNDS = 2
"""The same, of iterations that have as many nodes as a loop must save."""

_CANDIDATES = 6
"""Periods that are tried for each length of words: their most frequent distances."""

_LONGEST_WORD = 64

_MOST_OPERANDS = 16
"""Operands of a node that may be part of a loop."""


class Text(NamedTuple):
    """The nodes of a graph as a text.

    Attributes
    ----------
    nodes
        The letters' nodes, operands first.
    letters
        Equal numbers are equal operations, shape (N,).
    operands
        The position of each operand in the text, shape (N, K); -1 where there is none, and
        ``-2 - k`` for the read node ``reads[k]``.
    reads
        The nodes that are read.
    wide
        Positions of nodes with many operands, which are no part of a loop, and these operands.
    vectors
        Results of loops that became vectors.
    weights
        How many operations the letters before each position stand for, shape (N + 1,).
    """

    nodes: list[Node]
    letters: np.ndarray
    operands: np.ndarray
    reads: list[Node]
    wide: list[tuple[int, np.ndarray]]
    vectors: Set[Node]
    weights: np.ndarray

    def weight(self, start: int, stop: int) -> int:
        """Return how many operations some letters stand for."""
        return int(self.weights[stop] - self.weights[start])


class Loop(NamedTuple):
    """A place in a text that repeats itself."""

    start: int
    period: int
    rounds: int

    @property
    def stop(self) -> int:
        """The position after its last letter."""
        return self.start + self.rounds * self.period


def text_of(nodes: Sequence[Node], vectors: Set[Node] = frozenset()) -> Text:
    """Return the nodes of a graph as a text; elements of `vectors` are read."""
    letters: dict[Any, int] = {}
    found: list[Node] = []
    reads: list[Node] = []
    numbers: dict[Node, int] = {}
    arrays = vectors | single_loops(nodes)
    operands: list[list[int]] = []
    text: list[int] = []
    wide: list[tuple[int, np.ndarray]] = []
    for node in nodes:
        if is_read(node, numbers, arrays):
            numbers[node] = -2 - len(reads)
            reads.append(node)
            continue
        own = [numbers[operand] for operand in node.operands]
        are_read = tuple([number < 0 for number in own])
        letter: Any = (id(node.op), node.shape, node.dtype, are_read, _common(node))
        if len(own) > _MOST_OPERANDS:
            wide.append((len(found), np.array(own, np.int64)))
            letter, own = len(found), []
        text.append(letters.setdefault(letter, len(letters)))
        operands.append(own)
        numbers[node] = len(found)
        found.append(node)
    weights = np.cumsum([0, *map(weight, found)])
    width = max(map(len, operands), default=0)
    table = np.array([(own + [-1] * width)[:width] for own in operands], np.int64)
    letters_of_text = np.array(text, np.int64)
    table = table.reshape(len(text), width)
    return Text(found, letters_of_text, table, reads, wide, vectors, weights)


def weight(node: Node) -> int:
    """Return how many operations a node stands for: those of its steps, or one."""
    if not node.attributes:
        return 1
    return 1 + sum([_size(x) for x in node.attributes.values() if type(x) is Graph])


@functools.lru_cache(maxsize=512)
def _size(step: Graph) -> int:
    return sum(map(weight, order(step.outputs)))


def single_loops(nodes: Sequence[Node]) -> Set[Node]:
    """Return the loops of a graph that are not repeated themselves."""
    alike: defaultdict[Any, list[Node]] = defaultdict(list)
    for node in nodes:
        if node.op is SCAN and node.operands[1].shape[0] > 1:
            alike[node.shape, _common(node)].append(node)
    return {node for own in alike.values() if len(own) < LEAST_ROUNDS for node in own}


def is_read(node: Node, numbers: Mapping[Node, int], arrays: Set[Node]) -> bool:
    """Whether a node is a leaf, or takes elements of one or of a result of loops."""
    if node.op is CONSTANT or node.op is INPUT:
        return True
    if node.op.name not in ("getitem", "reshape"):
        return False
    (operand,) = node.operands
    return operand in arrays or numbers[operand] < 0


def _common(node: Node) -> Any:
    """Return the attributes that iterations must have in common."""
    if not node.attributes:
        return None
    if node.op.name == "getitem":
        return tuple([part[1:] for part in node.attributes["slices"]])
    return tuple(sorted(node.attributes.items()))


def loops(text: Text) -> Iterator[Loop]:
    """Yield where a text repeats itself, those first that save most."""
    found = {loop for period in _periods(text.letters) for loop in _repeats(text, period)}
    saved = {loop: text.weight(loop.start + loop.period, loop.stop) for loop in found}
    wanted = [x for x in found if saved[x] >= LEAST_SAVED and _has_rounds(text, x)]
    yield from sorted(wanted, key=lambda x: (-saved[x], x.period, x.start))


def _has_rounds(text: Text, loop: Loop) -> bool:
    """Whether a loop has enough iterations; few are enough for long ones."""
    is_long = text.weight(loop.start, loop.start + loop.period) >= LEAST_SAVED
    return loop.rounds >= (LEAST_LONG_ROUNDS if is_long else LEAST_ROUNDS)


def _periods(letters: np.ndarray) -> list[int]:
    """Return the most frequent distances between equal words of some lengths."""
    periods: dict[int, None] = {}
    words, length = letters, 1
    while len(words) > 1:
        order = np.argsort(words, kind="stable")
        same = words[order][1:] == words[order][:-1]
        gaps = Counter(np.diff(order)[same].tolist())
        periods |= dict.fromkeys([gap for gap, _ in gaps.most_common(_CANDIDATES)])
        if length == _LONGEST_WORD:
            break
        # Words of twice the length are pairs of words, numbered anew.
        pairs = words[:-length] * len(letters) + words[length:]
        _, words = np.unique(pairs, return_inverse=True)
        length *= 2
    return list(periods)


def _repeats(text: Text, period: int) -> list[Loop]:
    """Return the places where each letter equals the one a period before it."""
    first, second = text.operands[:-period], text.operands[period:]
    is_moved = (second - first == period) & (first >= 0)
    alike = is_moved | (second == first) | ((first < -1) & (second < -1))
    same = (text.letters[:-period] == text.letters[period:]) & alike.all(axis=1)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], same.astype(np.int8), [0]])))
    spans = zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)
    repeats = [Loop(start, period, (stop - start) // period + 1) for start, stop in spans]
    return [loop for loop in repeats if loop.rounds >= LEAST_LONG_ROUNDS]
