"""A loss and its constraints, recorded once and replayed wherever derivatives are taken."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from steepest.derivative import pull_back
from steepest.descent.iteration.problem import Problem
from steepest.descent.problem.constrained import as_constrained
from steepest.graph import Node, substitute, trees
from steepest.trace import TracedArray, as_traced, current, node_of
from steepest.trace.rerolling.build import sparse_derivatives
from steepest.trace.tracing import Trace, is_array_like, trace_function


class Here(NamedTuple):
    """The loss and the constraints at a point, while a function of it is traced.

    Attributes
    ----------
    x, loss, constraints
        The point, shape (n,), the loss, and the values of the constraints, shape (m,).
    """

    x: TracedArray
    loss: TracedArray
    constraints: TracedArray

    def gradient(self) -> Any:
        """Return the gradient of the loss, shape (n,)."""
        one = as_traced(np.ones((), self.loss.dtype))
        return _or_zeros(pull_back([self.loss.node], [one], [self.x.node])[0], self.x)

    def pulled(self, multipliers: Any) -> Any:
        """Return the sum of the gradients of the constraints times multipliers, shape (n,)."""
        if not self.constraints.size:
            return as_traced(np.zeros_like(self.x))
        found = pull_back([self.constraints.node], [as_traced(multipliers)], [self.x.node])[0]
        return _or_zeros(found, self.x)

    def lagrangian_slope(self, multipliers: Any, weight: Any) -> Any:
        """Return the gradient of the Lagrangian, with the loss times a weight; shape (n,)."""
        slope = self.gradient() * weight
        return slope - self.pulled(multipliers) if self.constraints.size else slope


def _or_zeros(found: Any, like: Any) -> Any:
    return as_traced(np.zeros_like(like)) if found is None else found


@dataclass(frozen=True)
class Recorded:
    """The functions of a problem.

    They are called again wherever they are traced if they branch, and else replayed.

    Attributes
    ----------
    problem
        The problem.
    trace
        Loss and constraints as a graph.
    """

    problem: Problem
    trace: Trace

    @classmethod
    def of(cls, problem: Problem, x: np.ndarray) -> Recorded:
        """Return the functions of a problem, recorded near a point."""

        def both(vector: Any, *args: Any) -> Any:
            here = _called(problem, vector, args)
            return here.loss, here.constraints

        both.__name__ = problem.objective.name
        return cls(problem, trace_function(both, (x, *problem.args)))

    @property
    def branches(self) -> bool:
        """Whether the recording only holds for some points or data."""
        return bool(self.trace.graph.guards)

    def data(self, args: Sequence[Any]) -> list[np.ndarray]:
        """Return the values of all inputs of the graph after the first."""
        leaves = [leaf for leaf in trees.leaves(tuple(args)) if is_array_like(leaf)]
        values, nodes = [*leaves, *self.trace.captured_arrays()], self.trace.graph.inputs[1:]
        return [np.asarray(v, node.dtype) for v, node in zip(values, nodes, strict=True)]

    def given(self, args: Sequence[Any]) -> Sequence[Any]:
        """Return what functions are called with after the point."""
        return tuple(args) if self.branches else self.data(args)

    def here(self, vector: Any, given: Sequence[Any]) -> Here:
        """Return loss and constraints at a point, while a function is traced."""
        if self.branches:
            return _called(self.problem, vector, given)
        graph = self.trace.graph
        nodes = [node_of(value) for value in (vector, *given)]
        replacements: dict[Node, Node] = dict(zip(graph.inputs, nodes, strict=True))
        found = substitute(graph.outputs, replacements, current().sources)
        loss, constraints = [TracedArray(node, current()) for node in found]
        return Here(as_traced(vector), loss, constraints)


def _called(problem: Problem, vector: Any, args: Sequence[Any]) -> Here:
    with sparse_derivatives():
        at_x = as_constrained(problem.objective(vector, problem.layout, args))
    return Here(at_x.x, at_x.loss, at_x.constraints)
