"""``np.r_`` and ``np.c_``, which are indexed to join arrays, and ``np.ix_``."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from steepest.errors import InputError
from steepest.graph.source import at, user_source
from steepest.trace.arrays.array import as_traced, holds_traced
from steepest.trace.arrays.refusals import refuse
from steepest.trace.following.namespaces import SEEN
from steepest.trace.functions.numpy.creating import array as make_array
from steepest.trace.functions.numpy.joining import concatenate
from steepest.trace.functions.registry import Array, ArrayLike, as_plain, implements, node_cast


class Joiner:
    """``np.r_`` or ``np.c_``, as traced code sees it.

    Parameters
    ----------
    real
        NumPy's object.
    axis, ndmin, place
        The axis along which arrays are joined, the least number of axes of each array, and
        where an array's own axes go among those. A string as the first index overrides them.
    """

    def __init__(self, real: ArrayLike, axis: int, ndmin: int, place: int) -> None:
        self.real, self.settings = real, (axis, ndmin, place)

    def __len__(self) -> int:
        return 0

    def __getitem__(self, key: Any) -> Any:
        """Join the items of an index."""
        items = list(key) if isinstance(key, tuple) else [key]
        parts = [[s.start, s.stop, s.step] if isinstance(s, slice) else s for s in items]
        if not holds_traced(parts):
            return self.real[key]
        axis, ndmin, place = self.settings
        if isinstance(items[0], str):
            axis, ndmin, place = _settings_of(items.pop(0), ndmin, place)
        if any(isinstance(item, str) for item in items):
            raise InputError(f"np.r_{at(user_source())}: a string must be the first index")
        arrays = [_as_part(item, ndmin, place) for item in items]
        weak = [
            as_traced(item).node.dtype.type(0).item()
            if type(item) in (int, float, bool) or getattr(item, "weak", False)
            else array.dtype
            for item, array in zip(items, arrays, strict=True)
        ]
        dtype = np.result_type(*weak)
        return concatenate([node_cast(array, dtype) for array in arrays], axis)


def _settings_of(text: str, ndmin: int, place: int) -> tuple[int, int, int]:
    try:
        numbers = [operator.index(int(part)) for part in text.split(",")]
    except ValueError:
        refuse(f"np.r_[{text!r}, ...], which makes a matrix,")
    if len(numbers) > 3:
        raise InputError(f"np.r_{at(user_source())}: {text!r} must be up to three numbers")
    axis, ndmin, place = (*numbers, *(0, ndmin, place)[len(numbers) :])
    return axis, ndmin, place


def _as_part(item: Any, ndmin: int, place: int) -> Array:
    if isinstance(item, slice):
        array = _range_of(item)
        if ndmin > 1:
            array = make_array(array, ndmin=ndmin)
            array = array if place == -1 else np.swapaxes(array, -1, place)
        return array
    own = as_traced(item).ndim
    array = make_array(item, ndmin=ndmin)
    if place == -1 or own >= ndmin or own == 0:
        return array
    added = ndmin - own
    first = place if place >= 0 else place + added + 1
    axes = list(range(ndmin))
    return np.transpose(array, axes[:first] + axes[added:] + axes[first:added])


def _range_of(item: slice) -> Array:
    start = 0 if item.start is None else item.start
    step = 1 if item.step is None else item.step
    if isinstance(step, complex):
        return np.linspace(as_traced(start), item.stop, int(abs(step)))
    return np.arange(as_traced(start), item.stop, step)


SEEN[np.r_] = Joiner(np.r_, 0, 1, -1)
SEEN[np.c_] = Joiner(np.c_, -1, 2, 0)


@implements(np.ix_)
def ix_(*args: ArrayLike) -> tuple[Array, ...]:
    mesh = []
    for axis, sequence in enumerate(args):
        array = as_traced(sequence)
        if array.ndim != 1:
            raise InputError(f"np.ix_{at(user_source())}: every index must have one axis")
        if array.dtype == np.bool_:
            array = as_traced(as_plain(array).nonzero()[0])
        shape = [1] * len(args)
        shape[axis] = array.size
        mesh.append(np.reshape(array, shape))
    return tuple(mesh)
