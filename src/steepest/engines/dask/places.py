"""Where values belong in a graph that client and workers have compiled, each for itself.

Nodes are objects of one process. Both sides number them in the same order.
"""

from __future__ import annotations

import functools
import hashlib
import threading
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np

from steepest.engines.native.programs.streamed import Between, Loop, Pass, StreamedCode
from steepest.engines.native.runs.streamed_run import compile_streamed
from steepest.engines.native.runs.streaming import PanelRows, rows_of
from steepest.engines.program import Program
from steepest.engines.serialize import pack_program, unpack_program
from steepest.graph import Node
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
    """A descent whose rows are divided among workers, with a number for each node.

    Parameters
    ----------
    program
        The descent. What it reads in blocks has rows.

    Attributes
    ----------
    code, step
        Machine code of the evaluation, and the step as a program whose data are given.
    passes
        The passes over the rows.
    nodes, numbers
        All nodes with values, and their numbers.

    Raises
    ------
    UnsupportedError
        If it needs all rows at once.
    """

    def __init__(self, program: Program) -> None:
        self._program = program
        self.code, self.step = compile_streamed(program)
        parts = self.code.once, self.code.again
        self.passes: list[Pass] = [work for part in parts for work in part.passes()]
        self.nodes = list(dict.fromkeys([node for part in parts for node in _computed(part)]))
        self.numbers = {node: number for number, node in enumerate(self.nodes)}

    def packed(self) -> bytes:
        """Return it as plain data.

        Raises
        ------
        NotPlainError
            If a node cannot be sent.
        """
        return pack_program((self._program, self._signature()))

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
        program, signature = unpack_program(content)
        found = cls(program)
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
            _add_rows(part, values)
            for node, output in zip(code.constants, code.once.outputs, strict=True):
                if output in values:
                    values.setdefault(node, values[output])


def _add_rows(part: StreamedCode, values: dict[Node, Any]) -> None:
    for stage in part.stages:
        if isinstance(stage, Pass):
            there = {root: values[root] for root in stage.roots if root in values}
            values.update(rows_of(stage, there))
        elif isinstance(stage, Loop):
            for inner, outer in stage.around.items():
                if outer in values:
                    values.setdefault(inner, values[outer])
            for step in stage.steps.values():
                _add_rows(step, values)


def _computed(part: StreamedCode) -> list[Node]:
    """Return the inputs of a part, and what it computes."""
    found = list(part.inputs)
    for stage in part.stages:
        if isinstance(stage, Between):
            found += stage.computed
        elif isinstance(stage, Pass):
            found += [node for _, node in sorted(stage.results.items())]
            found += [triangle.node for _, triangle in sorted(stage.triangles.items())]
        elif isinstance(stage, Loop):
            found.append(stage.node)
            for _, step in sorted(stage.steps.items()):
                found += _computed(step)
    return found


def arrays_among(values: Mapping[Node, Any]) -> dict[Node, np.ndarray]:
    """Return the arrays among the values of roots, and of the passes that those come from."""
    found: dict[Node, np.ndarray] = {}
    for node, value in values.items():
        if isinstance(value, PanelRows):
            found |= arrays_among(value.values)
        elif not isinstance(value, Source):
            found[node] = np.asarray(value)
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
