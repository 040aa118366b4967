"""The calls that a module of torch makes, recorded by torch.fx.

What a record cannot hold is refused: calls under ``torch.no_grad()``, whose slopes are dropped;
random numbers and changes of the module, which would be frozen. The module stays as it was.
"""

from __future__ import annotations

import contextlib
import functools
import operator
import random
import traceback
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from steepest.engines.pytorch.library import import_torch
from steepest.errors import UnsupportedError
from steepest.graph.source import is_library

IN_PLACE = (
    "iadd", "isub", "imul", "itruediv", "ifloordiv", "imod", "ipow", "imatmul", "iand", "ior",
    "ixor",
)  # fmt: skip
"""Python's operators that change their operand in place, by their names in ``operator``."""


@contextlib.contextmanager
def recorded_calls(module: Any, name: str, arrays: Mapping[str, np.ndarray]) -> Iterator[Any]:
    """Give the graph of torch.fx of a module's ``forward``.

    Parameters
    ----------
    module, name
        The module, and its name for messages.
    arrays
        Its parameters and buffers as they are, by name.

    Raises
    ------
    UnsupportedError
        If torch.fx cannot record it, or the graph would leave something out; with the user's line.
    """
    before, versions = _attributes(module), _versions(module)
    try:
        states = _random_states()
        first = _traced(module, name)
        constants = _constants(module, first)
        is_drawn = not _same(_random_states(), states)
        _check_unchanged(module, name, before, versions, constants)
        _restore(module, before)
        second = _traced(module, name)
        again = _constants(module, second)
        if is_drawn or _calls(first) != _calls(second) or not _same(constants, again):
            raise UnsupportedError(
                f"st.from_torch: {name}.forward draws random numbers, or makes other calls each "
                "time, and a graph would freeze one of them: call module.eval() before, or give "
                "what is drawn as an input"
            )
        yield second
    finally:
        _restore(module, before)
        with import_torch().no_grad():
            for key, tensor in _tensors(module):
                if _version(tensor) != versions[key]:
                    tensor.copy_(import_torch().as_tensor(arrays[key]))


def _traced(module: Any, name: str) -> Any:
    torch = import_torch()
    try:
        with torch.enable_grad():
            return _tracer(torch).trace(module)
    except _LeftOutError as refused:
        where = _line(torch, refused)
        raise UnsupportedError(f"st.from_torch: {name}.forward{where} {refused}") from None
    except Exception as error:
        raise UnsupportedError(
            f"st.from_torch: torch.fx cannot record {name}.forward{_line(torch, error)} "
            f"({error}). A branch or a loop that depends on a tensor's values or shape is no "
            "graph: decide it in __init__, or write it with torch.where"
        ) from error


def _calls(graph: Any) -> list[Any]:
    return [(x.op, str(x.target), str(x.args), str(x.kwargs)) for x in graph.nodes]


def _constants(module: Any, graph: Any) -> dict[str, Any]:
    """Return what the calls read of a module, by name."""
    names = [node.target for node in graph.nodes if node.op == "get_attr"]
    return {name: functools.reduce(getattr, name.split("."), module) for name in names}


def _random_states() -> Any:
    torch = import_torch()
    states = random.getstate(), np.random.get_state(legacy=False), torch.random.get_rng_state()
    return states


def _check_unchanged(
    module: Any, name: str, before: Any, versions: Mapping[str, Any], constants: Mapping[str, Any]
) -> None:
    """Raise if recording changed a module: a graph would change nothing."""
    changed = {key for key, x in _tensors(module) if _version(x) != versions.get(key)}
    for path, own in _attributes(module).items():
        earlier = before.get(path, {})
        # torch.fx keeps constants in the module.
        found = _changed(earlier, own) - (constants.keys() - earlier.keys() if not path else set())
        changed |= {f"{path}.{key}".strip(".") for key in found}
    if changed:
        raise UnsupportedError(
            f"st.from_torch: {name}.forward changes the module's {min(changed)!r}, and a graph "
            "keeps no state: return it instead"
        )


def _tensors(module: Any) -> list[Any]:
    return [*module.named_parameters(), *module.named_buffers()]


def _version(tensor: Any) -> Any:
    return None if tensor.is_inference() else tensor._version


def _versions(module: Any) -> dict[str, Any]:
    return {key: _version(tensor) for key, tensor in _tensors(module)}


class _LeftOutError(Exception):
    """What a graph would leave out."""


def _tracer(torch: Any) -> Any:
    """Return a tracer that refuses calls in whose place gradients or precisions change."""

    class InPlace:
        """Records ``x += y`` as such; torch.fx alone takes it for ``x = x + y``."""

        tracer: Any

        def __getattr__(self, name: str) -> Any:
            return OwnAttribute(self, name)

    for name in IN_PLACE:
        setattr(InPlace, f"__{name}__", _recording(getattr(operator, name)))

    class OwnProxy(InPlace, torch.fx.Proxy):  # type: ignore[misc]
        pass

    class OwnAttribute(InPlace, torch.fx.proxy.Attribute):  # type: ignore[misc]
        pass

    class Tracer(torch.fx.Tracer):  # type: ignore[misc]
        def proxy(self, node: Any) -> Any:
            return OwnProxy(node, self)

        def path_of_module(self, mod: Any) -> str:
            try:
                path: str = super().path_of_module(mod)
            except NameError:
                raise _LeftOutError(
                    f"makes the layer {type(mod).__name__} while it computes, so that the module "
                    "does not hold its state: make it in __init__"
                ) from None
            return path

        def create_node(self, kind: str, *args: Any, **named: Any) -> Any:
            if kind.startswith("call") and not torch.is_grad_enabled():
                raise _LeftOutError(
                    "computes under torch.no_grad(), or in a torch.autograd.Function of its own, "
                    "whose slopes a graph would not have: write x.detach() where no slope is "
                    "wanted"
                )
            if kind.startswith("call") and any(
                torch.is_autocast_enabled(device) for device in ("cpu", "cuda")
            ):
                raise _LeftOutError(
                    "computes under torch.autocast, and a graph keeps the dtypes of its inputs: "
                    "leave it out"
                )
            return super().create_node(kind, *args, **named)

    return Tracer()


def _recording(function: Any) -> Any:
    def record(self: Any, other: Any) -> Any:
        return self.tracer.create_proxy("call_function", function, (self, other), {})

    return record


_TABLES = ("_parameters", "_buffers", "_modules")


def _attributes(module: Any) -> dict[str, dict[str, Any]]:
    """Return the attributes of a module and of its parts, tables of tensors among them."""
    return {
        path: {
            **{key: value for key, value in vars(part).items() if key not in _TABLES},
            **{key: value for table in _TABLES for key, value in vars(part)[table].items()},
        }
        for path, part in module.named_modules()
    }


def _changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> set[str]:
    names = before.keys() | after.keys()
    missing = object()
    return {name for name in names if before.get(name, missing) is not after.get(name, missing)}


def _restore(module: Any, before: Mapping[str, Mapping[str, Any]]) -> None:
    """Give a module and its parts the attributes that they had."""
    parts = dict(module.named_modules())
    for path, own in before.items():
        part = parts[path]
        now = _attributes(part)[""]
        for name in _changed(own, now):
            tables = [vars(part)[table] for table in _TABLES if name in vars(part)[table]]
            (table,) = tables or [vars(part)]
            if name in own:
                table[name] = own[name]
            else:
                del table[name]


def _same(a: Any, b: Any) -> bool:
    torch = import_torch()
    if torch.is_tensor(a) and a is not b:
        pair = [x.detach().cpu().to(torch.float64) for x in (a, b)]
        return a.shape == b.shape and bool(torch.allclose(*pair, rtol=0, atol=0, equal_nan=True))
    if isinstance(a, np.ndarray):
        return np.array_equal(a, b)
    if isinstance(a, dict):
        return bool(a.keys() == b.keys()) and all(_same(a[key], b[key]) for key in a)
    if isinstance(a, tuple):
        return len(a) == len(b) and all(map(_same, a, b))
    return a is b or bool(a == b)


def _line(torch: Any, error: Exception) -> str:
    """Return the user's line that an error came from, for messages."""
    folder = str(Path(torch.__file__).parent)
    own = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not frame.filename.startswith(folder) and not is_library(frame.filename)
    ]
    return f" at {own[-1].filename}:{own[-1].lineno}: {own[-1].line}" if own else ""
