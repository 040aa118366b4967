"""Sums of the elements that windows share."""

from __future__ import annotations

import contextlib

from steepest.engines.native.codegen.lowering import Lowering
from steepest.engines.native.codegen.memory import c_strides
from steepest.engines.native.codegen.registry import kernel
from steepest.graph import Node


@kernel("add_windows")
def add_windows(lowering: Lowering, node: Node) -> None:
    """Set the result to 0, then add the elements of each window where they were read.

    The elements are read in the order in which they lie in memory.
    """
    builder, windows = lowering.builder, node.attributes["windows"]
    (values,) = node.operands
    target = lowering.memory.allocate(node)
    with builder.loops(node.shape) as position:
        target.store(builder, builder.zero(node.dtype), target.address(builder, position))
    view = lowering.memory.view_of(values)
    strides = c_strides(values.shape) if view is None else view.strides
    axes = sorted(range(values.ndim), key=lambda axis: -abs(strides[axis]))
    count = len(windows)
    with contextlib.ExitStack() as stack:
        nest = {axis: stack.enter_context(builder.loop(values.shape[axis])) for axis in axes}
        stack.enter_context(lowering.scope())
        place = tuple(nest[axis] for axis in range(values.ndim))
        inside = [
            builder.add_places(builder.affine(i, 0, step), builder.affine(j, 0, distance))
            for i, j, (_, step, distance) in zip(
                place[-2 * count : -count], place[-count:], windows, strict=True
            )
        ]
        address = target.address(builder, (*place[: -2 * count], *inside))
        before = target.load(builder, address)
        target.store(builder, before + lowering.element(values, place), address)
