"""A loss and its constraints as compiled functions, with sparse derivatives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from steepest.derivative import Function, interpret, pull_back, push_forward
from steepest.derivative.sparse.compression import (
    HessianPlan,
    JacobianPlan,
    hessian_plan,
    jacobian_plan,
)
from steepest.derivative.sparse.patterns import Pattern, pattern_of
from steepest.descent.iteration.problem import Problem
from steepest.descent.large.recorded import Recorded
from steepest.descent.problem.differencing import differenced_codes
from steepest.descent.running.compile import known, remember
from steepest.errors import InputError
from steepest.graph import Graph, Node, order, trees
from steepest.rewrite import simplify
from steepest.trace import TracedArray, as_traced, scan
from steepest.trace.tracing import key_of, trace_function

_MOST_DENSE = 3000
"""Largest number of rows or columns of a dense derivative matrix."""


class Slopes(NamedTuple):
    """First and second derivatives at a point.

    Attributes
    ----------
    gradient
        Of the loss, shape (n,).
    jacobian, hessian
        Entries of the Jacobian of the constraints and of the Hessian of the Lagrangian, at the
        places of the plans.
    """

    gradient: np.ndarray
    jacobian: np.ndarray
    hessian: np.ndarray


class Fixed(NamedTuple):
    """Entries of the matrices that are the same at all points; None for others."""

    jacobian: np.ndarray | None
    hessian: np.ndarray | None


@dataclass(frozen=True)
class Functions:
    """The compiled functions of a problem.

    Attributes
    ----------
    recorded, pattern, structure
        The recorded functions, the pattern of their derivatives, and the graph that it is of.
    values, slopes
        Functions of a vector and further arguments, compiled: loss and constraints; and all
        derivatives that depend on the vector.
    jacobian, hessian
        How the matrices are computed.
    everything
        As `slopes`, interpreted.
    is_fixed
        Whether the Jacobian, and the Hessian, are the same at all points.
    """

    recorded: Recorded
    pattern: Pattern
    structure: Graph
    values: Function
    slopes: Function
    jacobian: JacobianPlan
    hessian: HessianPlan
    everything: Function
    is_fixed: tuple[bool, bool]
    _fixed: list[tuple[list[np.ndarray], Fixed]] = field(default_factory=list, compare=False)

    @property
    def graph(self) -> Graph:
        """The graph of the loss."""
        graph = self.recorded.trace.graph
        return Graph(graph.inputs, graph.outputs[:1], graph.names, graph.sources)

    def holds(self, x: np.ndarray, args: Sequence[Any]) -> bool:
        """Whether they are still what they were, for these arguments."""
        if not self.recorded.trace.captures.still_hold():
            return False
        if self.recorded.branches:
            return self.pattern.rows is None or self.pattern.varies
        values = [x, np.zeros(self.jacobian.shape[0]), *self.recorded.data(args)]
        return self.pattern.holds(self.structure, values)

    def fixed_for(self, x: np.ndarray, args: Sequence[Any]) -> Fixed:
        """Return the matrices that are the same at all points, for some further arguments."""
        if not any(self.is_fixed):
            return Fixed(None, None)
        data = self.recorded.data(args)
        for earlier, fixed in self._fixed:
            if all(map(np.array_equal, earlier, data)):
                return fixed
        multipliers = np.zeros(self.jacobian.shape[0])
        seeds = self.jacobian.tangents, self.jacobian.cotangents, self.hessian.tangents
        found = self.everything(x, multipliers, 1.0, *seeds, *data)
        _, pushed, pulled, bent = map(np.asarray, found)
        fixed = Fixed(
            self.jacobian.entries(pushed, pulled) if self.is_fixed[0] else None,
            self.hessian.entries(bent) if self.is_fixed[1] else None,
        )
        self._fixed[:] = [([np.array(one) for one in data], fixed)]
        return fixed

    def values_at(self, x: np.ndarray, given: Sequence[Any]) -> tuple[float, np.ndarray]:
        """Return the loss and the values of the constraints."""
        loss, values = self.values(x, *given)
        return float(loss), np.asarray(values)

    def slopes_at(
        self,
        x: np.ndarray,
        multipliers: np.ndarray,
        weight: float,
        given: Sequence[Any],
        fixed: Fixed,
    ) -> Slopes:
        """Return the derivatives at a point.

        The Lagrangian is the loss times `weight`, minus the constraints times their multipliers.
        """
        tangents, cotangents = self.jacobian.tangents, self.jacobian.cotangents
        bends = self.hessian.tangents
        if fixed.jacobian is not None:
            tangents, cotangents = tangents[:0], cotangents[:0]
        bends = bends if fixed.hessian is None else bends[:0]
        found = self.slopes(x, multipliers, float(weight), tangents, cotangents, bends, *given)
        gradient, pushed, pulled, bent = map(np.asarray, found)
        jacobian = fixed.jacobian
        if jacobian is None:
            jacobian = self.jacobian.entries(pushed, pulled)
        hessian = self.hessian.entries(bent) if fixed.hessian is None else weight * fixed.hessian
        return Slopes(gradient, jacobian, hessian)


def functions_of(problem: Problem, x: np.ndarray) -> Functions:
    """Return the compiled functions of a problem; those of an earlier one if they still hold.

    Parameters
    ----------
    problem, x
        The problem, and a point near which the functions are recorded.

    Raises
    ------
    InputError
        If a matrix of derivatives is large, and has no structure.
    """
    key = _key(problem)
    found: Functions | None = known(key, lambda functions: functions.holds(x, problem.args))
    if found is None:
        found = _made(problem, x)
        remember(key, found)
    return found


def _key(problem: Problem) -> Any:
    leaves, structure = trees.flatten(tuple(problem.args)) if problem.args else ((), None)
    layout = problem.layout
    return (
        "functions",
        problem.objective,
        differenced_codes(problem.objective.subject),
        *(layout.structure, layout.shapes, layout.dtypes, structure),
        *map(key_of, leaves),
        *(problem.engine, problem.max_paths),
    )


def _made(problem: Problem, x: np.ndarray) -> Functions:
    recorded = Recorded.of(problem, x)
    rows, number = recorded.trace.graph.outputs[1].size, x.size
    given, nothing = recorded.given(problem.args), np.zeros(rows)

    def both(vector: Any, *given: Any) -> Any:
        here = recorded.here(vector, given)
        return here.loss, here.constraints

    def slopes(vector: Any, multipliers: Any, *given: Any) -> Any:
        here = recorded.here(vector, given)
        return here.constraints, here.lagrangian_slope(multipliers, 1.0)

    def derivatives(
        vector: Any, multipliers: Any, weight: Any, tangents: Any, cotangents: Any, bends: Any,
        *given: Any,
    ) -> Any:  # fmt: skip
        here = recorded.here(vector, given)
        slope = as_traced(here.lagrangian_slope(multipliers, weight))
        pushed = _pushed(here.constraints.node, here.x, tangents)
        pulled = _pulled(here.constraints.node, here.x, cotangents)
        return here.gradient(), pushed, pulled, _pushed(slope.node, here.x, bends)

    name, compiled, paths = problem.objective.name, problem.engine.compile, problem.max_paths
    for function in (both, slopes, derivatives):
        function.__name__ = name
    structure = trace_function(slopes, (x, nothing, *given)).graph
    pattern = Pattern(None)
    if not recorded.branches:
        pattern = pattern_of(structure, [x, nothing, *given])
    jacobian, hessian = _plans(problem, pattern, rows, number)
    seeds = jacobian.tangents, jacobian.cotangents, hessian.tangents
    is_fixed = False, False
    if not recorded.branches:
        is_fixed = _is_fixed(trace_function(derivatives, (x, nothing, 1.0, *seeds, *given)).graph)
    return Functions(
        recorded,
        pattern,
        structure,
        Function(both, compiled, max_paths=paths),
        Function(derivatives, compiled, max_paths=paths),
        jacobian,
        hessian,
        Function(derivatives, interpret),
        is_fixed,
    )


def _plans(
    problem: Problem, pattern: Pattern, rows: int, number: int
) -> tuple[JacobianPlan, HessianPlan]:
    """Return how the matrices are computed, as dense ones if nothing is known of them."""
    if pattern.rows is None:
        _check_dense(problem, number, max(rows, number))
        return jacobian_plan(_full(rows, number)), hessian_plan(_full(number, number))
    of_values, of_slopes = pattern.rows
    if of_slopes.nnz > 0.25 * number**2:
        _check_dense(problem, number, number)
    return jacobian_plan(of_values), hessian_plan(of_slopes)


def _full(rows: int, columns: int) -> Any:
    from scipy.sparse import csr_array

    return csr_array(np.ones((rows, columns), bool))


def _check_dense(problem: Problem, number: int, larger: int) -> None:
    if larger > _MOST_DENSE:
        raise InputError(
            f"InteriorPoint needs sparse derivatives for {number} parameters, and those of "
            f"{problem.objective.name} and its constraints are dense: take "
            "method=st.AugmentedLagrangian(), which forms no matrix"
        )


def _is_fixed(graph: Graph) -> tuple[bool, bool]:
    """Return whether the Jacobian, and the Hessian, are the same at all points."""
    variables = {graph.inputs[0], graph.inputs[1]}
    _, pushed, pulled, bent = graph.outputs

    def is_same(*outputs: Node) -> bool:
        return variables.isdisjoint(order(simplify(list(outputs))))

    return is_same(pushed, pulled), is_same(bent)


def _pushed(output: Node, x: TracedArray, tangents: Any) -> Any:
    """Return the products of a Jacobian with some vectors, shape (p, size)."""

    def one(tangent: Any) -> Any:
        (found,) = push_forward([output], {x.node: as_traced(tangent)})
        return as_traced(np.zeros(output.shape, output.dtype)) if found is None else found

    return _each(one, tangents, output.size)


def _pulled(output: Node, x: TracedArray, cotangents: Any) -> Any:
    """Return the products of a Jacobian's transpose with some vectors, shape (q, n)."""

    def one(cotangent: Any) -> Any:
        (found,) = pull_back([output], [as_traced(cotangent)], [x.node])
        return as_traced(np.zeros_like(x)) if found is None else found

    return _each(one, cotangents, x.size)


def _each(function: Callable[[Any], Any], rows: Any, size: int) -> Any:
    """Return what a function gives for each row, shape (rows, size)."""
    if not len(rows) or not size:
        return as_traced(np.zeros((len(rows), size)))
    if len(rows) == 1:
        return np.reshape(function(rows[0]), (1, size))
    _, found = scan(lambda nothing, row: (nothing, function(row)), 0.0, rows)
    return found
