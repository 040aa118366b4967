"""One value for the two that the arms of a branch give."""

from __future__ import annotations

from typing import Any

import numpy as np

from steepest.graph import Node
from steepest.ops import TABLE
from steepest.trace.arrays.array import TracedArray, as_traced, node_of
from steepest.trace.arrays.assignment import read_element, storage_of
from steepest.trace.arrays.storage import Elements, Storage
from steepest.trace.branching.kinds import common_type
from steepest.trace.recording.captures import MISSING, same_value
from steepest.trace.recording.session import ForkError, Session, current

_FLOAT = np.dtype(np.float64)


class NewLists:
    """Lists and dictionaries that the arms of a branch have made, and what they became.

    Others are not merged: who changes the merged one expects to change the original.

    Parameters
    ----------
    made
        All that were made, by identity.
    """

    def __init__(self, made: dict[int, Any]) -> None:
        self._made = made
        self._partners: dict[int, tuple[Any, Any]] = {}

    def merged(self, condition: Node, yes: Any, no: Any, session: Session) -> Any:
        """Return one list or dictionary for two; again the same if it has two names."""
        if not (id(yes) in self._made and id(no) in self._made and type(yes) is type(no)):
            raise ForkError(None)
        known = [self._partners.get(id(a), (b, None)) for a, b in ((yes, no), (no, yes))]
        if known[0][0] is not no or known[1][0] is not yes:  # two names of one, or of two
            raise ForkError(None)
        if known[0][1] is not None:
            return known[0][1]
        result = type(yes)()
        self._partners[id(yes)], self._partners[id(no)] = (no, result), (yes, result)
        for fork in session.root.forks:
            fork.made[id(result)] = result
        items = merged_items(condition, yes, no, session, self)
        result.extend(items) if isinstance(result, list) else result.update(items)
        return result


def merged(
    condition: Node, yes: Any, no: Any, session: Session, lists: NewLists | None = None
) -> Any:
    """Return the value of a variable after a branch.

    Raises
    ------
    ForkError
        If it is of two kinds.
    """
    if yes is no:
        return yes
    if yes is MISSING or no is MISSING:
        return MISSING
    if isinstance(yes, TracedArray) or isinstance(no, TracedArray) or _is_number(yes):
        return _merged_numbers(condition, yes, no, session)
    if type(yes) is tuple and type(no) is tuple and len(yes) == len(no):
        pairs = zip(yes, no, strict=True)
        return tuple([merged(condition, a, b, session, lists) for a, b in pairs])
    if same_value(yes, no):
        return yes
    if lists is not None and type(yes) in (list, dict):
        return lists.merged(condition, yes, no, session)
    raise ForkError(None)


def _is_number(value: Any) -> bool:
    return isinstance(value, bool | int | float | np.number | np.bool_)


def _merged_numbers(condition: Node, yes: Any, no: Any, session: Session) -> Any:
    if same_value(yes, no):
        return yes
    first, second = _as_traced(yes), _as_traced(no)
    if first.is_scalar != second.is_scalar or first.shape != second.shape:
        raise ForkError(None)
    if not first.is_scalar:
        return _merged_arrays(condition, first, second, session)
    weak = first.weak
    mixed = session.root.merging.mixed
    if first.node is second.node and weak == second.weak:
        return first
    of_two_types = (first.dtype, weak) != (second.dtype, second.weak)
    if of_two_types or mixed.is_mixed(first) or mixed.is_mixed(second):
        return _mixed(condition, (yes, no), (first, second), session)
    node = _where(condition, first.node, second.node)
    return TracedArray(node, session, weak, is_scalar=True)


def _mixed(
    condition: Node, values: tuple[Any, Any], numbers: tuple[Any, Any], session: Session
) -> TracedArray:
    """Return a number that is of one type or of another."""
    merging = session.root.merging
    if not common_type(*numbers, values) or any(
        node.dtype == np.float32 for node in session.root.inputs
    ):
        raise ForkError(None)
    kinds = [x.dtype.kind == "i" or merging.mixed.ints.get(x.node, False) for x in numbers]
    weak = all(x.weak and not merging.mixed.is_mixed(x) for x in numbers)
    first, second = (node_of(x, np.dtype(np.float64)) for x in numbers)
    node = _where(condition, first, second)
    site = session.root.forks[0].site if session.root.forks else merging.site
    merging.mixed.note(node, any(kinds), site)
    return TracedArray(node, session, weak, is_scalar=True)


def _as_traced(value: Any) -> TracedArray:
    """Return a number as a traced one, of the type that it has in Python."""
    if isinstance(value, TracedArray):
        return value
    if not _is_number(value):
        raise ForkError(None)
    made = as_traced(value)
    return TracedArray(made.node, made.session, type(value) in (bool, int, float), is_scalar=True)


_MERGED = "it is what one of two arms of a branch has given, and may be another array in part"


def _merged_arrays(
    condition: Node, yes: TracedArray, no: TracedArray, session: Session
) -> TracedArray:
    """Return an array that is one of two; no one may change any of the three."""
    if yes.dtype != no.dtype:
        raise ForkError(None)
    node = _where(condition, yes.node, no.node)
    result = TracedArray(node, session, ordered=yes.ordered and no.ordered, is_scalar=False)
    for array in (yes, no, result):
        session.root.merging.freeze(storage_of(array).root, _MERGED)
    return result


def merged_items(
    condition: Node, yes: Any, no: Any, session: Session, lists: NewLists | None = None
) -> Any:
    """Return the items of a list or a dictionary after a branch."""
    if isinstance(yes, list):
        if len(yes) != len(no):
            raise ForkError(None)
        pairs = zip(yes, no, strict=True)
        return [merged(condition, a, b, session, lists) for a, b in pairs]
    if list(yes) != list(no):
        raise ForkError(None)
    return {key: merged(condition, yes[key], no[key], session, lists) for key in yes}


def merged_storage(condition: Node, storage: Storage, yes: Elements, no: Elements) -> None:
    """Give an array the elements that it has after a branch."""
    if yes.node is not no.node:
        storage.restore(yes)
        first = storage.current()
        storage.restore(no)
        storage.replace(_where(condition, first, storage.current()))
        return
    storage.restore(no)
    for position in {**yes.elements, **no.elements}:
        first, second = (_element(state, position) for state in (yes, no))
        if first is not second:
            storage.replace_element(position, _where(condition, first, second))


def _where(condition: Node, yes: Node, no: Node) -> Node:
    return current().record(TABLE["where"], [condition, yes, no])


def _element(state: Elements, position: int) -> Node:
    """Return an element of an array."""
    known = state.elements.get(position)
    if known is not None:
        return known
    whole = TracedArray(state.node, current(), is_scalar=False)
    index = tuple(int(i) for i in np.unravel_index(position, state.node.shape))
    return read_element(whole, index).node
