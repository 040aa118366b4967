"""Machine code of a graph some of whose inputs are read in blocks of rows.

Each pass over the data is code of its own (``strips.py``), and so is what is computed between two
passes. A loop whose step needs passes is driven from outside (``runs/streaming.py``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from steepest.engines.native.programs.function import CompiledGraph
from steepest.engines.native.programs.strips import StripCode
from steepest.graph import Node


@dataclass(frozen=True)
class Reach:
    """The rows of an array that some coordinates need: from `low` to `high` beyond them."""

    low: int
    high: int

    def of(self, first: int, end: int, rows: int) -> tuple[int, int]:
        """Return the rows that the coordinates from one to another need."""
        low = min(max(0, first + self.low), rows)
        return low, max(low, min(rows, end + self.high))


@dataclass(frozen=True, eq=False)
class Triangle:
    """The triangular factor of rows that a pass computes, block by block as in memory.

    If they are few, there is one block of all of them.

    Attributes
    ----------
    node
        Its node.
    size
        Rows of a block.
    add, add_rest
        Return the factor with a block of rows beneath, and with the last, smaller block; None if
        there is none.
    """

    node: Node
    size: int
    add: CompiledGraph
    add_rest: CompiledGraph | None


@dataclass(frozen=True, eq=False)
class Pass:
    """A pass over the data.

    Attributes
    ----------
    code
        Its machine code.
    roots
        For each operand, the array that is in memory or is read in blocks, of which it is a view.
    reaches
        For each root of which rows are read, which ones.
    rows_of
        The number of rows of each of these roots.
    results
        The nodes of the results, by their numbers.
    triangles
        For each result whose rows are factored, by its number, the factor.
    """

    code: StripCode
    roots: tuple[Node, ...]
    reaches: Mapping[Node, Reach]
    rows_of: Mapping[Node, int]
    results: Mapping[int, Node]
    triangles: Mapping[int, Triangle]


@dataclass(frozen=True, eq=False)
class Between:
    """What is computed between two passes: nodes from other ones."""

    code: CompiledGraph
    given: tuple[Node, ...]
    computed: tuple[Node, ...]


@dataclass(frozen=True, eq=False)
class Loop:
    """A loop whose step needs passes over the data.

    Attributes
    ----------
    node
        Its node.
    carried
        Number of its first operands, which are not around it: the start, and rows of a scan.
    around
        The inputs of its steps that are values of the enclosing graph, and these.
    steps
        The code of its steps, by the names of the attributes.
    """

    node: Node
    carried: int
    around: Mapping[Node, Node]
    steps: Mapping[str, StreamedCode]


class Gate(NamedTuple):
    """Where an evaluation ends, if some nodes say so: what follows would not be used.

    Attributes
    ----------
    stop, finite
        It ends if `stop` is not 0, or if `finite` is false.
    """

    stop: Node
    finite: Node


@dataclass(frozen=True, eq=False)
class StreamedCode:
    """Machine code of a graph some of whose inputs are read in blocks.

    Attributes
    ----------
    inputs, outputs
        Of the graph.
    stages
        Passes, loops of passes, and what is computed between them, in order.
    axes
        For each output that has rows, which are computed when they are needed, their axis; else
        None.
    """

    inputs: tuple[Node, ...]
    outputs: tuple[Node, ...]
    stages: tuple[Pass | Between | Loop | Gate, ...]
    axes: tuple[int | None, ...]

    def passes(self) -> Iterator[Pass]:
        """Yield the passes, also those of loops."""
        for stage in self.stages:
            if isinstance(stage, Pass):
                yield stage
            elif isinstance(stage, Loop):
                for step in stage.steps.values():
                    yield from step.passes()
