"""The names of a model's parameters, from its signature."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from steepest.errors import InputError, SettingError
from steepest.graph import trees
from steepest.lazy import cached_by_args


def parameter_names(model: Any, p0: Any, argument: str = "the model") -> list[str] | None:
    """Return the names of a model's parameters; None if its signature does not give them.

    Parameters with a default and no start value are left out. Errors call the model `argument`.
    """
    if not callable(model):
        raise SettingError(f"{argument} must be a function, got {model!r}")
    names, needed, takes_any = _signature(model)
    if names is None:
        if p0 is None or isinstance(p0, Mapping):  # a dict has the names
            return None
        return [f"p{i}" for i in range(np.size(trees.leaves(p0)))]
    if isinstance(p0, Mapping):
        own = [name for i, name in enumerate(names) if i < needed or name in p0]
        return [*own, *(name for name in p0 if name not in own)] if takes_any else own
    if takes_any and not names:
        raise InputError(
            f"{argument} takes its parameters by name, as **: give start values as a dict"
        )
    count = len(names) if p0 is None else sum(np.size(leaf) for leaf in trees.leaves(p0))
    return list(names[: max(count, needed)])


@cached_by_args
def _signature(model: Callable[..., Any]) -> tuple[tuple[str, ...] | None, int, bool]:
    """Return the names of a model's parameters, and how many have no default.

    The names are None for a model that takes any number of parameters. The last value says
    whether it takes further ones by any name.
    """
    try:
        signature = inspect.signature(model)
    except ValueError:  # a callable object
        callable_object: Any = model
        signature = inspect.signature(callable_object.__call__)
    everything = list(signature.parameters.values())
    if any(p.kind is inspect.Parameter.VAR_POSITIONAL for p in everything):
        return None, 0, False
    fixed = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    parameters = [p for p in everything[1:] if p.kind in fixed]
    needed = sum(p.default is inspect.Parameter.empty for p in parameters)
    takes_any = any(p.kind is inspect.Parameter.VAR_KEYWORD for p in everything)
    return tuple([p.name for p in parameters]), needed, takes_any
