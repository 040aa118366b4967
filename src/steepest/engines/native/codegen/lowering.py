"""Lowering: emits a graph as loop nests."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from steepest.engines.native import ir
from steepest.engines.native.codegen.builder import Builder
from steepest.engines.native.codegen.element import Element
from steepest.engines.native.codegen.memory import (
    Arena,
    Cell,
    Flat,
    View,
    c_strides,
    contiguous,
    copy,
)
from steepest.engines.native.codegen.placement import Placement, PlacementState, Position
from steepest.engines.native.codegen.reductions import reduce_loops, reduce_together
from steepest.engines.native.codegen.registers import element_array, lower_small
from steepest.engines.native.codegen.registry import kernel_named
from steepest.engines.native.codegen.types import index, memory_type
from steepest.engines.native.schedule.plan import Plan
from steepest.engines.native.schedule.regions import is_leaf, region
from steepest.graph import Node, Shape
from steepest.ops import Elementwise, Indexed, Kernel, Reduction, constant_value
from steepest.ops.arrays.shaping import aligned

Scope = dict[tuple[Any, ...], tuple[Element, Any]]
"""The elements computed in a loop: by node and position, the element and the position."""


class LoweringState(NamedTuple):
    """A copy of the state of a :class:`Lowering`, to return to after a branch."""

    elements: dict[Node, Any]
    memory: PlacementState
    factors: dict[tuple[str, Node], Any]
    scope: Scope


class Lowering:
    """Emits the nodes of a plan.

    Parameters
    ----------
    builder
        Builder of the function.
    arena
        Memory for arrays.
    plan
        How each node is computed.

    Attributes
    ----------
    memory
        The nodes in memory.
    elements
        The nodes in registers: for each one, an object array of elements.
    factors
        Factors of matrices that several nodes read, by their kind and the node of the matrix.
    """

    def __init__(self, builder: Builder, arena: Arena, plan: Plan) -> None:
        self.builder = builder
        self.arena = arena
        self.plan = plan
        self.memory = Placement(builder, arena, plan)
        self.elements: dict[Node, Any] = {}
        self.factors: dict[tuple[str, Node], Any] = {}
        self._scopes: list[Scope] = [{}]

    def state(self) -> LoweringState:
        """Return a copy of the current state."""
        memory, scope = self.memory.state(), dict(self._scopes[0])
        return LoweringState(dict(self.elements), memory, dict(self.factors), scope)

    def restore(self, state: LoweringState) -> None:
        """Return to a state."""
        self.elements, self.factors = dict(state.elements), dict(state.factors)
        self.memory.restore(state.memory)
        self._scopes = [dict(state.scope)]

    def emit(self, outputs: Sequence[Node]) -> None:
        """Emit all nodes that the outputs need and that are not emitted yet."""
        wanted = _needed(outputs, self.is_there)
        for node in self.plan.nodes:
            if node in wanted:
                self._emit_node(node, wanted)

    def is_there(self, node: Node) -> bool:
        """Whether a node has been emitted."""
        return node in self.elements or node in self.memory.views

    def _emit_node(self, node: Node, wanted: set[Node]) -> None:
        if node in self.plan.small:
            self.elements[node] = lower_small(self, node)
        elif node in self.plan.dynamic_slices:
            self.memory.views[node] = self._dynamic_slice(node)
        elif node in self.plan.stored:
            group = self.plan.together.get(node, (node,))
            self._emit_stored([x for x in group if x in wanted and not self.is_there(x)])
        elif node.op.name == "constant" and node.size <= 1:
            self.elements[node] = self._constant_elements(node)
        else:
            return
        self.memory.release_after(node)

    def _emit_stored(self, nodes: Sequence[Node]) -> None:
        """Emit the loops of a node, or the common loop of several."""
        for node in nodes:
            for operand in region(node, self.plan.small, self.plan.stored):
                self._prepare(operand)
        # Results in registers go through cells: a slow version overwrites those of the fast one.
        cells: dict[Node, list[Cell]] = {}

        def emit() -> None:
            if len(nodes) > 1:
                reduce_together(self, nodes)
            else:
                self._emit_loops(nodes[0])
            for node in nodes:
                elements = self.elements.pop(node, None)
                if elements is not None:
                    values = elements.reshape(-1)
                    mine = cells.setdefault(node, [])
                    mine.extend(Cell(self.builder, v) for v in values[len(mine) :])
                    for cell, value in zip(mine, values, strict=True):
                        cell.set(value)

        if nodes:
            self.builder.emit_with_slow_path(emit)
        for node, mine in cells.items():
            elements = np.array([cell.get() for cell in mine], object)
            self.elements[node] = elements.reshape(node.shape)

    def _emit_loops(self, node: Node) -> None:
        lower = node.op.lower
        if isinstance(lower, Reduction):
            reduce_loops(self, node, lower)
        elif isinstance(lower, Kernel):
            kernel_named(lower.name)(self, node)
        else:
            self._compute_elements(node, self.memory.allocate(node))

    def _prepare(self, operand: Node) -> None:
        """Make an operand readable inside loops, where only memory has an index."""
        if operand.op.name == "constant" and not self.is_there(operand):
            if operand.size == 1:
                self.elements[operand] = self._constant_elements(operand)
            else:
                value = constant_value(operand)
                assert value is not None
                self.memory.views[operand] = self.memory.constant(value)
        if operand in self.elements and operand.size > 1 and operand not in self.memory.views:
            self.memory.views[operand] = self._spill(operand)

    def position_of(
        self, indices: Sequence[Node], shape: Shape, node: Node, position: Position = ()
    ) -> Position:
        """Return the position in an array that the elements of `indices` at `position` give.

        `shape` is the array's. An index out of bounds is an error of `node`.
        """
        return tuple(
            self.builder.checked_index(self.element(source, position), source, extent, node)
            for source, extent in zip(indices, shape, strict=False)
        )

    def _dynamic_slice(self, node: Node) -> View:
        """Return a slice of an array at computed indices, as a view."""
        array, *indices = node.operands
        for operand in region(node, self.plan.small, self.plan.stored):
            self._prepare(operand)
        view = self.in_memory(array)
        at = self.position_of(indices, array.shape, node)
        start = view.address(self.builder, (*at, *[index(0)] * node.ndim))
        strides = view.strides[len(indices) :]
        return dataclasses.replace(
            view, pointer=start, shape=node.shape, strides=strides, offset=0
        )

    def _constant_elements(self, node: Node) -> np.ndarray:
        value = constant_value(node)
        assert value is not None
        return element_array(node.shape, lambda at: self.builder.number(value[at], node.dtype))

    def _spill(self, node: Node) -> View:
        kind = ir.ArrayType(memory_type(node.dtype, self.builder.lanes), node.size)
        pointer = self.builder.alloca(kind)
        view = contiguous(pointer, node.dtype, node.shape)
        view.store_all(self.builder, self.elements[node].reshape(-1))
        return view

    def in_registers(self, node: Node) -> Any:
        """Return a small node's elements; load them if they are in memory."""
        if node not in self.elements:
            self._prepare(node)
        if node not in self.elements:
            view = self.memory.view_of(node)

            def element(position: tuple[int, ...]) -> Element:
                at = tuple(map(index, position))
                if view is None:
                    return self.element(node, at)
                return view.load(self.builder, view.address(self.builder, at))

            self.elements[node] = element_array(node.shape, element)
        return self.elements[node]

    def in_memory(self, node: Node) -> View:
        """Return a node's memory; store the node now if it is not in memory."""
        self._prepare(node)
        if node in self.elements and node not in self.memory.views:
            self.memory.views[node] = self._spill(node)
        view = self.memory.view_of(node)
        if view is None:
            for operand in region(node, self.plan.small, self.plan.stored):
                self._prepare(operand)
            view, _ = self.arena.allocate(node.dtype, node.shape)
            self._compute_elements(node, view)
            self.memory.views[node] = view
        return view

    def packed(self, node: Node) -> View:
        """Return a node's memory if that is contiguous, else a contiguous copy."""
        view = self.in_memory(node)
        if view.is_contiguous:
            return view
        packed, _ = self.arena.allocate(node.dtype, node.shape)
        copy(self.builder, view, packed)
        return packed

    @contextlib.contextmanager
    def packed_target(self, node: Node) -> Iterator[View]:
        """Yield contiguous memory for a node; copy it at the end if the node's own is not."""
        own = self.memory.allocate(node)
        target = own if own.is_contiguous else self.arena.allocate(node.dtype, node.shape)[0]
        yield target
        if target is not own:
            copy(self.builder, target, own)

    # Elements inside loops.

    @contextlib.contextmanager
    def scope(self) -> Iterator[None]:
        """Forget the elements computed meanwhile at the end."""
        self._scopes.append({})
        yield
        self._scopes.pop()

    def _compute_elements(self, node: Node, target: View) -> None:
        """Emit a loop that computes all elements of a node and stores them."""
        # A reshape keeps the order of elements: loops over its operand's axes divide no index.
        while node.op.name == "reshape" and target.is_contiguous and 0 not in node.shape:
            (node,) = node.operands
            target = dataclasses.replace(target, shape=node.shape, strides=c_strides(node.shape))
            if self.memory.view_of(node) is not None or node in self.elements:
                with self.builder.loops(node.shape) as position, self.scope():
                    self.store_at(target, self.element(node, position), position)
                return
        if self.is_flat(node):
            with self.builder.loop(node.size) as i, self.scope():
                self.store_at(target, self.element_of_op(node, Flat(i)), Flat(i))
            return
        with self.builder.loops(node.shape) as position, self.scope():
            self.store_at(target, self.element_of_op(node, position), position)

    def store_at(self, target: View, element: Element, at: Any) -> None:
        """Store an element of an array at the current position of a loop."""
        builder = self.builder
        flat = isinstance(at, Flat)
        address = target.at_offset(builder, at.value) if flat else target.address(builder, at)
        target.store(builder, element, address)

    def is_flat(self, node: Node) -> bool:
        """Whether one loop over all elements computes a node and all nodes fused into it."""
        if node.ndim == 0 or 0 in node.shape:
            return False
        destination = self.memory.destination(node)
        if destination is not None and not destination.is_contiguous:
            return False
        stack, seen = [node], {node}
        while stack:
            fused = stack.pop()
            if not isinstance(fused.op.lower, Elementwise) or is_leaf(fused):
                return False
            for operand in fused.operands:
                if operand in seen or operand.size == 1:
                    continue
                seen.add(operand)
                if operand.shape != node.shape:
                    return False
                view = self.memory.view_of(operand)
                if view is not None:
                    if not view.is_contiguous:
                        return False
                elif operand in self.elements:
                    return False
                else:
                    stack.append(operand)
        return True

    def element(self, node: Node, at: Any) -> Element:
        """Return the element of a node at a position, computed once in each scope."""
        if node.size == 0:
            return self.builder.zero(node.dtype)  # in a loop that never runs
        if node.size == 1:
            at = (index(0),) * node.ndim
            if node in self.elements:
                element: Element = self.elements[node].reshape(-1)[0]
                return element
        key = _key(node, at)
        for scope in reversed(self._scopes):
            if key in scope:
                return scope[key][0]
        result = self._element(node, at)
        self._scopes[-1][key] = (result, at)  # keeps the identities in the key alive
        return result

    def computed(self, node: Node, at: Any) -> Element:
        """Compute an element of a node; other nodes in this loop use it."""
        result = self.element_of_op(node, at)
        self._scopes[-1][_key(node, at)] = (result, at)
        return result

    def _element(self, node: Node, at: Any) -> Element:
        view = self.memory.view_of(node)
        if view is not None:
            flat = isinstance(at, Flat)
            builder = self.builder
            address = view.at_offset(builder, at.value) if flat else view.address(builder, at)
            return view.load(builder, address)
        return self.element_of_op(node, at)

    def element_of_op(self, node: Node, at: Any) -> Element:
        """Emit a fused node's own op at a position."""
        lower, builder = node.op.lower, self.builder
        if isinstance(lower, Elementwise):
            operands = [self.element(x, self._operand_position(x, at)) for x in node.operands]
            return self.apply(node, operands)
        if not isinstance(lower, Indexed):
            raise AssertionError(f"{node} does not fuse")
        element: Element = lower.element(
            builder, lambda i, p: self.element(node.operands[i], p), at, node
        )
        return element

    def _operand_position(self, operand: Node, at: Any) -> Any:
        if isinstance(at, Flat):
            return at
        return aligned(at, operand.shape, index(0))

    def apply(self, node: Node, operands: Sequence[Element]) -> Element:
        """Emit an elementwise op on elements."""
        builder, emit = self.builder, node.op.lower.emit
        builder.result_dtype = node.dtype
        named = getattr(builder, emit) if isinstance(emit, str) else None
        element: Element = emit(builder, *operands) if named is None else named(*operands)
        return element

    # Results.

    def store(self, node: Node, target: View) -> None:
        """Store a node in memory, unless it was computed there."""
        if self.memory.destination(node) is target and self.memory.views.get(node) is target:
            return
        if node.op.name == "constant":
            self._prepare(node)
        if node in self.elements:
            for position in np.ndindex(*node.shape):
                address = target.address(self.builder, tuple(map(index, position)))
                target.store(self.builder, self.elements[node][position], address)
            return
        with self.builder.loops(node.shape) as position, self.scope():
            element = self.element(node, position)
            target.store(self.builder, element, target.address(self.builder, position))


def _key(node: Node, at: Any) -> tuple[Any, ...]:
    return node, id(at.value) if isinstance(at, Flat) else tuple(map(_identity, at))


def _identity(value: ir.Value) -> Any:
    return ("constant", value.constant) if isinstance(value, ir.Constant) else id(value)


def _needed(outputs: Sequence[Node], is_there: Callable[[Node], bool]) -> set[Node]:
    needed: set[Node] = set()
    stack = list(outputs)
    while stack:
        node = stack.pop()
        if node not in needed and not is_there(node):
            needed.add(node)
            stack.extend(node.operands)
    return needed
