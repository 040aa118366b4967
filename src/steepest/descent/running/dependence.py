"""Which parameters a loss depends on: what its graph says, whatever the numbers are."""

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
"""Elements of all nodes together up to which each is looked at by itself."""

_PASSED_ON = "stop_gradient"  # whoever writes it wants no slope

_known: weakref.WeakKeyDictionary[Node, np.ndarray] = weakref.WeakKeyDictionary()


def moving_in(problem: Problem, vector: np.ndarray, args: Sequence[Any]) -> np.ndarray:
    """Return the same of a problem that is not traced yet, near a vector of parameters."""
    p = problem
    of_vector = lambda vector, *args: p.objective(vector, p.layout, args).loss
    graph = trace_function(of_vector, (vector.astype(p.dtype), *args), earlier=None).graph
    return np.ones(vector.shape, bool) if graph.guards else _moving(graph)


def idle_sentence(function: Any, moves: np.ndarray, name: Callable[[int], str]) -> str:
    """Return what is to be said where a loss has no slopes by some parameters."""
    function = getattr(getattr(function, "curve", None), "model", function)
    loss = f"{getattr(function, '__name__', 'The loss')}{at(function_source(function))}"
    if not moves.any():
        return _NEVER.format(loss=loss, which="its parameters")
    idle = [name(int(i)) for i in np.flatnonzero(~moves)]
    which = ", ".join(idle[:5]) + (f" and {len(idle) - 5} others" if len(idle) > 5 else "")
    return f"{_NEVER.format(loss=loss, which=which)} {_ADVICE}"


_NEVER = (
    "{loss} does not depend on {which}, or only through steps and conditions, which have no slope."
)
_ADVICE = "Leave out what does not matter, or mark it st.Fixed(...)."


def moving(graphs: Sequence[Graph]) -> np.ndarray:
    """Return which parameters a loss has slopes by, on any path through it, shape (n,).

    Parameters
    ----------
    graphs
        The loss as a function of the vector of parameters and data, along each path.
    """
    moves: np.ndarray = np.any([_moving(graph) for graph in graphs], axis=0)
    return moves


def _moving(graph: Graph) -> np.ndarray:
    variable, (loss,) = graph.inputs[0], graph.outputs
    found = _known.get(loss)
    if found is None or found.shape != variable.shape:
        found = _known[loss] = elements_that_matter(loss, variable)
    return found


def elements_that_matter(loss: Node, variable: Node) -> np.ndarray:
    """Return which elements of a variable a loss has slopes by.

    Parameters
    ----------
    loss
        A real number.
    variable
        A node that it is computed from.

    Notes
    -----
    Goes back from the loss, and marks for every node between which of its elements have a say.
    Elementwise ops and those that only move elements about are followed exactly; of any other
    all elements count.
    """
    nodes = order([loss], stop=frozenset((variable,)))
    between = {variable}
    for node in nodes:
        if not _is_step(node) and not between.isdisjoint(node.operands):
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
                matters[operand] |= _of_operand(node, position, matters[node])
    return matters[variable]


def _is_step(node: Node) -> bool:
    """Whether a node has no slopes, as steps and truth values have none."""
    if node.op.name == _PASSED_ON:
        return False
    return node.dtype.kind != "f" or isinstance(node.op.derivative, Zero)


def _of_operand(node: Node, position: int, mask: np.ndarray) -> np.ndarray:
    """Return which elements of an operand have a say in those of a node that are marked."""
    operand, derivative = node.operands[position], node.op.derivative
    nothing, everything = np.zeros(operand.shape, bool), np.ones(operand.shape, bool)
    if isinstance(derivative, Partials):
        missing = node.ndim - operand.ndim
        mask = np.asarray(mask.any(axis=tuple(range(missing))))
        narrow = tuple(i for i, n in enumerate(operand.shape) if n == 1 and mask.shape[i] != 1)
        return np.asarray(mask.any(axis=narrow, keepdims=True))
    if isinstance(derivative, Linear) and position not in derivative.transposes:
        return everything if derivative.joint else nothing
    if not node.op.is_move or not isinstance(derivative, Linear | JointLinear):
        return everything
    others = [constant_value(other) for other in node.operands]
    if node.op.looks_up:
        if any(value is None for value in others[1:]):
            return everything
    else:
        others = [np.full(other.shape, -1) for other in node.operands]
    others[position] = np.arange(operand.size).reshape(operand.shape)
    attributes = {"dtype": np.dtype(int)} if node.op.name == "astype" else node.attributes
    came_from = np.asarray(node.op.evaluate(*others, **attributes))[mask]
    nothing.reshape(-1)[came_from[came_from >= 0]] = True
    return nothing
