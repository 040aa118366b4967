"""Arguments that share memory.

A recorded graph treats its arguments as separate arrays. So a function may read arguments that
share memory, but may not change any of them. Calls of a function that changes an argument are
checked each time.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any, NoReturn

import numpy as np

from steepest.errors import UnsupportedError
from steepest.graph import Node, trees
from steepest.graph.source import at, user_source
from steepest.ops.row import RECORD
from steepest.trace.recording.session import Session, current

_WORK: Any = 10_000  # limit of NumPy's search for an element that two arrays share


def shared_memory(
    leaves: Sequence[Any], others: Sequence[np.ndarray] = ()
) -> tuple[int, int] | None:
    """Return the positions of two leaves that share memory; None if no two do.

    An array whose own elements overlap is a pair with itself. The positions of `others` follow
    those of the leaves; memory that two of `others` share does not count.
    """
    arrays = [(i, leaf) for i, leaf in enumerate(leaves) if isinstance(leaf, np.ndarray)]
    for i, array in arrays:
        if _overlaps_itself(array):
            return i, i
    read = list(enumerate(others, len(leaves)))
    pairs = [*itertools.combinations(arrays, 2), *itertools.product(arrays, read)]
    for (i, first), (j, second) in pairs:
        if np.may_share_memory(first, second) and _share(first, second):
            return i, j
    return None


def _share(first: np.ndarray, second: np.ndarray) -> bool:
    try:
        return np.shares_memory(first, second, max_work=_WORK)
    except np.exceptions.TooHardError:
        return True


def _overlaps_itself(array: np.ndarray) -> bool:
    steps = sorted(
        (abs(step), n) for step, n in zip(array.strides, array.shape, strict=True) if n > 1
    )
    reach = array.itemsize
    for step, n in steps:
        if step < reach:
            return array.size > 0
        reach += step * (n - 1)
    return False


def note_arguments(
    session: Session, nodes: Sequence[Node], leaves: Sequence[Any], names: Sequence[str]
) -> None:
    """Note which arguments share memory, so that nothing is written to them."""
    plain = [leaf if isinstance(leaf, np.ndarray) else None for leaf in leaves]
    while (pair := shared_memory(plain)) is not None:
        i, j = pair
        session.shared[nodes[i]] = session.shared[nodes[j]] = _described(names[i], names[j])
        plain[i] = None


def note_inner(session: Session, node: Node, outer: Any) -> None:
    """Note that an inner function's argument is an array that shares memory."""
    for opened in (session, *session.parents):
        if outer.node in opened.shared:
            session.shared[node] = opened.shared[outer.node]


def note_traced(session: Session, arguments: Sequence[Any], names: Sequence[str]) -> None:
    """Note which traced arguments of an inner function are the same array, or views of one."""
    seen: dict[int, tuple[Node, str]] = {}
    for argument, name in zip(arguments, names, strict=True):
        for leaf in trees.leaves(argument):
            if not hasattr(type(leaf), RECORD) or leaf.is_scalar or not hasattr(leaf, "storage"):
                continue
            owner = id(leaf if leaf.storage is None else leaf.storage.root)
            if owner in seen:
                node, first = seen[owner]
                reason = _described(first, name)
                session.shared[node] = session.shared[leaf.node] = reason
            seen[owner] = leaf.node, name


def _described(first: str, second: str) -> str:
    if first == second:
        return f"elements of the argument {first} share memory with each other"
    return f"the arguments {first} and {second} share memory"


def _described_pair(pair: tuple[int, int], names: Sequence[str], count: int) -> str:
    first, second = (names[i] for i in pair)
    if pair[1] >= count:
        return f"the argument {first} shares memory with {second}, which the function reads"
    return _described(first, second)


def check_unshared(argument: Node | None) -> None:
    """Note a change of an argument; raise if it shares memory with another."""
    if argument is None:
        return
    session = current()
    session.root.changed = True
    for opened in (session, *session.parents):
        if argument in opened.shared:
            refuse_shared(opened.shared[argument])


def refuse_shared(reason: str) -> NoReturn:
    """Raise for a change of an argument that shares memory."""
    raise UnsupportedError(
        f"an argument is changed{at(user_source())}, but {reason}: a compiled function cannot "
        "change one through the other; pass a copy of one of them"
    )


def check_call(
    values: Sequence[Any], names: Sequence[str], captured: Sequence[np.ndarray]
) -> None:
    """Raise if the arguments of a function that changes one of them share memory.

    They may share it with each other, or with `captured`, the arrays that the function reads
    from outside. In `names`, the names of these follow those of the arguments.
    """
    pair = shared_memory(values, captured)
    if pair is not None:
        refuse_shared(_described_pair(pair, names, len(values)))
