"""Find the operation in which a loss or its gradient stops being finite."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from steepest.derivative.function import Function
from steepest.graph import Origin, find_origin
from steepest.graph.trees import leaves
from steepest.trace import trace_function
from steepest.trace.tracing import is_array_like


def nonfinite_origin(function: Function, arguments: Sequence[Any]) -> Origin | None:
    """Return where the first NaN or infinity arises when a function is computed.

    Parameters
    ----------
    function
        Such as ``value_and_gradient(loss)``: the gradient is looked at after the loss.
    arguments
        Its arguments.

    Returns
    -------
    Origin or None
        None if everything is finite.
    """
    trace = trace_function(function.function, arguments, function.__wrapped__)
    given = [leaf for leaf in leaves(tuple(arguments)) if is_array_like(leaf)]
    values = [*given, *trace.captured_arrays()]
    inputs = trace.graph.inputs
    known = {
        node: np.asarray(value, node.dtype) for node, value in zip(inputs, values, strict=True)
    }
    return find_origin(trace.graph.outputs, known, trace.graph.sources)
