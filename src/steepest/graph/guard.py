"""A guard: what one path through a function takes for granted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

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


def rests_on_equality(condition: Node, truth: bool, counts: Callable[[Node], bool]) -> bool:
    """Whether a condition has a value because two real numbers are equal.

    Parameters
    ----------
    condition, truth
        A truth value, and what it is.
    counts
        Whether an operand of such a comparison is one that varies.
    """
    name, operands = condition.op.name, condition.operands
    if condition.dtype.kind == "f":  # it is false where it is 0
        return not truth and condition.size > 0 and counts(condition)
    if name in ("equal", "not_equal"):
        is_real = operands[0].dtype.kind == "f" and condition.size > 0
        is_real = is_real and operands[0] is not operands[1]  # which asks for NaN
        return is_real and truth == (name == "equal") and any(map(counts, operands))
    if name in ("greater", "less_equal"):  # of a size and 0: only at one point it is 0
        size, zero = operands
        is_zero = zero.op.name == "constant" and not np.any(zero.op.evaluate(**zero.attributes))
        return is_zero and truth == (name == "less_equal") and _is_size(size) and counts(size)
    if name == "logical_not":
        return rests_on_equality(operands[0], not truth, counts)
    follows = {"logical_and": True, "logical_or": False}
    if name in _THROUGH or follows.get(name) == truth:
        return any(rests_on_equality(operand, truth, counts) for operand in operands)
    return False


_SIZES = frozenset({"absolute", "square", "sqrt", "root", "hypot", "square_of_root"})


def _is_size(node: Node) -> bool:
    """Whether a node is never negative, and zero only where what it measures vanishes."""
    while node.op.name in (*_THROUGH, "sum", "max") and node.operands:
        node = node.operands[0]
    return node.op.name in _SIZES
