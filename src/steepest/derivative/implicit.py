"""Derivatives of solutions by the implicit function theorem.

They are written with the solution itself, so that they can be differentiated again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from steepest.derivative.forward import push_forward
from steepest.derivative.loops import kinds, or_zeros, reals, traced
from steepest.derivative.reverse import pull_back
from steepest.graph import Graph, Node, substitute
from steepest.ops.arrays.loops import RULES, step_input
from steepest.ops.arrays.solutions import FOUND
from steepest.trace import TracedArray, as_traced, current, node_of, open_session


def _inlined(
    function: Graph, kind: str, operands: Sequence[Any], further: Sequence[Any],
    write: Callable[..., list[Any]],
) -> list[Any]:  # fmt: skip
    """Return what is written with a residual's nodes, recorded for the operands at hand.

    `write` is a function of ``(inputs, residual, *further)``. It sees inputs of its own, so that
    operands which depend on one another are not mistaken for variables.
    """
    given = [*operands, *further]
    with open_session() as session:
        inputs = [step_input(i, *shape) for i, shape in enumerate(kinds(given))]
        arrays = [TracedArray(node, session, is_scalar=False) for node in inputs]
        own, rest = inputs[: len(operands)], arrays[len(operands) :]
        replaced = dict(zip(function.inputs, own, strict=True))
        outputs = substitute(function.outputs, replaced, session.sources)
        residual = _residual(kind, outputs, own[0])
        written = [node_of(value) for value in write(own, residual, *rest)]
    nodes = [node_of(value) for value in given]
    return traced(substitute(written, dict(zip(inputs, nodes, strict=True)), current().sources))


def _residual(kind: str, outputs: Sequence[Node], x: Node) -> list[Node]:
    """Return what is zero at a solution."""
    (value,) = traced(outputs)
    if kind == "fixed point":
        return [node_of(value - traced([x])[0])]
    if kind == "minimum":
        (slope,) = or_zeros(pull_back(outputs, [as_traced(np.ones(value.shape))], [x]), [x])
        return [node_of(slope)]
    return list(outputs)


_ZERO = 1e-9
"""Where a solver says that it has not converged, a larger residual makes the slopes NaN."""


def _jacobian(inputs: Sequence[Node], residual: list[Node]) -> list[Any]:
    """Return the matrix of a residual's slopes by the solution, and the residual's size."""
    columns = []
    for unit in np.eye(inputs[0].size):
        pushed = push_forward(residual, {inputs[0]: as_traced(unit)})
        columns.append(or_zeros(pushed, residual)[0])
    return [np.stack(columns, axis=1), np.max(np.abs(traced(residual)[0]))]


def _solved(matrix: Any, b: Any) -> Any:
    return b / matrix[:, 0] if b.size == 1 else np.linalg.solve(matrix, b)


def _if_found(slopes: Any, status: Any, size: Any) -> Any:
    """Return slopes at a solution, and NaN where the search ended at none."""
    return np.where((status == FOUND) | (size <= _ZERO), slopes, np.nan)


def _push(
    tangents: Any, output: Any, *operands: Any, function: Graph, kind: str, size: int, **_: Any
) -> Any:
    around, x = operands[:-1], output[:size]
    real = reals(around)

    def along(inputs: Sequence[Node], residual: list[Node], *moving: Any) -> list[Any]:
        known = dict(zip((inputs[1 + i] for i in real), moving, strict=True))
        return or_zeros(push_forward(residual, known), residual)

    at = [x, *around]
    matrix, miss = _inlined(function, kind, at, [], _jacobian)
    (change,) = _inlined(function, kind, at, [tangents[i] for i in real], along)
    moved = _if_found(-_solved(matrix, change), output[size], miss)
    return np.concatenate([moved, np.zeros(1)])


def _pull(
    cotangent: Any, output: Any, *operands: Any, function: Graph, kind: str, size: int, **_: Any
) -> tuple[Any, ...]:
    *around, start = operands
    x, real = output[:size], reals(around)

    def backwards(inputs: Sequence[Node], residual: list[Node], weights: Any) -> list[Any]:
        variables = [inputs[1 + i] for i in real]
        return or_zeros(pull_back(residual, [weights], variables), variables)

    at = [x, *around]
    matrix, miss = _inlined(function, kind, at, [], _jacobian)
    weights = -_solved(np.transpose(matrix), cotangent[:size])
    weights = _if_found(weights, output[size], miss)
    pulled = iter(_inlined(function, kind, at, [weights], backwards)) if real else iter(())
    pieces = [next(pulled) if i in real else np.zeros_like(a) for i, a in enumerate(around)]
    return (*pieces, np.zeros_like(start))


_rules: dict[str, Callable[..., Any]] = {"push solution": _push, "pull solution": _pull}
RULES.update(_rules)
