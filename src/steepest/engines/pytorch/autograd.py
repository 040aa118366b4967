"""Gradients by ``torch.autograd``, which know nothing of the op table's derivatives."""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Sequence
from typing import Any

import numpy as np

from steepest.engines.program import Iteration
from steepest.engines.pytorch.library import import_torch
from steepest.engines.pytorch.resolve import differentiable, resolve
from steepest.engines.stepwise import Arithmetic, Tape, constant_values
from steepest.graph import Graph, Node


def value_and_gradient(
    graph: Graph, arithmetic: Arithmetic
) -> Callable[[Sequence[Any]], list[np.ndarray]]:
    """Return a loss and its gradient by the first input, as a function of flat inputs."""
    torch = import_torch()
    tape = differentiable_tape(graph.outputs, graph.inputs)
    constants = constant_values(tape.constants, arithmetic.from_array)

    def run(inputs: Sequence[Any]) -> list[np.ndarray]:
        tensors = [arithmetic.from_array(value) for value in inputs]
        tensors[0] = tensors[0].clone().requires_grad_()
        values = {**constants, **dict(zip(graph.inputs, tensors, strict=True))}
        tape.run(values)
        loss = values[graph.outputs[0]]
        gradient = _gradient(torch, loss, tensors[0])
        return [arithmetic.to_array(loss), arithmetic.to_array(gradient)]

    return run


def differentiable_tape(outputs: Sequence[Node], inputs: Sequence[Node]) -> Tape:
    """Return the functions of tensors that compute a graph, so that autograd differentiates it."""
    return Tape(outputs, inputs, differentiable(import_torch(), outputs))


def differentiate(
    iteration: Iteration, known: Collection[Node]
) -> Callable[[dict[Node, Any]], None]:
    """Return a function that computes the loss of an iteration and its gradient."""
    torch = import_torch()
    to_variable = Tape([iteration.variable], iteration.inputs, functools.partial(resolve, torch))
    resolved = differentiable(torch, [iteration.loss], [iteration.variable])
    to_loss = Tape([iteration.loss], [*iteration.inputs, iteration.variable], resolved)

    def run(values: dict[Node, Any]) -> None:
        to_variable.run(values)
        variable = values[iteration.variable].detach().clone().requires_grad_()
        inner = {**values, iteration.variable: variable}
        to_loss.run(inner)
        loss = inner[iteration.loss]
        values[iteration.loss] = loss.detach()
        values[iteration.gradient] = _gradient(torch, loss, variable)

    return run


def _gradient(torch: Any, loss: Any, variable: Any) -> Any:
    if not loss.requires_grad:
        return torch.zeros_like(variable)
    (gradient,) = torch.autograd.grad(loss, variable, allow_unused=True)
    return torch.zeros_like(variable) if gradient is None else gradient
