"""Where values belong in a graph that client and workers have compiled, each for itself.

Nodes are objects of one process. Both sides number them in the same order.
"""

from __future__ import annotations

import functools
import hashlib
import threading
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from steepest.engines.native.programs.streamed import Between, Pass, StreamedCode
from steepest.engines.native.runs.streamed_run import SplitCode, compile_split
from steepest.engines.native.runs.streaming import rows_of
from steepest.engines.serialize import pack_program, unpack_program
from steepest.graph import Graph, Node
from steepest.streams import Source

_lock = threading.Lock()


class Rows(NamedTuple):
    """Some rows of an input.

    Attributes
    ----------
    place
        Which of the inputs that do not vary.
    first
        Number of the first row.
    values
        The rows; or what opens a table that has all rows.
    """

    place: int
    first: int
    values: Any


class Divided:
    """A graph whose rows are divided among workers, with a number for each node.

    Parameters
    ----------
    graph
        The graph.
    varying
        Number of inputs, the first ones, that differ between calls.
    in_rows
        For each other input, whether it has rows.

    Attributes
    ----------
    code
        Its machine code.
    passes
        The passes over the rows.
    nodes, numbers
        All nodes with values, and their numbers.

    Raises
    ------
    UnsupportedError
        If it needs all rows at once.
    """

    def __init__(self, graph: Graph, varying: int, in_rows: Sequence[bool]) -> None:
        self.graph, self._varying, self._in_rows = graph, varying, tuple(in_rows)
        self.code: SplitCode = compile_split(graph, varying, in_rows)
        self.passes: list[Pass] = []
        nodes: dict[Node, None] = {}
        for part in (self.code.once, self.code.again):
            nodes.update(dict.fromkeys(part.inputs))
            nodes.update(dict.fromkeys(_computed(part)))
            self.passes += [stage for stage in part.stages if isinstance(stage, Pass)]
        self.nodes = list(nodes)
        self.numbers = {node: number for number, node in enumerate(self.nodes)}

    def packed(self) -> bytes:
        """Return it as plain data.

        Raises
        ------
        NotPlainError
            If a node cannot be sent.
        """
        return pack_program((self.graph, self._varying, self._in_rows, self._signature()))

    def _signature(self) -> str:
        """Return what must be equal where nodes have the same numbers."""
        described = [(node.op.name, node.shape, node.dtype.str) for node in self.nodes]
        plans = [
            (plan.strips, [(part.start, part.size, part.count) for part in plan.segments])
            for plan in (each.code.plan for each in self.passes)
        ]
        return hashlib.sha256(repr((described, plans)).encode()).hexdigest()

    @classmethod
    def unpacked(cls, content: bytes) -> Divided:
        """Return what was packed; threads that want the same compile it once.

        Raises
        ------
        RuntimeError
            If nodes have other numbers here.
        """
        with _lock:
            return cls._compiled(content)

    @classmethod
    @functools.lru_cache(maxsize=16)
    def _compiled(cls, content: bytes) -> Divided:
        graph, varying, in_rows, signature = unpack_program(content)
        found = cls(graph, varying, in_rows)
        if found._signature() != signature:
            raise RuntimeError(
                "this worker divides the graph in another way than the client does: are the same "
                "versions of steepest and NumPy installed?"
            )
        return found

    def values_of(self, rows: Iterable[Rows], given: Mapping[int, np.ndarray]) -> dict[Node, Any]:
        """Return the values of nodes from rows of inputs, and from values by number."""
        values: dict[Node, Any] = {self.nodes[i]: _in_order(v) for i, v in given.items()}
        for part in rows:
            node = self.code.once.inputs[part.place]
            values[node] = _source(node, part)
        self.add_rows(values)
        return values

    def add_rows(self, values: dict[Node, Any]) -> None:
        """Add what has rows and is computed from other rows, each time it is needed."""
        code = self.code
        for part in (code.once, code.again):
            for stage in part.stages:
                if isinstance(stage, Pass):
                    there = {root: values[root] for root in stage.roots if root in values}
                    values.update(rows_of(stage, there))
            for node, output in zip(code.constants, code.once.outputs, strict=True):
                if output in values:
                    values.setdefault(node, values[output])


def _computed(part: StreamedCode) -> list[Node]:
    found: list[Node] = []
    for stage in part.stages:
        if isinstance(stage, Between):
            found += stage.computed
        else:
            found += [node for _, node in sorted(stage.results.items())]
            found += [triangle.node for _, triangle in sorted(stage.triangles.items())]
    return found


def _in_order(array: np.ndarray) -> np.ndarray:
    """Return an array as machine code reads it; messages may have put it anywhere."""
    return np.require(array, None, ["C", "A"]).reshape(array.shape)


def _source(node: Node, part: Rows) -> Source:
    """Return the source of some rows of an input, which are read by their numbers in the whole."""
    if not isinstance(part.values, np.ndarray):
        opened: Source = part.values.open()
        return opened
    rows, first = _in_order(part.values), part.first
    return Source("rows", node.shape, node.dtype, lambda i, j: rows[i - first : j - first])
