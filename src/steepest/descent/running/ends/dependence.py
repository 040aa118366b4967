"""The parameters that a loss depends on, found in its graph."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from steepest.descent.iteration.problem import Problem
from steepest.graph import Graph, Node, order
from steepest.graph.source import at, function_source
from steepest.ops import JointLinear, Linear, Partials, Zero, constant_value
from steepest.trace.tracing import trace_function

_LARGEST = 10_000_000
"""Largest number of elements of all nodes for an analysis by element."""

_STOP_GRADIENT = "stop_gradient"  # counts as influence: its slope is hidden on purpose

_known: weakref.WeakKeyDictionary[Node, np.ndarray] = weakref.WeakKeyDictionary()


def trace_dependence(problem: Problem, vector: np.ndarray, args: Sequence[Any]) -> np.ndarray:
    """Return the :func:`dependence` of a problem that is not traced yet, near a vector."""
    p = problem
    of_vector = lambda vector, *args: p.objective(vector, p.layout, args).loss
    graph = trace_function(of_vector, (vector.astype(p.dtype), *args), earlier=None).graph
    return np.ones(vector.shape, bool) if graph.guards else _dependence(graph)


def idle_sentence(function: Any, depends: np.ndarray, name: Callable[[int], str]) -> str:
    """Return a sentence that names the parameters without influence on a loss."""
    loss = _called(function)
    if not depends.any():
        return _NEVER.format(loss=loss, which="its parameters")
    idle = [name(int(i)) for i in np.flatnonzero(~depends)]
    which = ", ".join(idle[:5]) + (f" and {len(idle) - 5} others" if len(idle) > 5 else "")
    return f"{_NEVER.format(loss=loss, which=which)} {_ADVICE}"


def _called(function: Any) -> str:
    """Return the name of a loss, or of the model of a curve fit, and its line."""
    function = getattr(getattr(function, "curve", None), "model", function)
    return f"{getattr(function, '__name__', 'The loss')}{at(function_source(function))}"


_NEVER = (
    "{loss} does not depend on {which}, or only through steps and conditions, which have no slope."
)
_ADVICE = "Leave them out, or mark them st.Fixed(...)."


_DECIDES = (
    "{loss} depends on {which} only through the branch that it takes or through steps, on every "
    "path that was met: it has no slope there, and the descent cannot move from the start. Start "
    "where another branch is taken, or fit without derivatives (method='Nelder-Mead')."
)


def deciding_sentence(function: Any, decides: np.ndarray, name: Callable[[int], str]) -> str:
    """Return a sentence that names the parameters that only decide about branches and steps."""
    loss = _called(function)
    which = ", ".join([name(int(i)) for i in np.flatnonzero(decides)[:5]])
    return _DECIDES.format(loss=loss, which=which)


def read_without_slope(graphs: Sequence[Graph]) -> np.ndarray:
    """Return which parameters a loss reads, whether it has slopes by them or not, shape (n,).

    They are rounded or compared, or become a whole number: an index, a count, the size of an
    array. The result may be part of the loss, or decide about a branch.
    """
    read = [
        elements_that_matter(node, graph.inputs[0], through_steps=True)
        for graph in graphs
        for node in (graph.outputs[0], *[guard.condition for guard in graph.guards])
    ]
    return np.any(read, axis=0)  # type: ignore[no-any-return]


def dependence(graphs: Sequence[Graph]) -> np.ndarray:
    """Return which parameters a loss has derivatives by, on any path, shape (n,).

    Parameters
    ----------
    graphs
        The loss as a function of the vector of parameters and data, along each path.
    """
    depends: np.ndarray = np.any([_dependence(graph) for graph in graphs], axis=0)
    return depends


def _dependence(graph: Graph) -> np.ndarray:
    variable, (loss,) = graph.inputs[0], graph.outputs
    found = _known.get(loss)
    if found is None or found.shape != variable.shape:
        found = _known[loss] = elements_that_matter(loss, variable)
    return found


def elements_that_matter(loss: Node, variable: Node, through_steps: bool = False) -> np.ndarray:
    """Return which elements of a variable a loss has derivatives by.

    Parameters
    ----------
    loss
        A real number, or the condition of a branch.
    variable
        A node that it is computed from.
    through_steps
        Whether elements count, too, that matter only through what has no derivative.

    Notes
    -----
    Nodes are visited from the loss backward, and each marks the elements of its operands that
    influence it. Elementwise ops and ops that only move elements are exact. Any other op marks all
    elements.
    """
    nodes = order([loss], stop=frozenset((variable,)))
    between = {variable}
    for node in nodes:
        if (through_steps or not _is_step(node)) and not between.isdisjoint(node.operands):
            between.add(node)
    if loss not in between:
        return np.zeros(variable.shape, bool)
    if sum(node.size for node in between) > _LARGEST:
        return np.ones(variable.shape, bool)
    matters = {node: np.zeros(node.shape, bool) for node in between}
    matters[loss] = np.ones(loss.shape, bool)
    for node in reversed(nodes):
        if node is variable or node not in between or not matters[node].any():
            continue
        for position, operand in enumerate(node.operands):
            if operand in between:
                matters[operand] |= _of_operand(node, position, matters[node], through_steps)
    return matters[variable]


def _is_step(node: Node) -> bool:
    """Whether a node has no derivative: steps, integers and truth values."""
    if node.op.name == _STOP_GRADIENT:
        return False
    return node.dtype.kind != "f" or isinstance(node.op.derivative, Zero)


def _of_operand(node: Node, position: int, mask: np.ndarray, through_steps: bool) -> np.ndarray:
    """Return which elements of an operand influence the marked elements of a node."""
    operand, derivative = node.operands[position], node.op.derivative
    none, all_of_it = np.zeros(operand.shape, bool), np.ones(operand.shape, bool)
    if isinstance(derivative, Partials):
        missing = node.ndim - operand.ndim
        mask = np.asarray(mask.any(axis=tuple(range(missing))))
        narrow = tuple(i for i, n in enumerate(operand.shape) if n == 1 and mask.shape[i] != 1)
        return np.asarray(mask.any(axis=narrow, keepdims=True))
    if isinstance(derivative, Linear) and position not in derivative.transposes:
        return all_of_it if derivative.joint or through_steps else none
    if not node.op.is_move or not isinstance(derivative, Linear | JointLinear):
        return all_of_it
    others = [constant_value(other) for other in node.operands]
    if node.op.looks_up:
        if any(value is None for value in others[1:]):
            return all_of_it
    else:
        others = [np.full(other.shape, -1) for other in node.operands]
    others[position] = np.arange(operand.size).reshape(operand.shape)
    attributes = {"dtype": np.dtype(int)} if node.op.name == "astype" else node.attributes
    came_from = np.asarray(node.op.evaluate(*others, **attributes))[mask]
    none.reshape(-1)[came_from[came_from >= 0]] = True
    return none
