"""The decision tree that leads to each path, as branches of one function."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from steepest.engines.native.codegen.element import Element
from steepest.engines.native.codegen.lowering import Lowering
from steepest.engines.native.codegen.memory import Cell
from steepest.engines.native.schedule.regions import REGISTER_LIMIT
from steepest.graph import Branch, Node


def emit_tree(
    lowering: Lowering,
    tree: Branch | int,
    leaf: Callable[[int], None],
    unknown: Callable[[], None],
) -> None:
    """Emit the conditions, a branch for each known value, and a path at each end.

    Parameters
    ----------
    lowering
        Emits nodes; both sides of a branch see the nodes emitted before it.
    tree
        The decisions.
    leaf
        Emits the rest of a path, given its number.
    unknown
        Emits the end of a path that is not known.
    """
    builder = lowering.builder
    lost = builder.function.append_basic_block("unknown_path")
    work = [(tree, builder.ir.block, lowering.state())]
    while work:
        place, block, state = work.pop()
        builder.ir.position_at_end(block)
        lowering.restore(state)
        while isinstance(place, Branch):
            lowering.emit([place.condition])
            (key, following), *others = place.cases.items()
            for other_key, other in others:
                condition = _matches(lowering, place.condition, other_key)
                path, otherwise = map(builder.function.append_basic_block, ("path", "otherwise"))
                builder.ir.cbranch(condition.value, path, otherwise)
                work.append((other, path, lowering.state()))
                builder.ir.position_at_end(otherwise)
            path = builder.function.append_basic_block("path")
            builder.ir.cbranch(_matches(lowering, place.condition, key).value, path, lost)
            builder.ir.position_at_end(path)
            place = following
        leaf(place)
    builder.ir.position_at_end(lost)
    unknown()


def _matches(lowering: Lowering, node: Node, key: bytes) -> Element:
    """Emit whether a node has a known value."""
    builder = lowering.builder
    if node.size > REGISTER_LIMIT:
        return _matches_in_memory(lowering, node, key)
    result = builder.truth(True)
    known = np.frombuffer(key, node.dtype)
    for element, value in zip(
        lowering.in_registers(node).reshape(-1), known.tolist(), strict=True
    ):
        if node.dtype == np.bool_:
            result = result & (element if value else ~element)
        else:
            result = result & (element == value)
    return result


def _matches_in_memory(lowering: Lowering, node: Node, key: bytes) -> Element:
    builder = lowering.builder
    known = lowering.memory.constant(np.frombuffer(key, node.dtype).reshape(node.shape))
    result = Cell(builder, builder.truth(True))
    with builder.loops(node.shape) as position, lowering.scope():
        expected = known.load(builder, known.address(builder, position))
        found = lowering.element(node, position)
        same = ~(found ^ expected) if node.dtype == np.bool_ else found == expected
        result.set(result.get() & same)
    return result.get()
