"""``from_onnx``: a file in the format ONNX as a function in NumPy."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from steepest.errors import InputError, UnsupportedError
from steepest.exchange.calls import Calls, Step, Stored, Value
from steepest.exchange.onnx.builder import import_onnx
from steepest.exchange.onnx.model import OnnxModel
from steepest.exchange.onnx.table import OPERATORS

_OLDEST = 13
"""The oldest version of the operators that is read: later ones have axes as inputs."""


def read(path: str | os.PathLike[str]) -> tuple[OnnxModel, dict[str, np.ndarray]]:
    """Return the function of a file, and its parameters."""
    onnx = import_onnx()
    try:
        Path(path).open("rb").close()
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    try:  # by the path: arrays may be in files beside it
        onnx.checker.check_model(os.fspath(path))
        model = onnx.load(os.fspath(path))
    except Exception as error:
        raise InputError(f"{path} is no valid ONNX file: {error}") from error
    version = max((entry.version for entry in model.opset_import if not entry.domain), default=0)
    if version < _OLDEST:
        raise UnsupportedError(
            f"st.from_onnx: {path} has operators of version {version}; those from {_OLDEST} on "
            "are read: convert it with onnx.version_converter.convert_version"
        )
    graph = model.graph
    to_array = onnx.numpy_helper.to_array
    arrays = {
        tensor.name: _checked(to_array(tensor), f"the array {tensor.name!r}", path)
        for tensor in graph.initializer
    }
    # Whole numbers may be shapes, which are known while a function is recorded.
    held: dict[str, Any] = {
        name: Stored(name) if array.dtype.kind == "f" else array for name, array in arrays.items()
    }
    inputs = [(value.name, ()) for value in graph.input if value.name not in arrays]
    held |= {name: Value(name) for name, _ in inputs}
    steps: list[Step] = []
    for number, node in enumerate(graph.node):
        steps += _steps(onnx, node, number, held, path)
    results = tuple(_known(held, value.name, path) for value in graph.output)
    trainable = [name for name, array in arrays.items() if array.dtype.kind == "f"]
    calls = Calls(
        graph.name, inputs, steps, results[0] if len(results) == 1 else results, arrays, trainable
    )
    return OnnxModel(calls), calls.parameters


def _checked(array: Any, what: str, path: Any) -> np.ndarray:
    """Return an array of the file as one of NumPy's own dtypes, except float16."""
    found = np.array(array)
    if found.dtype.isbuiltin != 1 or found.dtype == np.float16:
        raise UnsupportedError(
            f"st.from_onnx: {what} of {path} has dtype {found.dtype}, which is not read: export "
            "the model in float32"
        )
    return found


@dataclass(frozen=True)
class _Unread:
    """An output of an operator that has no counterpart here."""

    place: str


def _known(held: Mapping[str, Any], name: str, path: Any) -> Any:
    found = held[name]
    if isinstance(found, _Unread):
        raise UnsupportedError(
            f"st.from_onnx: the output {name!r} of {found.place} of {path} is used, and only the "
            "first output of that operator is read: leave it out of the exported model"
        )
    return found


def _steps(onnx: Any, node: Any, number: int, held: dict[str, Any], path: Any) -> list[Step]:
    """Return the step of a node, and one for each of several results.

    Steps have the names of their results, which the format keeps apart from those of inputs. A
    step with several results has a number.
    """
    place = f"the operator {node.op_type} ({node.name or f'number {number}'})"
    is_standard = node.domain in ("", "ai.onnx")
    attributes = {entry.name: _attribute(onnx, node, entry) for entry in node.attribute}
    if node.op_type == "Constant" and is_standard:
        ((name, value),) = attributes.items()
        dtype = np.float32 if name in ("value_float", "value_floats") else None
        held[node.output[0]] = _checked(np.asarray(value, dtype), place, path)
        return []
    function = OPERATORS.get(node.op_type) if is_standard else None
    if function is None:
        raise UnsupportedError(
            f"st.from_onnx: {place} of {path} is not read: leave it out of the exported model"
        )
    arguments = [_known(held, name, path) if name else None for name in node.input]
    if node.op_type not in ("Split", "TopK"):
        first, *others = node.output
        held[first] = Value(first)
        held.update((name, _Unread(place)) for name in others)
        return [Step(first, function, arguments, attributes, place)]
    if node.op_type == "Split":
        attributes["num_outputs"] = len(node.output)
    steps = [Step(number, function, arguments, attributes, place)]
    for i, name in enumerate(node.output):
        steps.append(Step(name, tuple.__getitem__, (Value(number), i), {}, place))
        held[name] = Value(name)
    return steps


def _attribute(onnx: Any, node: Any, entry: Any) -> Any:
    value = onnx.helper.get_attribute_value(entry)
    if entry.name == "to" and node.op_type == "Cast":
        return np.dtype(onnx.helper.tensor_dtype_to_np_dtype(value))
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, onnx.TensorProto):
        return np.array(onnx.numpy_helper.to_array(value))
    return list(value) if not isinstance(value, int | float) else value
