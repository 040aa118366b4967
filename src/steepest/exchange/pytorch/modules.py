"""A module of torch becomes steps in NumPy."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

from steepest.engines.pytorch.library import import_torch
from steepest.errors import SettingError, UnsupportedError
from steepest.exchange.calls import Calls, Stored, Value, replaced
from steepest.exchange.pytorch.model import TorchModel
from steepest.exchange.pytorch.recording import recorded_calls
from steepest.exchange.pytorch.steps import (
    ALLOCATES,
    CHANGES_OPERAND,
    call_step,
    is_torchs,
    module_step,
    plain,
)

_FLOATS = (np.dtype(np.float32), np.dtype(np.float64))


def model_of(module: Any) -> tuple[TorchModel, dict[str, np.ndarray]]:
    """Return a module as a function, and copies of its parameters."""
    torch = import_torch()
    if not isinstance(module, torch.nn.Module):
        raise SettingError(
            f"st.from_torch takes a torch.nn.Module, got {type(module).__name__}: give a module, "
            "such as torch.nn.Sequential(...), not its class or its parameters"
        )
    module = getattr(module, "_orig_mod", module)  # what torch.compile wraps
    name = type(module).__name__
    arrays, state, trainable, stored = _stored(torch, module, name)
    _check_hooks(module)
    if is_torchs(module):
        arguments = inspect.signature(module.forward).parameters.values()
        inputs: Any = [(x.name, ()) for x in arguments if x.default is x.empty]
        given: Any = tuple(Value(key) for key, _ in inputs), {}
        steps = [module_step("output", module, "", stored, given)]
        result: Any = Value("output")
    else:
        inputs, steps, result = _recorded(torch, module, name, stored, arrays)
    calls = Calls(name, inputs, steps, result, arrays, trainable)
    return TorchModel(calls, state), calls.parameters


_HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
_HOOKS_OF_TENSORS = ("_backward_hooks", "_post_accumulate_grad_hooks")


def _check_hooks(module: Any) -> None:
    """Raise if code runs beside ``forward``, or in place of the class's."""
    for path, part in module.named_modules():
        shown = f"the module {path or type(part).__name__!r}"
        if any(getattr(part, name, None) for name in _HOOKS):
            raise UnsupportedError(
                f"st.from_torch: {shown} has hooks, which are not brought in: remove them "
                "(weight_norm and pruning: make them permanent)"
            )
        if "forward" in vars(part):
            raise UnsupportedError(
                f"st.from_torch: the forward of {shown} is not that of its class, and it is not "
                "brought in: write a class with that forward"
            )
    for path, tensor in (*module.named_parameters(), *module.named_buffers()):
        if any(getattr(tensor, name, None) for name in _HOOKS_OF_TENSORS):
            raise UnsupportedError(
                f"st.from_torch: {path!r} has hooks, which are not brought in: remove them, and "
                "change the gradient in a function of the loss"
            )


def _stored(
    torch: Any, module: Any, name: str
) -> tuple[dict[str, np.ndarray], dict[str, str], list[str], dict[int, str]]:
    """Return arrays by name, the names of the state, those to train, and names by identity."""
    arrays: dict[str, np.ndarray] = {}
    trainable: list[str] = []
    stored: dict[int, str] = {}
    parameters = list(module.named_parameters())
    for key, tensor in (*parameters, *module.named_buffers()):
        try:
            array = tensor.detach().cpu().numpy().copy()
        except (TypeError, ValueError, RuntimeError) as error:
            raise UnsupportedError(
                f"st.from_torch: {name}'s {key!r} cannot become a NumPy array ({error}): "
                "initialize the module, and convert it with module.float()"
            ) from None
        stored[id(tensor)], arrays[key] = key, array
    for key, tensor in parameters:
        if tensor.requires_grad:
            trainable.append(key)
            if arrays[key].dtype not in _FLOATS:
                raise UnsupportedError(
                    f"st.from_torch: {name}'s {key!r} has dtype {arrays[key].dtype}, and float32 "
                    "and float64 are trained: convert the module with module.float()"
                )
    state = {
        key: stored[id(tensor)]
        for key, tensor in module.state_dict(keep_vars=True).items()
        if id(tensor) in stored
    }
    return arrays, state, trainable, stored


def _recorded(
    torch: Any, module: Any, name: str, stored: Mapping[int, str], arrays: Mapping[str, Any]
) -> Any:
    """Return a module's inputs, its steps, and its result."""
    with recorded_calls(module, name, arrays) as graph:
        return _steps_of(torch, graph, module, name, stored)


def _steps_of(torch: Any, graph: Any, module: Any, name: str, stored: Mapping[int, str]) -> Any:
    parts = dict(module.named_modules(remove_duplicate=False))

    def leaf(value: Any) -> Any:
        if isinstance(value, torch.fx.Node):
            return held[value.name]
        if isinstance(value, torch.Tensor):
            return value.detach().cpu().numpy()
        return plain(value)

    def convert(tree: Any) -> Any:
        return replaced(tree, leaf)

    held: dict[str, Any] = {}
    fresh: set[Any] = set()
    inputs, steps, result = [], [], None
    for node in graph.nodes:
        held[node.name] = Value(node.name)
        if node.op == "placeholder":
            inputs.append((node.name, tuple(plain(value) for value in node.args)))
        elif node.op == "get_attr":
            tensor: Any = functools.reduce(getattr, node.target.split("."), module)
            if id(tensor) in stored:
                held[node.name] = Stored(stored[id(tensor)])
            elif isinstance(tensor, torch.Tensor):
                held[node.name] = tensor.detach().cpu().numpy().copy()
            else:
                held[node.name] = plain(tensor)
        elif node.op == "call_module":
            part = parts[node.target]
            named = {key: convert(value) for key, value in node.kwargs.items()}
            changes = getattr(part, "inplace", False)
            _check_in_place(node, changes, f"{node.target!r}", fresh)
            given = (convert(node.args), named)
            steps.append(module_step(node.name, part, node.target, stored, given))
        elif node.op == "output":
            result = convert(node.args[0])
        else:
            changes = node.target in CHANGES_OPERAND or node.kwargs.get("inplace", False)
            where = _place(node, name)
            _check_in_place(node, changes, f"{node.name}{where}", fresh)
            steps.append(call_step(torch, node, where, convert))
        if node.op.startswith("call") and not changes and _is_fresh(node, steps[-1].function):
            fresh.add(node)
    return inputs, steps, result


def _is_fresh(node: Any, function: Any) -> bool:
    """Whether the result of a call shares no memory with its arguments."""
    function = getattr(function, "func", function)
    is_no_tensor = function is getattr and node.args[1] in ("shape", "ndim", "dtype", "device")
    return is_no_tensor or function in ALLOCATES


def _check_in_place(node: Any, changes: bool, shown: str, fresh: Collection[Any]) -> None:
    """Raise if a call changes a tensor in place that something else reads as well.

    The result of a call may share memory with its arguments, unless it is in `fresh`.
    """
    waiting = [node.args[0] if node.args else node.kwargs.get("input")] if changes else []
    while waiting:
        changed = waiting.pop()
        if not hasattr(changed, "users"):
            continue
        if len(changed.users) > 1 or changed.op == "get_attr":
            raise UnsupportedError(
                f"st.from_torch: {shown} changes a tensor in place that other calls read as well: "
                "write it without inplace=True, or x = x + y in place of x += y"
            )
        if changed not in fresh:
            waiting.extend(changed.all_input_nodes)


def _place(node: Any, name: str) -> str:
    """Return where in the module a function is called."""
    stack = node.meta.get("nn_module_stack") or {}
    paths = [entry[0] for entry in stack.values() if entry[0]]
    return f" in the module {paths[-1]!r}" if paths else f" in {name}.forward"
