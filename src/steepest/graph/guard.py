"""A guard: what one path through a function takes for granted."""

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
    """A value that a node must have, for the graph to be what the function computes.

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
    """Where paths part: what to look at, and where each known value of it leads.

    Attributes
    ----------
    condition
        The node whose value decides.
    cases
        For each value that was met, as bytes, the next branch, or the number of the path.
    """

    condition: Node
    cases: dict[bytes, Branch | int]


def decision_tree(paths: Sequence[Sequence[Guard]]) -> Branch | int:
    """Return the tree of decisions that leads to each path, by its number.

    Parameters
    ----------
    paths
        The guards of each path, in order. Two paths of one function have the same guards
        up to the one at which they part; where they do not, the later path counts.
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
_SIZES = frozenset({"absolute", "square", "sqrt", "root", "hypot", "square_of_root"})

_NEAR = 1e-4
"""Share of what is compared up to which a tolerance stands for equality."""


def slack(
    condition: Node, truth: bool, counts: Callable[[Node], bool], value: Callable[[Node], Any]
) -> float:
    """Return the tolerance of a condition that is decided by the equality of two numbers.

    Parameters
    ----------
    condition, truth
        A truth value, and what it is.
    counts
        Whether an operand of such a comparison is one that varies.
    value
        What nodes are here.

    Returns
    -------
    float
        0 for a branch by equality, the tolerance for one by nearness; infinity where the
        condition does not rest on numbers that are equal here.
    """
    name, operands = condition.op.name, condition.operands
    of = functools.partial(slack, counts=counts, value=value)
    if condition.dtype.kind == "f":  # it is false where it is 0
        return 0.0 if not truth and condition.size > 0 and counts(condition) else math.inf
    if name in ("equal", "not_equal"):
        is_real = operands[0].dtype.kind == "f" and condition.size > 0
        is_real = is_real and operands[0] is not operands[1]  # which asks for NaN
        rests = is_real and truth == (name == "equal") and any(map(counts, operands))
        return 0.0 if rests else math.inf
    if name in ("less", "less_equal", "greater", "greater_equal"):
        small, bound = operands if name.startswith("less") == truth else operands[::-1]
        return _tolerance(small, bound, counts, value)
    if name == "logical_not":
        return of(operands[0], not truth)
    if name == "logical_or" and truth:  # all that hold must
        held = [operand for operand in operands if np.any(value(operand))]
        return max((of(operand, truth) for operand in held), default=math.inf)
    if name in _THROUGH or (name == "logical_and" and truth) or (name == "logical_or"):
        return min((of(operand, truth) for operand in operands), default=math.inf)
    return math.inf


def _tolerance(
    small: Node, bound: Node, counts: Callable[[Node], bool], value: Callable[[Node], Any]
) -> float:
    """Return the bound of a size that is exactly 0, if it is a small one.

    A bound other than 0 counts for the difference from something that does not vary.
    """
    measured = _measured(small)
    if measured is None or not small.size or not counts(small) or np.any(value(small)):
        return math.inf
    limit = float(np.max(value(bound), initial=0.0))
    if limit == 0:
        return limit
    measured = _bare(measured)
    if measured.op.name != "subtract" or all(map(counts, measured.operands)):
        return math.inf
    sizes = [np.max(np.abs(value(operand)), initial=1.0) for operand in measured.operands]
    return limit if limit <= _NEAR * max(sizes) else math.inf


def _measured(node: Node) -> Node | None:
    """Return what a node is the size of; None where it is none, and may be negative."""
    found = None
    while node.operands:
        if node.op.name in _SIZES or _is_square(node):
            found = node.operands[0]
        elif node.op.name not in (*_THROUGH, "sum", "max"):
            break
        node = node.operands[0]
    return found


def _is_square(node: Node) -> bool:
    """Whether a node is the product of another with itself, or a vector's."""
    if node.op.name == "multiply":
        return node.operands[0] is node.operands[1]
    is_product = node.op.name == "matmul" and node.size == 1
    return is_product and len(set(map(_bare, node.operands))) == 1


def _bare(node: Node) -> Node:
    """Return the array that a node shows in another shape."""
    while node.op.name == "reshape":
        node = node.operands[0]
    return node
