"""The calls that a module of torch makes, as steps in NumPy."""

from __future__ import annotations

import inspect
import operator
from collections.abc import Mapping
from typing import Any

import numpy as np

from steepest.engines.pytorch.library import import_torch
from steepest.errors import UnsupportedError
from steepest.exchange.calls import Step, Stored
from steepest.exchange.pytorch import activations, layers, tensors, windows
from steepest.exchange.pytorch.recording import IN_PLACE
from steepest.exchange.pytorch.table import FUNCTIONS, METHODS, MODULES, OPERATORS, names_in


def module_step(name: str, module: Any, path: str, stored: Mapping[int, str], inputs: Any) -> Step:
    """Return the step of a module of ``torch.nn``.

    Parameters
    ----------
    name
        Name of the result.
    module
        The module.
    path
        Its place in the whole, such as ``"features.0"``.
    stored
        Full names of parameters and buffers, by the identities of their tensors.
    inputs
        Its arguments and named arguments.

    Raises
    ------
    UnsupportedError
        If there is no row for such a module, or it is in training mode and computes something
        else then.
    """
    kind = type(module).__name__
    place = f"the module {path!r} ({kind})" if path else f"the module ({kind})"
    if not is_torchs(module):
        raise UnsupportedError(
            f"st.from_torch: {place} is not brought in: compose it of modules that are, or write "
            "its function in NumPy. The kinds that are brought in are listed in the how-to guide "
            "'PyTorch and ONNX'"
        )
    row = MODULES[kind]
    settings = {key: plain(getattr(module, key)) for key in row.settings}
    settings |= {key: plain(getattr(module, name)) for key, name in row.renamed.items()}
    is_random = "p" in settings and settings["p"] > 0
    if settings.get("training") and (is_random or "p" not in settings):
        what = "draws random numbers" if is_random else "changes its running statistics"
        raise UnsupportedError(
            f"st.from_torch: {place} is in training mode, in which it {what}, and a graph cannot: "
            "call module.eval() before"
        )
    own = {**module._parameters, **module._buffers}
    arrays = {
        key: Stored(stored[id(tensor)])
        for key, tensor in own.items()
        if tensor is not None and key != "num_batches_tracked"
    }
    if kind.startswith("BatchNorm") and "running_mean" not in arrays:
        raise UnsupportedError(
            f"st.from_torch: {place} has no running statistics (track_running_stats=False), and "
            "normalizes by each batch: use LayerNorm or GroupNorm"
        )
    arguments, named = inputs
    named = {**row.fixed, **settings, **arrays, **named}
    return Step(name, row.function, arguments, named, place)


def call_step(torch: Any, node: Any, where: str, convert: Any) -> Step:
    """Return the step of a function or a method that a module calls.

    Raises
    ------
    UnsupportedError
        If there is no row for it.
    """
    target = node.target
    if node.op == "call_method":
        function, shown = METHODS.get(target), f"the method .{target}()"
    else:
        function = _functions(torch).get(target)
        shown = f"the function {_full_name(target)}"
        if function is None and target in OPERATORS:
            function = _OUT_OF_PLACE.get(target, target)
    place = f"{shown}{where}"
    if function is None:
        advice = "write it with functions that are, or in NumPy outside of the module"
        if str(target).endswith("_") and not str(target).endswith("__"):
            advice = f"it changes a tensor in place: use .{target[:-1]}() and its result"
        raise UnsupportedError(f"st.from_torch: {place} is not brought in: {advice}")
    named = {key: convert(value) for key, value in node.kwargs.items()}
    if any(value is None for value in named.values()):  # as torch.fx passes defaults on
        known = _arguments(function)
        named = {k: v for k, v in named.items() if v is not None or k in known}
    return Step(node.name, function, convert(node.args), named, place)


_OUT_OF_PLACE = {
    getattr(operator, name): getattr(operator, f"{name[1:]}{'_' * (name in ('iand', 'ior'))}")
    for name in IN_PLACE
}
"""In-place operators. What they would change otherwise has no other reader."""

CHANGES_OPERAND = frozenset(_OUT_OF_PLACE)

ALLOCATES = frozenset(
    (
        *(getattr(operator, name) for name in names_in("add sub mul truediv floordiv mod")),
        *(getattr(operator, name) for name in names_in("pow neg matmul eq ne lt le gt ge")),
        *(function for function in METHODS.values() if isinstance(function, np.ufunc)),
        *(value for value in vars(activations).values() if inspect.isfunction(value)),
        *(
            getattr(windows, name)
            for name in names_in("conv conv_transpose max_pool avg_pool")
        ),
        *(
            getattr(layers, name)
            for name in names_in("linear bilinear embedding layer_norm group_norm batch_norm "
                                 "instance_norm normalize")
        ),
        *(
            getattr(tensors, name)
            for name in names_in(
                "add sub rsub div addmm baddbmm outer rsqrt clamp where where_method masked_fill "
                "cat stack mean sum_ amax amin cumsum einsum zeros_like ones_like square clone "
                "size dim numel"
            )
        ),
    )
)  # fmt: skip
"""NumPy functions of calls whose result shares no memory with their arguments."""


def is_torchs(module: Any) -> bool:
    """Whether a module is of a kind in the table, and torch's own class of that name."""
    kind = type(module)
    return kind.__name__ in MODULES and kind is getattr(import_torch("nn"), kind.__name__, None)


def _functions(torch: Any) -> dict[Any, Any]:
    """Return NumPy's functions by torch's."""
    found: dict[Any, Any] = {}
    for name, function in FUNCTIONS.items():
        target: Any = torch
        for part in name.split("."):
            target = getattr(target, part, None)
        if target is not None:
            found[target] = function
    return found


def _arguments(function: Any) -> set[str]:
    """Return the names of a function's arguments; none of one that is not written in Python."""
    try:
        return set(inspect.signature(function).parameters)
    except ValueError:
        return set()


def _full_name(target: Any) -> str:
    name = getattr(target, "__name__", str(target))
    module = getattr(target, "__module__", None) or ""
    return f"{module.removeprefix('_')}.{name}" if module else name


def plain(value: Any) -> Any:
    """Return a setting of torch's as NumPy has it."""
    if isinstance(value, tuple | list):
        return tuple(plain(part) for part in value)
    kind = type(value)
    if kind.__module__ == "torch" and kind.__name__ == "dtype":
        return np.dtype(str(value).removeprefix("torch."))
    return value
