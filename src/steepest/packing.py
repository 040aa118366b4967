"""Nested values as JSON and named arrays, and back."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np

from steepest.errors import InputError

_WIDEST = 8
"""Bytes of a number, at most, in the format safetensors."""


class UnpackableError(Exception):
    """A value that is neither data nor made of data; the message names it."""


def pack(value: Any, name: str, arrays: dict[str, np.ndarray]) -> Any:
    """Return a nested value as JSON; its arrays are added to `arrays`, by names below `name`.

    Raises
    ------
    UnpackableError
        If a part of it is no number, string, array, tuple, list or dict.
    """
    kind = type(value)
    if value is None or kind in (bool, int, float, str):
        return value
    if kind is np.str_:
        return str(value)
    if isinstance(value, np.ndarray) and value.dtype.kind in "UO":
        texts = value.reshape(-1).tolist()
        if not all(isinstance(text, str) for text in texts):
            raise UnpackableError(f"{name}, an array of objects")
        return {"texts": texts, "shape": list(value.shape), "is_object": value.dtype.kind == "O"}
    if isinstance(value, np.ndarray | np.generic) and value.dtype.kind in "fiub":
        if value.dtype.itemsize > _WIDEST:
            raise UnpackableError(f"{name}, of dtype {value.dtype} (convert it to float64)")
        name = _unused(name, arrays)
        arrays[name] = np.asarray(value, value.dtype.newbyteorder("="))
        return {"scalar" if isinstance(value, np.generic) else "array": name}
    if kind in (list, tuple):
        return {kind.__name__: [pack(part, f"{name}.{i}", arrays) for i, part in enumerate(value)]}
    if kind is dict and all(isinstance(key, str) for key in value):
        return {"dict": {key: pack(part, f"{name}.{key}", arrays) for key, part in value.items()}}
    raise UnpackableError(f"{name}, {value!r}")


def _unused(name: str, arrays: Mapping[str, np.ndarray]) -> str:
    """Return a name that no array has: keys with dots may make the same one."""
    numbered = (f"{name}~{number}" for number in itertools.count(2))
    return next(one for one in itertools.chain([name], numbered) if one not in arrays)


def unpack(packed: Any, arrays: Mapping[str, np.ndarray]) -> Any:
    """Return a nested value from JSON and arrays.

    Raises
    ------
    InputError
        If the JSON was not packed by :func:`pack`.
    """
    if not isinstance(packed, dict):
        return packed
    kind, *_ = packed or [None]
    refused = InputError(f"the file holds {kind!r}, which is no value that st.save writes")
    try:
        content = packed[kind]
        if kind == "array":
            return np.array(arrays[content])
        if kind == "scalar":
            return arrays[content][()]
        if kind == "texts":
            dtype: Any = object if packed["is_object"] else np.str_
            return np.array(content, dtype).reshape(packed["shape"])
        if kind in ("list", "tuple"):
            parts = [unpack(part, arrays) for part in content]
            return parts if kind == "list" else tuple(parts)
        if kind == "dict":
            return {key: unpack(part, arrays) for key, part in content.items()}
    except (KeyError, TypeError, ValueError, AttributeError):
        raise refused from None
    raise refused
