"""A graph compiled to a function of flat inputs."""

from __future__ import annotations

import ctypes
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NoReturn

import numpy as np
from llvmlite import ir

from steepest.engines.native.builder import Builder
from steepest.engines.native.jit import Code
from steepest.engines.native.lower import Lowering
from steepest.engines.native.memory import Arena, contiguous, table_entry
from steepest.engines.native.plan import make_plan
from steepest.engines.native.types import INDEX, POINTER, index
from steepest.errors import GraphIndexError
from steepest.graph import Graph, Node, Source
from steepest.graph.source import at
from steepest.rewrite import simplify

_CACHE_SIZE = 256
_programs: OrderedDict[Any, Any] = OrderedDict()
_lock = threading.Lock()

FUNCTION_TYPE = ir.FunctionType(INDEX, [POINTER, INDEX, INDEX])
"""Of the table of pointers and two numbers; returns 0, or what stopped it."""


def cached(key: Any, make: Callable[[], Any]) -> Any:
    """Return what was compiled for a key before, or compile it now."""
    with _lock:
        if key in _programs:
            _programs.move_to_end(key)
            return _programs[key]
    result = make()
    with _lock:
        _programs[key] = result
        if len(_programs) > _CACHE_SIZE:
            _programs.popitem(last=False)
    return result


@dataclass(frozen=True)
class Program:
    """Machine code of a graph.

    Attributes
    ----------
    graph
        The graph, simplified.
    code
        Its machine code.
    arena_size
        Bytes of static memory that one call needs.
    checked
        Nodes whose indices are checked; the code returns their number, from 1.
    """

    graph: Graph
    code: Code
    arena_size: int
    checked: Sequence[Node]

    def __call__(self, inputs: Sequence[Any]) -> list[np.ndarray]:
        """Run on flat inputs and return the flat outputs."""
        arrays = [
            np.ascontiguousarray(value, node.dtype).reshape(node.shape)
            for value, node in zip(inputs, self.graph.inputs, strict=True)
        ]
        outputs = [np.empty(node.shape, node.dtype) for node in self.graph.outputs]
        arena = aligned_bytes(self.arena_size)
        table = pointer_table([address_of(array) for array in (arena, *arrays, *outputs)])
        code = self.code.call(table, 0, 0)
        if code:
            raise_index_error(code, self.checked, self.graph.sources)
        return outputs


def address_of(array: np.ndarray) -> int:
    """Return the address of an array's first element."""
    return array.__array_interface__["data"][0]


def aligned_bytes(size: int) -> np.ndarray:
    """Return uninitialized bytes that start at a cache line."""
    raw = np.empty(size + 64, np.uint8)
    return raw[-address_of(raw) % 64 :]


def pointer_table(addresses: Sequence[int]) -> Any:
    """Return addresses as a C array."""
    return (ctypes.c_void_p * len(addresses))(*addresses)


def raise_index_error(
    code: int, checked: Sequence[Node], sources: Mapping[Node, Source]
) -> NoReturn:
    """Raise for the node whose number, from 1, the code returned."""
    node = checked[code - 1]
    shape = node.operands[0].shape if node.op.name == "take_at" else node.shape
    raise GraphIndexError(
        f"an index{at(sources.get(node))} is out of bounds for an array of shape {shape}"
    )


def compile_graph(graph: Graph) -> Program:
    """Compile a graph, or return what was compiled for an equal one before."""
    sources = dict(graph.sources)
    simplified = Graph(graph.inputs, tuple(simplify(graph.outputs, sources)), graph.names, sources)
    program = cached(simplified, lambda: _compile(simplified))
    return replace(program, graph=simplified)  # its lines are those of this graph


def _compile(graph: Graph) -> Program:
    module = ir.Module("steepest")
    function = ir.Function(module, FUNCTION_TYPE, "run_graph")
    builder = Builder(function)
    table = function.args[0]
    arena = Arena(builder, table_entry(builder, table, 0))
    lowering = Lowering(builder, arena, make_plan(graph.outputs))
    read_only = arena.new_tag()
    for i, node in enumerate(graph.inputs):
        pointer = table_entry(builder, table, 1 + i)
        lowering.views[node] = contiguous(pointer, node.dtype, node.shape, read_only)
    targets = []
    for i, node in enumerate(graph.outputs):
        pointer = table_entry(builder, table, 1 + len(graph.inputs) + i)
        target = contiguous(pointer, node.dtype, node.shape, arena.new_tag())
        targets.append(target)
        lowering.destinations.setdefault(node, target)
    body = function.append_basic_block("body")
    builder.ir.branch(body)
    builder.ir.position_at_end(body)
    lowering.emit(graph.outputs)
    for node, target in zip(graph.outputs, targets, strict=True):
        lowering.store(node, target)
    error = builder.ir.load(builder.error_flag(), typ=INDEX) if builder.checked_nodes else index(0)
    builder.ir.ret(error)
    return Program(graph, Code(module, "run_graph"), arena.size, builder.checked_nodes)
