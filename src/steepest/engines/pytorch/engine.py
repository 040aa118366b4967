"""PyTorch: on a CPU or a GPU, and an independent witness for every gradient."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from steepest.engines.program import Iteration
from steepest.engines.stepwise import Arithmetic, StepwiseEngine, Tape, constant_values
from steepest.errors import EngineUnavailableError, UnsupportedError
from steepest.graph import Graph, Node, order
from steepest.ops.elementwise.comparison import COMPARISONS
from steepest.ops.sides import sides_of


def import_torch() -> Any:
    """Return the torch module; this is the only place that imports it.

    Raises
    ------
    EngineUnavailableError
        If it is not installed; the message says how to.
    """
    try:
        return importlib.import_module("torch")
    except ImportError as error:
        raise EngineUnavailableError(
            "the engine 'torch' needs PyTorch, which is not installed: "
            "pip install 'steepest[torch]'"
        ) from error


@dataclass(frozen=True)
class Torch(StepwiseEngine):
    """Runs graphs in PyTorch.

    Parameters
    ----------
    device
        Device of all tensors, such as ``"cpu"``, ``"cuda"`` or ``"mps"``.

    Raises
    ------
    EngineUnavailableError
        If PyTorch is not installed, or has no such device.

    Examples
    --------
    >>> import steepest as st
    >>> run = st.minimize(lambda x: (x - 1) ** 2, 0.0, engine=st.engines.Torch(device="cpu"),
    ...                   method=st.GradientDescent(0.25), stop=st.LossBelow(1e-6))
    >>> run.converged
    True
    """

    device: str = "cpu"
    name: str = "torch"
    takes_parts: bool = False

    def __post_init__(self) -> None:
        torch = import_torch()
        try:
            torch.zeros(1, device=self.device)
        except (RuntimeError, AssertionError) as error:
            reason = str(error).splitlines()[0]
            raise EngineUnavailableError(
                f"PyTorch cannot use the device {self.device!r}: {reason}"
            ) from error

    def value_and_gradient(self, graph: Graph) -> Callable[[Sequence[Any]], list[np.ndarray]]:
        """Return a loss and its gradient by the first input, from ``torch.autograd``."""
        torch, arithmetic = import_torch(), self._arithmetic()
        resolve = _differentiable(torch, graph.outputs)
        tape = Tape(graph.outputs, graph.inputs, resolve)
        constants = constant_values(tape.constants, arithmetic.from_array)

        def run(inputs: Sequence[Any]) -> list[np.ndarray]:
            tensors = [arithmetic.from_array(value) for value in inputs]
            tensors[0] = tensors[0].clone().requires_grad_()
            values = {**constants, **dict(zip(graph.inputs, tensors, strict=True))}
            tape.run(values)
            loss = values[graph.outputs[0]]
            gradient = _autograd(torch, loss, tensors[0])
            return [arithmetic.to_array(loss), arithmetic.to_array(gradient)]

        return run

    def _arithmetic(self) -> Arithmetic:
        torch = import_torch()

        def from_array(value: Any) -> Any:
            array = np.asarray(value)
            if array.dtype.char in "qQ":  # C's long long; torch knows only long
                array = array.view(array.dtype.name)
            # torch shares memory: it warns about read-only arrays and refuses negative strides.
            if not array.flags.writeable or min(array.strides, default=0) < 0:
                array = array.copy()
            return torch.as_tensor(np.ascontiguousarray(array).reshape(array.shape)).to(
                self.device
            )

        def to_array(tensor: Any) -> np.ndarray:
            values: np.ndarray = tensor.detach().cpu().resolve_conj().numpy()
            return values

        resolve = functools.partial(_resolve, torch)
        differentiate = functools.partial(_differentiate, torch)
        return Arithmetic(resolve, differentiate, from_array, to_array, "torch")


_UNSIGNED = frozenset(map(np.dtype, (np.uint16, np.uint32, np.uint64)))
_BY_SIGN = frozenset(
    """
    absolute argmax argmin argsort floor_divide fmod max maximum min minimum reciprocal remainder
    sign
    """.split()  # noqa: SIM905
)
"""Ops whose result would be wrong if unsigned operands were taken as signed."""

_TAKE_UNSIGNED = frozenset({"astype", "constant", "left_shift", "right_shift"})


def _resolve(torch: Any, node: Node) -> Callable[..., Any]:
    """Return a node's function of its operands' tensors.

    Raises
    ------
    UnsupportedError
        If it divides or orders unsigned 64-bit integers; torch has no arithmetic of them.
    """
    function, kinds = _named(torch, node), {operand.dtype for operand in node.operands}
    name = node.op.name
    if not kinds & _UNSIGNED or name in _TAKE_UNSIGNED:
        return function
    if np.dtype(np.uint64) in kinds:
        if name in COMPARISONS:
            return function
        if name in _BY_SIGN:
            raise UnsupportedError(
                f"the engine 'torch' cannot compute {name} of uint64: convert with "
                ".astype(np.int64), or use the engine 'native'"
            )

    def on_signed(*operands: Any) -> Any:
        unsigned = (torch.uint16, torch.uint32, torch.uint64)
        result = function(*(x.to(torch.int64) if x.dtype in unsigned else x for x in operands))
        return result.to(getattr(torch, node.dtype.name))

    return on_signed


def _differentiable(
    torch: Any, outputs: Sequence[Node], variables: Sequence[Node] = ()
) -> Callable[[Node], Callable[..., Any]]:
    """Return a function that resolves the nodes of a graph that torch differentiates."""
    kinks = sides_of(outputs, order(outputs, stop=variables)).kinks

    def resolve(node: Node) -> Callable[..., Any]:
        if node in kinks:
            return functools.partial(kinks[node].torch, torch, **node.attributes)
        return _resolve(torch, node)

    return resolve


def _named(torch: Any, node: Node) -> Callable[..., Any]:
    if isinstance(node.op.torch, str):
        named: Callable[..., Any] = getattr(torch, node.op.torch)
        return named
    return functools.partial(node.op.torch, torch, **node.attributes)


def _autograd(torch: Any, loss: Any, variable: Any) -> Any:
    if not loss.requires_grad:
        return torch.zeros_like(variable)
    (gradient,) = torch.autograd.grad(loss, variable, allow_unused=True)
    return torch.zeros_like(variable) if gradient is None else gradient


def _differentiate(
    torch: Any,
    iteration: Iteration,
    known: Collection[Node],
) -> Callable[[dict[Node, Any]], None]:
    """Return a function that computes a loss, and its gradient by ``torch.autograd``."""
    to_variable = Tape([iteration.variable], iteration.inputs, functools.partial(_resolve, torch))
    resolve = _differentiable(torch, [iteration.loss], [iteration.variable])
    to_loss = Tape([iteration.loss], [*iteration.inputs, iteration.variable], resolve)

    def run(values: dict[Node, Any]) -> None:
        to_variable.run(values)
        variable = values[iteration.variable].detach().clone().requires_grad_()
        inner = {**values, iteration.variable: variable}
        to_loss.run(inner)
        loss = inner[iteration.loss]
        values[iteration.loss] = loss.detach()
        values[iteration.gradient] = _autograd(torch, loss, variable)

    return run
