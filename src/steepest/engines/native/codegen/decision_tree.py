"""The tree of decisions that leads to each path, as branches of one function."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from steepest.engines.native import ir
from steepest.engines.native.codegen.builder import Builder
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
        Emits nodes; what it has emitted on the way to a branch is there on every side.
    tree
        The decisions.
    leaf
        Emits the end of the path with a number.
    unknown
        Emits what happens where no path is known.
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
                here, there = _part(builder, _matches(lowering, place.condition, other_key))
                work.append((other, here, lowering.state()))
                builder.ir.position_at_end(there)
            here = builder.function.append_basic_block("path")
            builder.ir.cbranch(_matches(lowering, place.condition, key).value, here, lost)
            builder.ir.position_at_end(here)
            place = following
        leaf(place)
    builder.ir.position_at_end(lost)
    unknown()


def _part(builder: Builder, condition: Element) -> tuple[ir.Block, ir.Block]:
    here = builder.function.append_basic_block("path")
    there = builder.function.append_basic_block("otherwise")
    builder.ir.cbranch(condition.value, here, there)
    return here, there


def _matches(lowering: Lowering, node: Node, key: bytes) -> Element:
    """Emit whether a node has a known value."""
    builder = lowering.builder
    if node.size > REGISTER_LIMIT:
        return _matches_in_memory(lowering, node, key)
    result = builder.truth(True)
    known = np.frombuffer(key, node.dtype)
    for element, value in zip(lowering.in_registers(node).reshape(-1), known, strict=True):
        if node.dtype == np.bool_:
            result = result & (element if value else ~element)
        else:
            result = result & (element == int(value))
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
