"""``to_onnx``: a function, or an estimator, as a file in the format ONNX."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from steepest.errors import InputError, UnsupportedError
from steepest.exchange.onnx.arrays import ARRAYS
from steepest.exchange.onnx.builder import (
    IR_VERSION,
    OPSET,
    Extent,
    UnwritableError,
    Writer,
    import_onnx,
)
from steepest.exchange.onnx.elementwise import ELEMENTWISE
from steepest.exchange.onnx.lengths import FreeGraph, Pattern, fixed, freed
from steepest.files import write_atomically
from steepest.graph import Graph, Node, trees
from steepest.graph.source import at, function_source
from steepest.ops import CONSTANT, INPUT
from steepest.trace import trace_function
from steepest.version import __version__

ROWS = {**ELEMENTWISE, **ARRAYS}
"""How each op is written, by its name in the op table."""

Finish = Callable[[Writer, list[str]], list[tuple[str, str, Any, tuple[Any, ...]]]]
"""Takes the writer and the names of the outputs. Returns name, source, dtype and shape of each."""


def write(
    path: str | os.PathLike[str],
    function: Callable[..., Any],
    examples: Sequence[Any],
    batch: int | Sequence[int] | None,
    finish: Finish | None = None,
    names: Sequence[str] | None = None,
) -> None:
    """Write a function to a file."""
    onnx = import_onnx()
    leaves, free_leaves = _leaves(examples, batch)

    @functools.wraps(function)
    def names_of(*_: Any) -> None:
        """Stand for the function, for the names of its arguments."""

    def trace(arrays: Sequence[np.ndarray]) -> Graph:
        given = iter(arrays)
        filled = [
            trees.map_leaves(
                lambda leaf: _like(leaf, next(given)) if _is_array(leaf) else leaf, example
            )
            for example in examples
        ]
        # Of a function by another name the loops stay as they are written: repeated operations.
        graph = trace_function(function, filled, names_of).graph
        _check(graph, function)
        return graph

    free = freed(trace, leaves, free_leaves) if free_leaves else fixed(trace(leaves))
    model = _model(onnx, free, len(leaves), free_leaves, finish, names, _name(function))
    onnx.checker.check_model(model, full_check=True)
    write_atomically(path, model.SerializeToString(deterministic=True))


def _name(function: Any) -> str:
    return getattr(function, "__name__", type(function).__name__)


def _is_array(leaf: Any) -> bool:
    return isinstance(leaf, np.ndarray | np.generic | float)


def _like(leaf: Any, array: np.ndarray) -> Any:
    """Return an array as a number if the example is one, which adapts to other dtypes."""
    if isinstance(leaf, np.generic):
        return array[()]
    return array.item() if isinstance(leaf, float) else array


def _leaves(
    examples: Sequence[Any], batch: int | Sequence[int] | None
) -> tuple[list[np.ndarray], tuple[int, ...]]:
    """Return the arrays of the arguments, and which of them have a free number of rows."""
    wanted = () if batch is None else (batch,) if isinstance(batch, int) else tuple(batch)
    if any(not isinstance(i, int) or not -len(examples) <= i < len(examples) for i in wanted):
        raise InputError(
            f"st.to_onnx: batch={batch!r} must number arguments whose first axis may have any "
            f"length, from 0 to {len(examples) - 1}"
        )
    wanted = tuple(i % len(examples) for i in wanted)
    arrays: list[np.ndarray] = []
    free: list[int] = []
    for number, example in enumerate(examples):
        for leaf in trees.leaves(example):
            if not _is_array(leaf):
                continue
            if number in wanted:
                free.append(len(arrays))
            arrays.append(np.asarray(leaf))
    lengths = {arrays[i].shape[:1] for i in free}
    if free and (len(lengths) > 1 or () in lengths or (0,) in lengths):
        raise InputError(
            "st.to_onnx: the arguments that batch= names must be arrays of as many rows, one at "
            f"least; got shapes {[arrays[i].shape for i in free]}"
        )
    return arrays, tuple(free)


def _check(graph: Graph, function: Any) -> None:
    """Raise if a graph cannot be written."""
    for guard in graph.guards:
        raise UnsupportedError(
            f"st.to_onnx: {_name(function)} branches on values{at(guard.source)}, and one path is "
            "no whole function: write the branch with np.where"
        )
    for node in graph.nodes:
        if node.op.name not in ROWS and node.op not in (INPUT, CONSTANT):
            source = graph.sources.get(node) or function_source(function)
            raise UnsupportedError(
                f"st.to_onnx: {node.op.name}{at(source)} has no counterpart in ONNX: compute it "
                "outside of the exported function, or write it with other functions"
            )


def _model(
    onnx: Any,
    free: FreeGraph,
    arguments: int,
    free_leaves: Sequence[int],
    finish: Finish | None,
    names: Sequence[str] | None,
    name: str,
) -> Any:
    writer, graph = Writer(), free.graph
    held: dict[Node, str] = {}
    inputs = []
    for number, node in enumerate(graph.inputs):
        label = graph.input_names[number]
        if number < arguments:
            if names is not None:
                label = names[number]
            held[node] = writer.fresh(label)
            shape = free.written[node].shape
            inputs.append(_value(onnx, held[node], node.dtype, shape))
        else:
            held[node] = writer.stored(graph.captured[number - arguments], label)
    if free_leaves:
        writer.count_rows_of(held[graph.inputs[free_leaves[0]]])
    for node, written in free.written.items():
        if node in free.patterns:
            held[node] = _dependent(writer, free.patterns[node], node, written.shape)
        elif node.op is CONSTANT:
            held[node] = writer.constant(node.op.evaluate(**node.attributes))
        elif node.op is not INPUT:
            operands = [held[x] for x in node.operands]
            try:
                held[node] = ROWS[node.op.name](writer, written, *operands)
            except UnwritableError as error:
                where = at(graph.sources.get(node))
                raise UnsupportedError(f"st.to_onnx: {node.op.name}{where} {error}") from None
    results = [held[node] for node in graph.outputs[: graph.returned]]
    if finish is None:
        shown = _output_names(graph)
        found = [
            (label, source, node.dtype, free.written[node].shape)
            for label, source, node in zip(shown, results, graph.outputs, strict=False)
        ]
    else:
        found = finish(writer, results)
    outputs = []
    for label, source, dtype, shape in found:
        output = writer.fresh(label)
        writer.nodes.append(onnx.helper.make_node("Identity", [source], [output]))
        outputs.append(_value(onnx, output, dtype, shape))
    content = onnx.helper.make_graph(
        writer.nodes, writer.fresh(name), inputs, outputs, writer.initializers
    )
    return onnx.helper.make_model(
        content,
        producer_name="steepest",
        producer_version=__version__,
        ir_version=IR_VERSION,
        opset_imports=[onnx.helper.make_opsetid("", OPSET)],
    )


def _output_names(graph: Graph) -> list[str]:
    """Return a name for each output: those of a dictionary, or numbered ones."""
    assert graph.signature is not None
    found = trees.names_in(graph.signature.result, "output")
    return [label.replace("output['", "").replace("']", "") for label in found]


def _value(onnx: Any, name: str, dtype: Any, shape: Sequence[Any]) -> Any:
    if dtype == np.dtype(object):
        kind = onnx.TensorProto.STRING
    else:
        kind = onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    return onnx.helper.make_tensor_value_info(name, kind, [_shown(extent) for extent in shape])


def _shown(extent: Any) -> int | str:
    if not isinstance(extent, Extent):
        return int(extent)
    factor = "" if extent.factor == 1 else f"{extent.factor}*"
    rest = f"{extent.constant:+}" if extent.constant else ""
    return f"{factor}rows{rest}"


def _dependent(w: Writer, pattern: Pattern, node: Node, shape: Sequence[Any]) -> str:
    """Write a constant that depends on the number of rows."""
    if pattern.kind == "range":
        whole = w.emit("ReduceProd", w.sizes(shape), keepdims=0)
        numbers = w.emit("Range", w.number(0, np.int64), whole, w.number(1, np.int64))
        if pattern.step != 1:
            numbers = w.emit("Mul", numbers, w.number(pattern.step, np.int64))
        if pattern.first:
            numbers = w.emit("Add", numbers, w.number(pattern.first, np.int64))
        return w.reshape(w.cast(numbers, node.dtype), shape)
    if isinstance(pattern.first, Extent):
        number = w.cast(w.emit("Squeeze", w.size(pattern.first)), node.dtype)
        if pattern.kind == "inverse":
            number = w.emit("Div", w.number(1, node.dtype), number)
    else:
        number = w.number(pattern.first, node.dtype)
    return str(w.emit("Expand", number, w.sizes(shape))) if shape else number
