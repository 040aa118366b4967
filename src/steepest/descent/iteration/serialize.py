"""Methods, stop rules and nested parameters as JSON, and back."""

from __future__ import annotations

import dataclasses
from collections import OrderedDict
from typing import Any

import numpy as np

from steepest.descent import methods, stop_rules
from steepest.descent.methods import schedules
from steepest.graph import trees

_KNOWN = {
    name: kind
    for module in (methods, schedules, stop_rules)
    for name, kind in vars(module).items()
    if dataclasses.is_dataclass(kind) and isinstance(kind, type)
}


class UnknownSettingError(Exception):
    """A setting that cannot be restored from a file; the message names it."""


def is_known(value: Any) -> bool:
    """Whether a setting consists of steepest's own classes, numbers and strings."""
    kind = type(value)
    if value is None or kind in (bool, int, float, str):
        return True
    if kind is tuple:
        return all(map(is_known, value))
    return _KNOWN.get(kind.__name__) is kind and all(
        is_known(getattr(value, field.name)) for field in dataclasses.fields(value)
    )


def encode(value: Any) -> Any:
    """Return a setting as JSON. A class that is not steepest's is stored by name only."""
    value = value.item() if isinstance(value, np.generic) else value
    kind = type(value)
    if value is None or kind in (bool, int, float, str):
        return value
    if _KNOWN.get(kind.__name__) is kind:
        fields = [field for field in dataclasses.fields(value) if field.init]
        settings = {field.name: encode(getattr(value, field.name)) for field in fields}
        return {"name": kind.__name__, "settings": settings}
    return {"unknown": getattr(value, "__qualname__", None) or repr(value)}


def decode(value: Any) -> Any:
    """Return a setting from JSON.

    Raises
    ------
    UnknownSettingError
        If a part of it is not steepest's, or not known to this version.
    """
    if not isinstance(value, dict):
        return value
    if "unknown" in value:
        raise UnknownSettingError(value["unknown"])
    settings = {name: decode(setting) for name, setting in value["settings"].items()}
    kind = _KNOWN.get(value["name"])
    if kind is None or not settings.keys() <= {field.name for field in dataclasses.fields(kind)}:
        raise UnknownSettingError(value["name"])
    return kind(**settings)


_DICTS = (dict, OrderedDict)


def encode_structure(structure: Any) -> Any:
    """Return a nesting of tuples, lists and dicts as JSON; None for other containers."""
    numbered = trees.unflatten(structure, list(range(structure.num_leaves)))

    def part(value: Any) -> Any:
        if isinstance(value, int):
            return value
        if type(value) in _DICTS and all(isinstance(key, str) for key in value):
            kind = type(value).__name__
            return {kind: {key: part(inner) for key, inner in value.items()}}
        if type(value) in (tuple, list):
            return {type(value).__name__: [part(inner) for inner in value]}
        raise UnknownSettingError(type(value).__name__)

    try:
        return part(numbered)
    except UnknownSettingError:
        return None


def decode_structure(encoded: Any) -> Any:
    """Return a nesting from JSON."""

    def whole(value: Any) -> Any:
        if isinstance(value, int):
            return value
        ((kind, inner),) = value.items()
        if kind in ("dict", "OrderedDict"):
            named = {key: whole(part) for key, part in inner.items()}
            return named if kind == "dict" else OrderedDict(named)
        parts = [whole(part) for part in inner]
        return tuple(parts) if kind == "tuple" else parts

    return trees.structure(whole(encoded))
