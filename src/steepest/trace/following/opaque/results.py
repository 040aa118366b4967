"""The results of a function that is called as it is: the numbers in them, and all the rest."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np

from steepest.errors import UnsupportedError
from steepest.graph import Shape
from steepest.graph.source import at, user_source
from steepest.trace.arrays.array import TracedArray
from steepest.trace.arrays.registries import COMPLEX
from steepest.trace.arrays.text import TracedText, shown
from steepest.trace.recording.dtypes import SUPPORTED
from steepest.trace.recording.session import current

_TEXTS = (str, bytes, type(None))


@dataclass(frozen=True)
class Returned:
    """What a function returned.

    Attributes
    ----------
    leaves
        The real arrays and numbers in it; a complex one counts twice.
    marks
        For each: whether it is a Python number, and whether it is a number at all.
    others
        What else is in it: keys, texts and types.
    make
        Makes such a result from other leaves.
    """

    leaves: tuple[np.ndarray, ...]
    marks: tuple[tuple[bool, bool], ...]
    others: tuple[Any, ...]
    make: Callable[[Sequence[Any]], Any]

    @property
    def shape(self) -> Shape:
        """The shape of all leaves as one array."""
        whole = (sum(x.size for x in self.leaves),)
        return self.leaves[0].shape if len(self.leaves) == 1 else whole

    @property
    def dtype(self) -> np.dtype:
        """The dtype of all leaves as one array."""
        if len(self.leaves) == 1:
            return self.leaves[0].dtype
        return np.result_type(np.float32, *self.leaves)

    def joined(self) -> np.ndarray:
        """Return all leaves as one array."""
        if len(self.leaves) == 1:
            return self.leaves[0]
        parts = [x.reshape(-1).astype(self.dtype) for x in self.leaves]
        return np.concatenate(parts) if parts else np.zeros(0)

    def takes(self, other: Returned) -> bool:
        """Whether another result has the same structure, shapes and texts, and fits the dtypes."""
        return (
            [x.shape for x in self.leaves] == [x.shape for x in other.leaves]
            and self.others == other.others
            and all(map(_fits, other.leaves, self.leaves))
        )

    def rebuilt(self, whole: TracedArray) -> Any:
        """Return the result whose leaves are parts of a traced array."""
        parts: list[Any] = []
        start = 0
        for leaf, (weak, is_scalar) in zip(self.leaves, self.marks, strict=True):
            part: Any = whole
            if len(self.leaves) > 1:
                part = np.reshape(whole[start : start + leaf.size], leaf.shape).astype(leaf.dtype)
                start += leaf.size
            parts.append(TracedArray(part.node, current(), weak, is_scalar))
        return self.make(parts)

    def __str__(self) -> str:
        return ", ".join(f"{x.dtype} of shape {x.shape}" for x in self.leaves) or "no numbers"


def _fits(leaf: np.ndarray, target: np.ndarray) -> bool:
    if leaf.dtype.kind == "c":  # a complex step
        return target.dtype.kind == "f"
    return np.can_cast(leaf.dtype, target.dtype, "same_kind")


def returned(result: Any, name: str, in_parts: bool = True) -> Returned:
    """Return what a function returned, taken apart.

    Parameters
    ----------
    result, name
        The result, and the name of the function.
    in_parts
        Whether complex numbers become their two parts.

    Raises
    ------
    UnsupportedError
        If it holds something else than numbers, texts, and containers of them.
    """
    leaves: list[np.ndarray] = []
    marks: list[tuple[bool, bool]] = []
    others: list[Any] = []
    make = _apart(result, leaves, marks if in_parts else None, others, name)
    if not leaves:
        _refuse(result, name)
    return Returned(tuple(leaves), tuple(marks), tuple(others), make)


def _apart(result: Any, leaves: Any, marks: Any, others: Any, name: str) -> Any:
    """Add the leaves, their marks and all else to the lists; return what makes such a result."""
    kind: Any = type(result)
    if isinstance(result, _TEXTS):
        others.append(result)
        return lambda parts: result if result is None else as_text(result)
    if isinstance(result, dict):
        keys = tuple(result)
        values = [_apart(v, leaves, marks, others, name) for v in result.values()]
        others.append((kind, keys))
        return lambda parts: _dict(kind, keys, [make(parts) for make in values])
    if kind in (list, tuple) or (isinstance(result, tuple) and hasattr(kind, "_fields")):
        items = [_apart(item, leaves, marks, others, name) for item in result]
        others.append((kind, len(items)))
        return functools.partial(_sequence, kind, items)
    is_number = isinstance(result, bool | int | float | complex | np.generic)
    if is_number or hasattr(kind, "__array__"):
        return _leaf(result, leaves, marks, name)
    _refuse(result, name)


def _sequence(kind: Any, items: Sequence[Any], parts: Any) -> Any:
    made = [make(parts) for make in items]
    return made if kind is list else tuple.__new__(kind, made)


def as_text(text: str | bytes) -> Any:
    """Return a text that a function gave; it may be printed, but not read."""
    if isinstance(text, bytes):
        return shown(text.decode(errors="replace"))
    return shown(text) if any(map(str.isdigit, text)) else TracedText(text)


def _dict(kind: Any, keys: Sequence[Any], values: Sequence[Any]) -> Any:
    made = kind.__new__(kind)
    dict.update(made, zip(keys, values, strict=True))
    return made


def _leaf(result: Any, leaves: Any, marks: Any, name: str) -> Any:
    array = np.asarray(result)
    weak = type(result) in (bool, int, float, complex)
    is_scalar = weak or isinstance(result, np.generic)
    position = len(leaves)
    if marks is None:
        leaves.append(array)
        return None
    if array.dtype.kind == "c":
        array = array.astype(np.complex128)
        for part in (array.real, array.imag):
            leaves.append(np.ascontiguousarray(part).reshape(array.shape))
            marks.append((weak, is_scalar))
        return lambda parts: COMPLEX["of parts"](parts[position], parts[position + 1])
    if array.dtype not in SUPPORTED:
        if array.dtype.kind != "f":
            _refuse(result, name)
        array = array.astype(np.float64)  # long double, half precision, another byte order
    leaves.append(array)
    marks.append((weak, is_scalar))
    return lambda parts: parts[position]


def _refuse(result: Any, name: str) -> NoReturn:
    if result is None:
        raise UnsupportedError(f"{name}{at(user_source())} returns None, and no numbers")
    what = f"{type(result).__module__}.{type(result).__qualname__}".removeprefix("builtins.")
    raise UnsupportedError(
        f"{name}{at(user_source())} returns {what}, and no numbers, arrays or containers of them"
    )
