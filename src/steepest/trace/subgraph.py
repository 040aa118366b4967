"""Functions that become graphs of their own: the steps of a loop, the sides of a branch.

A step is a graph from vectors to vectors. Its first inputs are the packed arguments; the nodes
of the enclosing recording that it uses are further inputs.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from steepest.errors import InputError
from steepest.graph import Graph, Node, Shape, order, trees
from steepest.graph.source import at, user_source
from steepest.graph.substitute import substitute
from steepest.ops import CONSTANT, TABLE
from steepest.ops.arrays.loops import step_input
from steepest.trace.arrays.array import TracedArray, as_traced, node_of
from steepest.trace.arrays.registries import CALLS
from steepest.trace.following.follow import follow
from steepest.trace.patterns import generalized, is_hidden
from steepest.trace.recording.session import UnknownValueError, current, open_session


@dataclass(frozen=True)
class Packing:
    """The layout of nested values in one vector.

    Attributes
    ----------
    structure
        The nesting.
    shapes, dtypes, weak
        Of the leaves. Python's numbers are weak: they adapt their dtype.
    """

    structure: Any
    shapes: tuple[Shape, ...]
    dtypes: tuple[np.dtype, ...]
    weak: tuple[bool, ...]

    @property
    def dtype(self) -> np.dtype:
        """Dtype of the vector. It holds every leaf's values (whole numbers up to 2**53)."""
        single = self.dtypes and all(dtype == np.float32 for dtype in self.dtypes)
        return np.dtype(np.float32 if single else np.float64)

    @property
    def size(self) -> int:
        """Number of elements."""
        return sum(map(math.prod, self.shapes))

    def pack(self, tree: Any) -> Any:
        """Return nested values as one vector."""
        leaves = [np.ravel(as_traced(leaf)).astype(self.dtype) for leaf in trees.leaves(tree)]
        if not leaves:
            return as_traced(np.zeros(0, self.dtype))
        return np.concatenate(leaves)

    def unpack(self, vector: Any, rows: int | None = None) -> Any:
        """Return the nested values of a vector, or of a matrix with a vector in each row."""
        leaves, start = [], 0
        leading = () if rows is None else (rows,)
        whole, session = node_of(vector), current()
        for shape, dtype, weak in zip(self.shapes, self.dtypes, self.weak, strict=True):
            size = math.prod(shape)
            node = whole
            if size != whole.shape[-1]:
                slices = (*[(0, n, 1) for n in leading], (start, size, 1))
                node = session.record(TABLE["getitem"], [node], slices=slices)
            if node.shape != (*leading, *shape):
                node = session.record(TABLE["reshape"], [node], shape=(*leading, *shape))
            if node.dtype != dtype:
                node = session.record(TABLE["astype"], [node], dtype=dtype)
            leaves.append(TracedArray(node, session, weak and not leading))
            start += size
        return trees.unflatten(self.structure, leaves)


def packing_of(tree: Any) -> Packing:
    """Return the layout of nested values."""
    leaves, structure = trees.flatten(tree)
    arrays = [as_traced(leaf) for leaf in leaves]
    shapes, dtypes = tuple(x.shape for x in arrays), tuple(x.dtype for x in arrays)
    return Packing(structure, shapes, dtypes, tuple(x.weak for x in arrays))


def adapted(packing: Packing, tree: Any, result: Any, name: str) -> Packing:
    """Return the layout of a carried value that starts as `tree` and becomes `result`.

    Python numbers at the start take the dtype that the step gives them. `name` is the step's
    name in messages.

    Raises
    ------
    InputError
        If the step changes the structure, the shapes or the dtypes.
    """
    after = packing_of(result)
    starts = [as_traced(leaf) for leaf in trees.leaves(tree)]
    if after.structure != packing.structure or after.shapes != packing.shapes:
        raise InputError(
            f"{name}{at(user_source())} must return what it carries with the structure and shapes "
            f"that it starts with: {packing.structure} of {packing.shapes} became "
            f"{after.structure} of {after.shapes}"
        )
    for start, dtype in zip(starts, after.dtypes, strict=True):
        if start.dtype != dtype and not start.weak:
            raise InputError(
                f"{name}{at(user_source())} carries {start.dtype} and returns {dtype}: start with "
                f"{dtype}"
            )
    return after


class RecordedStep:
    """A function that was recorded on inputs of its own.

    Parameters
    ----------
    function
        The user's function.
    packings
        Layouts of its arguments.
    may_branch_on
        Whether the function may branch on a condition, given this and the inputs. Both arms of
        such a branch are recorded.

    Attributes
    ----------
    inputs
        Its own inputs, a vector for each argument.
    result
        What it returned, as traced arrays of the enclosing recording.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        packings: Sequence[Packing],
        may_branch_on: Callable[[Node, Sequence[Node]], bool] = lambda condition, inputs: True,
    ) -> None:
        with open_session() as session:
            session.is_step, session.defers = True, False
            inputs = [session.add_input((p.size,), p.dtype, "", unknown_value) for p in packings]
            arrays = [TracedArray(node, session, is_scalar=False) for node in inputs]
            pairs = list(zip(packings, arrays, strict=True))
            call = lambda: follow(function, session)(*[p.unpack(array) for p, array in pairs])
            self.inputs = inputs
            allowed: Callable[[Node], bool] = lambda condition: may_branch_on(condition, inputs)
            result = trees.map_leaves(as_traced, CALLS["merged step"](session, call, allowed))
            nodes = [(leaf.node, leaf.weak) for leaf in trees.leaves(result)]

        # `graph` replaces the inputs before anything asks for their values.
        outer = current()
        outer.take_over_guards(session)
        leaves = [TracedArray(node, outer, weak) for node, weak in nodes]
        self.result = trees.unflatten(trees.structure(result), leaves)

    def graph(self, outputs: Sequence[Any]) -> tuple[Graph, list[Node]]:
        """Return the graph of some outputs, and the outer nodes that are its further inputs."""
        graph, outer = closed([node_of(output) for output in outputs], self.inputs)
        return generalized(graph, outer, current())


def unknown_value() -> Any:
    """Raise: the inputs of a step have no values while it is recorded."""
    raise UnknownValueError(user_source())


def closed(outputs: Sequence[Node], inputs: Sequence[Node]) -> tuple[Graph, list[Node]]:
    """Return a graph of numbered inputs, and the outer nodes that are its further inputs."""
    is_inner: dict[Node, bool] = dict.fromkeys(inputs, True)
    used: list[Node] = []
    for node in order(outputs, stop=is_inner):
        if node not in is_inner:
            is_inner[node] = any(is_inner[operand] for operand in node.operands)
            if is_inner[node]:
                used += node.operands
    used += outputs
    outer = [node for node in used if not is_inner[node] and node.op is not CONSTANT]
    outer = list(dict.fromkeys(outer))
    new = _numbered([*inputs, *outer])
    return Graph(tuple(new.values()), tuple(substitute(outputs, new, current().sources))), outer


def _numbered(nodes: Sequence[Node], first: int = 0) -> dict[Node, Node]:
    """Return an input of a step for each node."""
    return {node: step_input(i, node.shape, node.dtype) for i, node in enumerate(nodes, first)}


def with_common_inputs(
    steps: Sequence[tuple[Graph, list[Node]]],
) -> tuple[list[Graph], list[TracedArray]]:
    """Return steps of one argument with the same further inputs, and the outer arrays for these.

    Each step is given as :meth:`RecordedStep.graph` returns it.
    """
    # Hidden constants may be equal by chance: each is an input of its own.
    keys = [
        [(node, (i, j) if is_hidden(node) else None) for j, node in enumerate(own)]
        for i, (_, own) in enumerate(steps)
    ]
    outer = list(dict.fromkeys(key for own in keys for key in own))
    shared = {key: step_input(i, key[0].shape, key[0].dtype) for i, key in enumerate(outer, 1)}
    graphs = []
    for (graph, _), own in zip(steps, keys, strict=True):
        argument, *further = graph.inputs
        new = dict(zip(further, [shared[key] for key in own], strict=True))
        outputs = tuple(substitute(graph.outputs, new, {}))
        graphs.append(Graph((argument, *shared.values()), outputs))
    session = current()
    return graphs, [TracedArray(node, session, is_scalar=False) for node, _ in outer]
