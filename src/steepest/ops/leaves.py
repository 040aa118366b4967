"""The two ops without operands: an input, and a constant."""

from __future__ import annotations

from typing import Any

import numpy as np

from steepest.graph import Node, Shape, make
from steepest.ops.derivative_rules import Zero
from steepest.ops.machine_code import Elementwise
from steepest.ops.row import Case, Domain, Row


def _infer(*, shape: Shape, dtype: np.dtype, **_: Any) -> tuple[Shape, np.dtype]:
    return shape, dtype


def _constant_value(*, shape: Shape, dtype: np.dtype, data: bytes) -> np.ndarray:
    return np.frombuffer(data, dtype).reshape(shape)


def _unbound(*, index: int, level: int, **_: Any) -> np.ndarray:
    raise KeyError(f"input {index} (level {level}) has no value")


INPUT = Row(
    name="input",
    evaluate=_unbound,
    infer=_infer,
    derivative=Zero(),
    torch="",
    lower=Elementwise(""),
    domain=Domain(((-3.0, 3.0),), (Case(()),), smooth=False),
)

CONSTANT = Row(
    name="constant",
    evaluate=_constant_value,
    infer=_infer,
    derivative=Zero(),
    torch="",
    lower=Elementwise(""),
    domain=Domain(((-3.0, 3.0),), (Case(()),), smooth=False),
)


def input_node(index: int, shape: Shape, dtype: np.dtype, level: int = 0) -> Node:
    """Return the input with a number.

    Parameters
    ----------
    index
        Position among the inputs.
    shape, dtype
        Of its values.
    level
        Depth of the trace it belongs to: a function that is differentiated while another
        is being traced has inputs of its own.
    """
    return make(INPUT, index=index, shape=shape, dtype=np.dtype(dtype), level=level)


def constant_node(value: Any, dtype: np.dtype | None = None) -> Node:
    """Return the constant with a value; equal bits, shape and dtype give the same node."""
    array = np.asarray(value, dtype)
    return make(CONSTANT, shape=array.shape, dtype=array.dtype, data=array.tobytes())


def constant_value(node: Node) -> np.ndarray | None:
    """Return a constant's value, or None for any other node."""
    return _constant_value(**node.attributes) if node.op is CONSTANT else None


def is_zero(node: Node) -> bool:
    """Return whether a node is the constant zero."""
    value = constant_value(node)
    return value is not None and not value.any()
