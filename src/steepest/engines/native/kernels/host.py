"""Ops that NumPy computes, in calls back from machine code."""

from __future__ import annotations

from steepest.engines.native.codegen.lowering import Lowering
from steepest.engines.native.codegen.registry import kernel
from steepest.graph import Node


@kernel("host")
def host(lowering: Lowering, node: Node) -> None:
    """Call the op's NumPy function on views of the operands' memory."""
    builder = lowering.builder
    operands = [lowering.packed(operand) for operand in node.operands]
    with lowering.packed_target(node) as result:
        builder.call_host(node, [view.at_offset(builder, None) for view in (*operands, result)])
