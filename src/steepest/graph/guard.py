"""Guards: the conditions of one path through a function.

Here too: the tree that leads to each path, and the tolerance of branches by equality.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from steepest.graph.node import Node
from steepest.graph.source import Source


@dataclass(frozen=True, eq=False)
class Guard:
    """A condition of a graph: it is valid only if this node has this value.

    Attributes
    ----------
    condition
        A node of truth values or integers; most often one truth value, of a branch.
    value
        The value that was met when the function was traced.
    source
        The user's line that asked for it.
    """

    condition: Node
    value: np.ndarray
    source: Source | None = field(default=None, repr=False)

    @property
    def key(self) -> bytes:
        """The value as bytes."""
        return self.value.tobytes()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Guard):
            return NotImplemented
        return self.condition is other.condition and self.key == other.key

    def __hash__(self) -> int:
        return hash((self.condition, self.key))


@dataclass(frozen=True)
class Branch:
    """A decision between paths: a condition, and what follows from each known value of it.

    Attributes
    ----------
    condition
        The node whose value decides.
    cases
        For each known value, as bytes, the next branch or the number of the path.
    """

    condition: Node
    cases: dict[bytes, Branch | int]


def decision_tree(paths: Sequence[Sequence[Guard]]) -> Branch | int:
    """Return a decision tree whose leaves are the numbers of the paths.

    Parameters
    ----------
    paths
        The guards of each path, in order. Two paths of one function have the same guards
        up to the one at which they differ in value. Where two paths test different conditions
        at one place, the later path replaces the earlier one.
    """
    top = Branch(None, {})  # type: ignore[arg-type]
    for number, guards in enumerate(paths):
        branch, key = top, b""
        for guard in guards:
            following = branch.cases.get(key)
            if not isinstance(following, Branch) or following.condition is not guard.condition:
                following = branch.cases[key] = Branch(guard.condition, {})
            branch, key = following, guard.key
        branch.cases[key] = number
    return top.cases[b""]


_THROUGH = frozenset(
    {"reshape", "astype", "getitem", "broadcast_to", "transpose", "pack", "all", "any"}
)
_MAGNITUDES = frozenset({"absolute", "square", "sqrt", "root", "hypot", "square_of_root"})

_NEAR = 1e-4
"""Largest tolerance, relative to the numbers compared, that is a test for equality."""


def slack(
    condition: Node, truth: bool, counts: Callable[[Node], bool], value: Callable[[Node], Any]
) -> float:
    """Return the tolerance of a condition that is decided by the equality of two numbers.

    Parameters
    ----------
    condition, truth
        A truth value, and what it is.
    counts
        Tells whether a node varies; a comparison counts if one of its operands does.
    value
        Returns the value of a node at the point where the function is traced.

    Returns
    -------
    float
        0 for a branch by equality, the tolerance for one by nearness; infinity if the
        condition was not decided by two equal numbers.
    """
    name, operands = condition.op.name, condition.operands
    of = functools.partial(slack, counts=counts, value=value)
    if condition.dtype.kind == "f":  # a number is false where it is 0
        return 0.0 if not truth and condition.size > 0 and counts(condition) else math.inf
    if name in ("equal", "not_equal"):
        is_real = operands[0].dtype.kind == "f" and condition.size > 0
        is_real = is_real and operands[0] is not operands[1]  # x == x is a test for NaN
        is_equality = is_real and truth == (name == "equal") and any(map(counts, operands))
        return 0.0 if is_equality else math.inf
    if name in ("less", "less_equal", "greater", "greater_equal"):
        small, bound = operands if name.startswith("less") == truth else operands[::-1]
        return _tolerance(small, bound, counts, value)
    if name == "logical_not":
        return of(operands[0], not truth)
    if name == "logical_or" and truth:  # every operand that is true counts
        true_operands = [operand for operand in operands if np.any(value(operand))]
        return max((of(operand, truth) for operand in true_operands), default=math.inf)
    if name in _THROUGH or (name == "logical_and" and truth) or (name == "logical_or"):
        return min((of(operand, truth) for operand in operands), default=math.inf)
    return math.inf


def _tolerance(
    small: Node, bound: Node, counts: Callable[[Node], bool], value: Callable[[Node], Any]
) -> float:
    """Return the bound on a magnitude that is exactly 0 here, if the bound is small.

    A bound other than 0 counts only for a difference from something that does not vary.
    """
    measured = _argument_of_magnitude(small)
    if measured is None or not small.size or not counts(small) or np.any(value(small)):
        return math.inf
    limit = float(np.max(value(bound), initial=0.0))
    if limit == 0:
        return limit
    measured = _without_reshapes(measured)
    if measured.op.name != "subtract" or all(map(counts, measured.operands)):
        return math.inf
    sizes = [np.max(np.abs(value(operand)), initial=1.0) for operand in measured.operands]
    return limit if limit <= _NEAR * max(sizes) else math.inf


def _argument_of_magnitude(node: Node) -> Node | None:
    """Return the node whose magnitude a node is; None if it may be negative."""
    found = None
    while node.operands:
        if node.op.name in _MAGNITUDES or _is_square(node):
            found = node.operands[0]
        elif node.op.name not in (*_THROUGH, "sum", "max"):
            break
        node = node.operands[0]
    return found


def _is_square(node: Node) -> bool:
    """Whether a node is the product of an array, or the inner product of a vector, with itself."""
    if node.op.name == "multiply":
        return node.operands[0] is node.operands[1]
    is_product = node.op.name == "matmul" and node.size == 1
    return is_product and len(set(map(_without_reshapes, node.operands))) == 1


def _without_reshapes(node: Node) -> Node:
    """Return a node without the reshapes applied to it."""
    while node.op.name == "reshape":
        node = node.operands[0]
    return node
