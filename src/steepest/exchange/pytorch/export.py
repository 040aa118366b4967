"""``to_torch``: a function in NumPy as a module of torch."""

from __future__ import annotations

import functools
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from steepest.engines.pytorch.autograd import differentiable_tape
from steepest.engines.pytorch.library import import_torch
from steepest.engines.stepwise import Tape
from steepest.errors import InputError, UnsupportedError
from steepest.graph import Node, trees
from steepest.graph.source import at
from steepest.lazy import keep_recent
from steepest.ops import constant_value
from steepest.trace import Trace, trace_function

_MOST = 16
"""Most kinds of inputs whose graphs a module keeps."""


def module_of(
    function: Callable[..., Any], examples: Sequence[Any], parameters: int | Sequence[int] | None
) -> Any:
    """Return a module whose ``forward`` computes a function."""
    learned = () if parameters is None else parameters
    learned = (learned,) if isinstance(learned, int) else tuple(learned)
    if any(not isinstance(i, int) or not -len(examples) <= i < len(examples) for i in learned):
        raise InputError(
            f"st.to_torch: parameters={parameters!r} must number arguments, from 0 to "
            f"{len(examples) - 1}"
        )
    learned = tuple(i % len(examples) for i in learned)
    return _module_class()(function, examples, learned)


@functools.cache
def _module_class() -> Any:
    torch = import_torch()

    class GraphModule(torch.nn.Module):  # type: ignore[misc, name-defined]
        """A function in NumPy, recorded for each kind of inputs and computed by torch."""

        def __init__(
            self, function: Callable[..., Any], examples: Sequence[Any], learned: tuple[int, ...]
        ) -> None:
            super().__init__()
            self._function, self._learned = function, learned
            self._count = len(examples)
            self._kept: OrderedDict[Any, _Compiled] = OrderedDict()
            self._fixed: dict[int, tuple[Any, list[str]]] = {}
            for number in learned:
                leaves, structure = trees.flatten(examples[number])
                names = _names(examples[number], number, len(learned) > 1)
                for name, leaf in zip(names, leaves, strict=True):
                    if np.asarray(leaf).dtype.kind not in "fc":
                        raise InputError(
                            f"st.to_torch: the parameter {name!r} has dtype "
                            f"{np.asarray(leaf).dtype}, and torch trains real numbers: convert it "
                            "with .astype(np.float64), or pass it in another argument"
                        )
                    tensor = torch.as_tensor(np.array(leaf))
                    _place(torch, self, name, torch.nn.Parameter(tensor))
                self._fixed[number] = structure, names
            self._compiled([x for i, x in enumerate(examples) if i not in learned])

        def forward(self, *inputs: Any) -> Any:
            """Return what the function returns, as tensors."""
            compiled = self._compiled(inputs)
            leaves = [leaf for leaf in trees.leaves(self._arguments(inputs)) if _is_array(leaf)]
            return compiled.run(torch, leaves)

        def _arguments(self, inputs: Sequence[Any]) -> tuple[Any, ...]:
            """Return all arguments of the function, with the parameters among them."""
            if len(inputs) != self._count - len(self._learned):
                raise InputError(
                    f"this module takes {self._count - len(self._learned)} inputs, got "
                    f"{len(inputs)}"
                )
            given = iter(inputs)
            own = dict(self.named_parameters(remove_duplicate=False))  # tied ones
            return tuple(
                trees.unflatten(self._fixed[i][0], [own[name] for name in self._fixed[i][1]])
                if i in self._fixed
                else next(given)
                for i in range(self._count)
            )

        def _compiled(self, inputs: Sequence[Any]) -> _Compiled:
            arguments = self._arguments(inputs)
            leaves, structure = trees.flatten(arguments)
            key = (structure, *map(_kind, leaves))
            known = self._kept.get(key)
            if known is None or not known.trace.captures.still_hold():
                sample = [_sample(leaf) for leaf in leaves]
                trace = trace_function(self._function, trees.unflatten(structure, sample))
                keep_recent(self._kept, key, _Compiled(trace), _MOST)
            return self._kept[key]

    return GraphModule


class _Compiled:
    """A graph, as functions of tensors."""

    def __init__(self, trace: Trace) -> None:
        graph = trace.graph
        for guard in graph.guards:
            raise UnsupportedError(
                f"st.to_torch: the function branches on values{at(guard.source)}, and one path is "
                "no whole function: write the branch with np.where"
            )
        self.trace, self._graph = trace, graph
        self._outputs: Sequence[Node] = graph.outputs[: graph.returned]
        self._tape: Tape = differentiable_tape(self._outputs, graph.inputs)
        self._constants: dict[Any, dict[Node, Any]] = {}

    def __deepcopy__(self, memo: Any) -> _Compiled:
        return self  # what it holds never changes

    def run(self, torch: Any, leaves: Sequence[Any]) -> Any:
        """Return the outputs, in the structure that the function returns."""
        devices = [leaf.device for leaf in leaves if torch.is_tensor(leaf)]
        device = devices[0] if devices else torch.device("cpu")
        tensors = [
            leaf
            if torch.is_tensor(leaf)
            else torch.as_tensor(np.array(leaf, node.dtype), device=device)
            for leaf, node in zip(leaves, self._graph.inputs, strict=False)
        ]
        if device not in self._constants:
            self._constants[device] = {
                node: torch.as_tensor(np.array(constant_value(node)), device=device)
                for node in self._tape.constants
            }
        arrays = self.trace.captured_arrays()
        captured = [torch.as_tensor(np.array(x), device=device) for x in arrays]
        values = dict(self._constants[device])
        values.update(zip(self._graph.inputs, [*tensors, *captured], strict=True))
        self._tape.run(values)
        return self._graph.result([values[node] for node in self._outputs])


def _is_array(leaf: Any) -> bool:
    return hasattr(leaf, "shape") or isinstance(leaf, float)


def _kind(leaf: Any) -> Any:
    """Return what a graph depends on in an argument."""
    if hasattr(leaf, "shape"):
        return tuple(leaf.shape), str(leaf.dtype)
    return type(leaf) if isinstance(leaf, float) else (type(leaf), leaf)


def _sample(leaf: Any) -> Any:
    """Return an array of a tensor's kind; its values are never looked at."""
    if not hasattr(leaf, "detach"):
        return leaf
    name = str(leaf.dtype).removeprefix("torch.")
    if not hasattr(np, name):  # other packages give such names to np.dtype
        raise InputError(
            f"a module of st.to_torch got a tensor of {name}, which NumPy does not have: convert "
            "it, or the module, with .float()"
        )
    return np.ones(tuple(leaf.shape), np.dtype(name))


def _names(example: Any, number: int, is_one_of_several: bool) -> list[str]:
    """Return names of parameters: the keys and positions on the way to each, with dots between."""
    found = []
    for name in trees.leaf_names(example, ""):
        parts = name.replace("']", "").replace("]", "").replace("['", ".").replace("[", ".")
        found.append(parts.strip("."))
    prefix = f"argument{number}"
    if is_one_of_several:
        return [f"{prefix}.{name}".strip(".") for name in found]
    return [name or prefix for name in found]


def _place(torch: Any, module: Any, name: str, parameter: Any) -> None:
    """Register a parameter in modules within modules, as torch names them."""
    *path, last = name.split(".")
    for part in path:
        if part not in module._modules:
            module.add_module(part, torch.nn.Module())
        module = module._modules[part]
    module.register_parameter(last, parameter)
