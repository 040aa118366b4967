"""Derivatives of loops: a loop over values and tangents, and a loop that runs backwards."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from steepest.derivative.forward import push_forward, pushed_by
from steepest.derivative.reverse import pull_back
from steepest.errors import UnsupportedError
from steepest.graph import Graph, Node, substitute
from steepest.graph.source import at, user_source
from steepest.ops import COND, SCAN, WHILE, is_zero
from steepest.ops.arrays.loops import RULES, scan_parts, step_input
from steepest.trace import TracedArray, as_traced, current, node_of, open_session, record
from steepest.trace.control_flow import scan


def _join(*parts: Any) -> Any:
    return np.concatenate([np.ravel(part) for part in parts])


class _Step:
    """A step that is being rewritten: its new inputs, as traced arrays."""

    def __init__(self, shapes: Sequence[tuple[tuple[int, ...], np.dtype]]) -> None:
        session = current()
        self.inputs = [step_input(i, *shape) for i, shape in enumerate(shapes)]
        self.arrays: list[Any] = [
            TracedArray(node, session, is_scalar=False) for node in self.inputs
        ]

    def call(self, step: Graph, values: Sequence[Any]) -> tuple[list[Node], list[Node]]:
        """Return the nodes of some values put into a step, and of its outputs."""
        nodes = [node_of(value) for value in values]
        replaced = dict(zip(step.inputs, nodes, strict=True))
        return nodes, substitute(step.outputs, replaced, current().sources)

    def graph(self, *outputs: Any) -> Graph:
        return Graph(tuple(self.inputs), tuple(node_of(output) for output in outputs))


def kinds(values: Sequence[Any]) -> list[tuple[tuple[int, ...], np.dtype]]:
    """Return the shapes and dtypes of values."""
    return [(value.shape, value.dtype) for value in values]


def traced(nodes: Sequence[Node]) -> list[Any]:
    """Return nodes as traced arrays."""
    return [TracedArray(node, current(), is_scalar=False) for node in nodes]


def zeros(shape: int | tuple[int, ...], dtype: np.dtype) -> Any:
    """Return zeros that may be large: such an array would be an input, which steps do not have."""
    return np.broadcast_to(as_traced(np.zeros((), dtype)), shape)


def or_zeros(tangents: Sequence[Any], nodes: Sequence[Node]) -> list[Any]:
    """Return the tangents of nodes, of which None stands for zeros."""
    return [
        zeros(node.shape, node.dtype) if tangent is None else tangent
        for tangent, node in zip(tangents, nodes, strict=True)
    ]


def reals(values: Sequence[Any]) -> list[int]:
    """Return the positions of values that may have a slope."""
    session = current()
    return [i for i, value in enumerate(values) if session.has_slope(value.node)]


def _dual(
    step: Graph, lead: Sequence[Any], around: Sequence[Any], tangents: Sequence[Any]
) -> tuple[Graph, list[Any]]:
    """Return the step on values and tangents, and its further operands.

    The leading inputs are twice as long: values, then tangents.
    """
    real = [i for i in reals(around) if not is_zero(node_of(tangents[i]))]
    further = [*around, *(tangents[i] for i in real)]
    with open_session():
        shapes = [((2 * x.shape[-1],), x.dtype) for x in lead]
        dual = _Step([*shapes, *kinds(further)])
        halves = [(x[: x.size // 2], x[x.size // 2 :]) for x in dual.arrays[: len(lead)]]
        rest = dual.arrays[len(lead) :]
        values = [*(value for value, _ in halves), *rest[: len(around)]]
        given, outputs = dual.call(step, values)
        moving = [*(tangent for _, tangent in halves), *rest[len(around) :]]
        places = [*range(len(lead)), *(len(lead) + i for i in real)]
        known = {given[place]: tangent for place, tangent in zip(places, moving, strict=True)}
        pushed = or_zeros(push_forward(outputs, known), outputs)
        pairs = zip(traced(outputs), pushed, strict=True)
        return dual.graph(*(_join(value, tangent) for value, tangent in pairs)), further


def _push_scan(
    tangents: Any, output: Any, carry: Any, rows: Any, *around: Any, step: Graph
) -> Any:
    dual, further = _dual(step, [carry, rows], around, tangents[2:])
    both = record(
        SCAN,
        _join(carry, tangents[0]),
        np.concatenate([rows, tangents[1]], axis=1),
        *further,
        step=dual,
    )
    n, k = carry.size, step.outputs[1].size
    before, yielded, last = scan_parts(both, rows.shape[0], 2 * n, 2 * k)
    return _join(before[:, n:], yielded[:, k:], last[n:])


def _pull_scan(
    cotangent: Any, output: Any, carry: Any, rows: Any, *around: Any, step: Graph
) -> Any:
    number, n, m, k = rows.shape[0], carry.size, rows.shape[1], step.outputs[1].size
    before, _, _ = scan_parts(output, number, n, k)
    to_before, to_yielded, to_last = scan_parts(cotangent, number, n, k)
    real = reals(around)
    sizes = [around[i].size for i in real]
    backwards = np.concatenate([before, rows, to_before, to_yielded], axis=1)[::-1]
    with open_session() as session:
        back = _Step([
            ((n + sum(sizes),), carry.dtype), ((2 * n + m + k,), carry.dtype), *kinds(around)
        ])  # fmt: skip
        session.note_steady([node for i, node in enumerate(back.inputs[2:]) if i not in real])
        to_after, row, rest = back.arrays[0], back.arrays[1], back.arrays[2:]
        point, read = row[:n], row[n : n + m]
        given, outputs = back.call(step, [point, read, *rest])
        variables = [given[0], given[1], *(given[2 + i] for i in real)]
        pulled = or_zeros(
            pull_back(outputs, [to_after[:n], row[2 * n + m :]], variables), variables
        )
        sums, start = [], n
        for piece, size in zip(pulled[2:], sizes, strict=True):
            sums.append(to_after[start : start + size] + np.ravel(piece))
            start += size
        graph = back.graph(_join(pulled[0] + row[n + m : 2 * n + m], *sums), np.ravel(pulled[1]))
    starts = [zeros(size, carry.dtype) for size in sizes]
    result = record(SCAN, _join(to_last, *starts), backwards, *around, step=graph)
    _, to_rows, first = scan_parts(result, number, n + sum(sizes), m)
    return (first[:n], to_rows[::-1], *_apart(first[n:], around, real))


def _apart(packed: Any, around: Sequence[Any], real: Sequence[int]) -> list[Any]:
    """Return the cotangents of further operands out of one vector."""
    pieces: list[Any] = [np.zeros_like(value) for value in around]
    start = 0
    for i in real:
        size = around[i].size
        pieces[i] = np.reshape(packed[start : start + size], around[i].shape)
        start += size
    return pieces


def _push_while(
    tangents: Any, y: Any, carry: Any, *around: Any, condition: Graph, step: Graph, limit: Any
) -> Any:
    dual, further = _dual(step, [carry], around, tangents[1:])
    with open_session():
        test = _Step([((2 * carry.size,), carry.dtype), *kinds(further)])
        values = [test.arrays[0][: carry.size], *test.arrays[1 : 1 + len(around)]]
        _, outputs = test.call(condition, values)
        truth = test.graph(*traced(outputs))
    both = record(
        WHILE, _join(carry, tangents[0]), *further, condition=truth, step=dual, limit=limit
    )
    return both[carry.size :]


def _pull_while(
    cotangent: Any,
    output: Any,
    carry: Any,
    *around: Any,
    condition: Graph,
    step: Graph,
    limit: Any,
) -> Any:
    if limit is None:
        raise UnsupportedError(
            f"st.while_loop without max_steps{at(user_source())} has no gradient in reverse mode, "
            "which must know how many points to keep: give max_steps=, or use st.pushforward"
        )
    # The same as a scan that stands still once the condition has failed.
    with open_session():
        still = _Step([(carry.shape, carry.dtype), ((1,), carry.dtype), *kinds(around)])
        values = [still.arrays[0], *still.arrays[2:]]
        (truth,) = traced(still.call(condition, values)[1])
        (after,) = traced(still.call(step, values)[1])
        graph = still.graph(np.where(truth, after, values[0]), still.arrays[1][:0])
    rows = zeros((limit, 1), carry.dtype)
    packed = record(SCAN, carry, rows, *around, step=graph)
    only_last = _join(zeros(limit * carry.size, carry.dtype), cotangent)
    pulled = _pull_scan(only_last, packed, carry, as_traced(rows), *around, step=graph)
    return (pulled[0], *pulled[2:])


def _push_cond(
    tangents: Any, output: Any, choice: Any, vector: Any, *around: Any, yes: Graph, no: Graph
) -> Any:
    first, further = _dual(yes, [vector], around, tangents[2:])
    second, _ = _dual(no, [vector], around, tangents[2:])
    both = record(COND, choice, _join(vector, tangents[1]), *further, yes=first, no=second)
    return both[output.size :]


def _pull_cond(
    cotangent: Any, output: Any, choice: Any, vector: Any, *around: Any, yes: Graph, no: Graph
) -> Any:
    real, n = reals(around), vector.size

    def backwards(side: Graph) -> Graph:
        with open_session():
            back = _Step([((n + output.size,), vector.dtype), *kinds(around)])
            given, outputs = back.call(side, [back.arrays[0][:n], *back.arrays[1:]])
            variables = [given[0], *(given[1 + i] for i in real)]
            pulled = pull_back(outputs, [back.arrays[0][n:]], variables)
            return back.graph(_join(*or_zeros(pulled, variables)))

    sides = {"yes": backwards(yes), "no": backwards(no)}
    packed = record(COND, choice, _join(vector, cotangent), *around, **sides)
    return (np.zeros_like(choice), packed[:n], *_apart(packed[n:], around, real))


def _push_newton(
    tangents: Any, z: Any, start: Any, *around: Any, residual: Graph, jacobian: Graph, **_: Any
) -> Any:
    equations = _Equations(residual, jacobian, z, around)
    known = {x.node: tangents[1 + i] for i, x in equations.variables.items()}
    zero = zeros(z.shape, z.dtype)
    (pushed,) = push_forward(equations.residual, {**known, equations.point: zero})
    return zero if pushed is None else -np.linalg.solve(equations.matrix, pushed)


def _pull_newton(
    cotangent: Any, z: Any, start: Any, *around: Any, residual: Graph, jacobian: Graph, **_: Any
) -> Any:
    equations = _Equations(residual, jacobian, z, around)
    adjoint: Any = -np.linalg.solve(equations.matrix.T, cotangent)
    nodes = [x.node for x in equations.variables.values()]
    pulled = pull_back(equations.residual, [adjoint], [*nodes, equations.point])[:-1]
    pieces: list[Any] = [np.zeros_like(x) for x in around]
    for i, piece in zip(equations.variables, pulled, strict=True):
        pieces[i] = pieces[i] if piece is None else piece
    return (np.zeros_like(start), *pieces)


def _jacobian(graph: Graph, values: Sequence[Any], which: int) -> Any:
    """Return the derivatives of a graph's only output, a vector, by one of its inputs."""
    nodes = [node_of(value) for value in values]
    replaced = dict(zip(graph.inputs, nodes, strict=True))
    outputs = substitute(graph.outputs, replaced, current().sources)
    push = pushed_by(outputs, [nodes[which]])
    size = values[which].size

    def column(unit: Any) -> Any:
        return or_zeros(push([as_traced(unit)]), outputs)[0]

    if size <= _UNROLLED:
        return np.stack([column(unit) for unit in np.eye(size)], axis=-1)
    _, columns = scan(lambda nothing, unit: (nothing, column(unit)), 0.0, np.eye(size))
    return columns.T


_UNROLLED = 4
"""Up to this size, the columns of a Jacobian are recorded one by one."""


class _Equations:
    """Equations at a point: their residual and Jacobian, and the real values they depend on."""

    def __init__(self, residual: Graph, jacobian: Graph, z: Any, around: Sequence[Any]) -> None:
        # No value of `around` depends on the point: it was computed before.
        self.point = z.node
        nodes = [self.point, *map(node_of, around)]
        at_point: Callable[[Graph], list[Node]] = lambda graph: substitute(
            graph.outputs, dict(zip(graph.inputs, nodes, strict=True)), current().sources
        )
        self.residual, matrix = at_point(residual), at_point(jacobian)
        self.matrix: Any = traced(matrix)[0]
        self.variables = {i: around[i] for i in reals(around)}


_rules: dict[str, Callable[..., Any]] = {
    "jacobian": _jacobian,
    "push newton": _push_newton,
    "pull newton": _pull_newton,
    "push scan": _push_scan,
    "pull scan": _pull_scan,
    "push while": _push_while,
    "pull while": _pull_while,
    "push cond": _push_cond,
    "pull cond": _pull_cond,
}
RULES.update(_rules)
