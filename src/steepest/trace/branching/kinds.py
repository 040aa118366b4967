"""Numbers that are of one type after one arm of a branch, and of another type after the other.

``y = 1.0`` in one arm and ``y = a * x[i]`` in the other give a Python float or NumPy's float64.
Both have the same values, and almost all operations give the same for both. So such numbers are
merged, and what would differ is refused: then the branch is not merged. An int that is written
in the code beside a float is such a number, too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from steepest.graph import Node, Source
from steepest.ops.elementwise.comparison import COMPARISONS
from steepest.trace.arrays.array import TracedArray
from steepest.trace.recording.session import ForkError

_FLOAT = np.dtype(np.float64)
_LARGEST_INT = 1 << 20
"""Largest number in the code that may stand for a float: sums of such ints stay exact."""


class Mixed:
    """The numbers of a recording that are of two types.

    Attributes
    ----------
    ints
        Their nodes, and whether they may be Python ints.
    site
        The line of the branch that made the first of them.
    """

    def __init__(self) -> None:
        self.ints: dict[Node, bool] = {}
        self.site: Source | None = None

    def __bool__(self) -> bool:
        return bool(self.ints)

    def note(self, node: Node, is_int: bool, site: Source | None) -> None:
        """Note a number of two types."""
        self.ints[node] = self.ints.get(node, False) or is_int
        self.site = self.site or site

    def operate(self, method: Callable[..., Any], ufunc: Any, last: Any, *operands: Any) -> Any:
        """Return the result of an operator, whose operands may be of two types.

        `last` is its last operand, such as a divisor.

        Raises
        ------
        ForkError
            If the result could depend on the type.
        """
        found = [x for x in operands if self.is_mixed(x)]
        if not found:
            return method(*operands)
        others = [x for x in operands if not self.is_mixed(x)]
        if any(map(_is_numpys_float, others)):
            return method(*operands)
        if not all(map(_is_pythons, others)):
            raise ForkError(self.site)
        result = method(*operands)
        if ufunc.__name__ in COMPARISONS:
            return result
        is_int = all(self.ints[x.node] for x in found) and not any(map(_is_float, others))
        if ufunc is np.divide and type(last) in (int, float) and last != 0:
            self.note(result.node, False, self.site)
            return result
        if ufunc.__name__ not in _SAFE or (is_int and ufunc is np.multiply):
            raise ForkError(self.site)
        self.note(result.node, is_int, self.site)
        return result

    def is_mixed(self, value: Any) -> bool:
        """Whether a value is of two types."""
        return isinstance(value, TracedArray) and value.node in self.ints

    def check_items(self, items: Iterable[Any]) -> None:
        """Raise if all items of a new array may be ints: so would be the array."""
        items = list(items)
        mixed = [x for x in items if self.is_mixed(x)]
        floats = [x for x in items if not self.is_mixed(x) and _is_float(x)]
        if any(self.ints[x.node] for x in mixed) and not floats:
            raise ForkError(self.site)

    def check_result(self, leaves: Iterable[Any]) -> None:
        """Raise if a result of the function may be an int, or a float."""
        if any(self.is_mixed(x) and self.ints[x.node] for x in leaves):
            raise ForkError(self.site)

    def refuse(self, value: Any) -> None:
        """Raise for a number of two types where its type counts."""
        if self.is_mixed(value):
            raise ForkError(self.site)


_SAFE = {"add", "subtract", "multiply", "negative", "positive", "absolute"}
"""Operators that never raise an error, and give the same for floats of Python and NumPy."""


def _is_numpys_float(value: Any) -> bool:
    if isinstance(value, TracedArray):
        return not value.weak and value.dtype == _FLOAT
    return isinstance(value, np.float64) or (
        isinstance(value, np.ndarray) and value.dtype == _FLOAT
    )


def _is_pythons(value: Any) -> bool:
    if isinstance(value, TracedArray):
        return value.weak
    return type(value) in (bool, int, float)


def _is_float(value: Any) -> bool:
    kind = value.dtype.kind if isinstance(value, TracedArray) else np.asarray(value).dtype.kind
    return bool(kind == "f")


def common_type(yes: TracedArray, no: TracedArray, values: tuple[Any, Any]) -> bool:
    """Whether two numbers of different types may be merged as NumPy's float64."""
    return all(
        x.dtype == _FLOAT or (type(value) is int and abs(value) <= _LARGEST_INT)
        for x, value in zip((yes, no), values, strict=True)
    )
