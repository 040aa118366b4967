"""Which elements of an operand an element of a result is computed from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from steepest.graph import Node
from steepest.ops import JointLinear, Linear, Partials, Zero
from steepest.ops.derivative_rules import no_slope
from steepest.ops.machine_code import Elementwise, Reduction
from steepest.ops.support import placed

_MOST_LINKS = 20_000_000
"""Number of pairs of elements from which on all elements count as linked."""

Link = Callable[[Any], Any]
"""Takes the sets of an operand, and returns those that they contribute to the result."""

_CUMULATIVE = ("cumsum", "cumprod")
_ALIGNED = ("put_at",)


class Facts(NamedTuple):
    """What is known of a node.

    Attributes
    ----------
    value
        Its value at a point.
    varies
        A set of one variable for each element, which has it if the value depends on the
        variables at all, also by steps and branches; None if no element does.
    rows
        For each element the variables by which it has derivatives; None if there are none.
    """

    value: np.ndarray
    varies: Any = None
    rows: Any = None

    def is_fixed(self) -> bool:
        """Whether no element depends on the variables."""
        return self.varies is None


def slope_positions(node: Node) -> Sequence[int]:
    """Return the positions of the operands by which a node has derivatives."""
    derivative = node.op.derivative
    if node.dtype.kind != "f" or isinstance(derivative, Zero):
        return ()
    if isinstance(derivative, Partials):
        return [i for i, partial in enumerate(derivative.of) if partial is not no_slope]
    if isinstance(derivative, Linear):
        return list(derivative.transposes)
    return range(len(node.operands))


def link(node: Node, position: int, facts: Sequence[Facts], note: Callable[..., None]) -> Link:
    """Return the link of a node with one of its operands.

    Parameters
    ----------
    node, position
        The node, and the position of the operand.
    facts
        What is known of the operands.
    note
        Called with the position of each operand on whose value the link depends, and with what
        it depends on.
    """
    op, operand = node.op, node.operands[position]
    if isinstance(op.derivative, Partials) or isinstance(op.lower, Elementwise):
        return _broadcast(operand.shape, node.shape)
    if op.name == "matmul":
        return _product(node, position, facts, note)
    if isinstance(op.lower, Reduction):
        return _reduction(node)
    if op.name in _CUMULATIVE:
        return _cumulative(node)
    if op.is_move or op.support is placed or op.name in ("add_at", "put_at"):
        indices = [i for i in range(len(facts)) if op.looks_up and _is_index(node, i)]
        if position in indices or not all(facts[i].is_fixed() for i in indices):
            return _everything(node.size)
        for i in indices:
            note(i, facts[i].value)
        return _added(node, facts) if op.name == "add_at" else _moved(node, position, facts)
    return _everything(node.size)


def _is_index(node: Node, position: int) -> bool:
    derivative = node.op.derivative
    if isinstance(derivative, Linear):
        return position not in derivative.transposes
    return not isinstance(derivative, JointLinear)


def _same(rows: Any) -> Any:
    return rows


def _everything(size: int) -> Link:
    def linked(rows: Any) -> Any:
        total = rows.merge(np.zeros(rows.size, int), 1)
        return total.take(np.zeros(size, int))

    return linked


def _places(shape: tuple[int, ...]) -> np.ndarray:
    return np.arange(int(np.prod(shape, dtype=int))).reshape(shape)


def _taken(index: np.ndarray) -> Link:
    flat = index.reshape(-1)
    return lambda rows: rows.take(flat)


def _broadcast(shape: tuple[int, ...], to: tuple[int, ...]) -> Link:
    return _same if shape == to else _taken(np.broadcast_to(_places(shape), to))


def _reduction(node: Node) -> Link:
    shape, axes = node.operands[0].shape, node.attributes["axis"]
    kept = [1 if i in axes else extent for i, extent in enumerate(shape)]
    groups = np.broadcast_to(_places(tuple(kept)), shape).reshape(-1)
    return lambda rows: rows.merge(groups, node.size)


def _cumulative(node: Node) -> Link:
    axis = node.attributes["axis"]
    places = np.moveaxis(_places(node.shape), axis, 0).reshape(node.shape[axis], -1)
    last, first = np.tril_indices(len(places)) if len(places) ** 2 < _MOST_LINKS else (None, None)
    if last is None or last.size * places.shape[1] > _MOST_LINKS:
        return _everything(node.size)
    sources, results = places[first].reshape(-1), places[last].reshape(-1)
    return lambda rows: rows.take(sources).merge(results, node.size)


def _added(node: Node, facts: Sequence[Facts]) -> Link:
    """Return the link of ``add_at`` with what is added."""
    places = _places(node.shape)[tuple(fact.value for fact in facts[1:])].reshape(-1)
    return lambda rows: rows.merge(places, node.size)


def _moved(node: Node, position: int, facts: Sequence[Facts]) -> Link:
    """Return the link of an op whose elements are elements of the operands, or zero."""
    shifted: list[Any] = [
        fact.value if node.op.looks_up and _is_index(node, i) else np.zeros(fact.value.shape, int)
        for i, fact in enumerate(facts)
    ]
    shifted[position] = 1 + _places(node.operands[position].shape)
    attributes = {"dtype": np.dtype(int)} if node.op.name == "astype" else node.attributes
    return _taken(np.asarray(node.op.evaluate(*shifted, **attributes)).astype(int) - 1)


def _product(node: Node, position: int, facts: Sequence[Facts], note: Callable[..., None]) -> Link:
    """Return the link of a product of matrices with a factor; zeros of the other link nothing."""
    left, right = node.operands
    other = facts[1 - position]
    is_whole = np.asarray(other.value != 0)
    if other.varies is not None:
        is_whole = is_whole | other.varies.any().reshape(is_whole.shape)
    elif node.ndim == 2:
        note(1 - position, is_whole)
    extent = node.shape[-1] if position else node.shape[-2]
    if node.ndim > 2 or is_whole.all() or np.count_nonzero(is_whole) * extent > _MOST_LINKS:
        batch = node.shape[:-2]
        if position:  # a column of the right factor gives a column of the result
            shape = right.shape
            kept = np.broadcast_to(_places((*shape[:-2], 1, shape[-1])), shape)
            spread = np.broadcast_to(
                _places((*shape[:-2], 1, shape[-1])), (*batch, *node.shape[-2:])
            )
        else:
            shape = left.shape
            kept = np.broadcast_to(_places((*shape[:-1], 1)), shape)
            spread = np.broadcast_to(_places((*shape[:-1], 1)), (*batch, *node.shape[-2:]))
        groups, index, count = kept.reshape(-1), spread.reshape(-1), int(kept.max(initial=-1)) + 1
        return lambda rows: rows.merge(groups, count).take(index)
    first, second = np.nonzero(is_whole)
    results, each = _places(node.shape), np.arange(extent)
    if position:
        sources = _places(right.shape)[second[:, None], each].reshape(-1)
        groups = results[first[:, None], each].reshape(-1)
    else:
        sources = _places(left.shape)[each[:, None], first].reshape(-1)
        groups = results[each[:, None], second].reshape(-1)
    return lambda rows: rows.take(sources).merge(groups, node.size)
