"""A branch whose arms both run, one after the other, from the same state."""

from __future__ import annotations

import copy
import sys
import types
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from steepest.graph import Node, Source
from steepest.ops import TABLE, Row
from steepest.trace.arrays.array import TracedArray
from steepest.trace.arrays.storage import Storage
from steepest.trace.branching.kinds import Mixed
from steepest.trace.branching.merging import (
    NewLists,
    merged,
    merged_items,
    merged_storage,
)
from steepest.trace.branching.safe import safe_operands
from steepest.trace.branching.source_code import is_rewritten, rewritten_code
from steepest.trace.recording.captures import MISSING
from steepest.trace.recording.session import ForkError, Session, current

MOST_FORKS = 20_000
"""Branches whose arms both run, in one recording."""

DEEPEST = 12
"""Branches inside arms of branches."""


@dataclass
class Merging:
    """One recording in which branches are merged.

    Attributes
    ----------
    sites
        Files and lines of the branches that are merged.
    session
        The recording.
    has_run
        Whether the function has been recorded before, for the same call.
    count, steps
        How many branches were merged so far, and how many steps ``while`` loops in arms made.
    demanded
        Conditions without which the function would raise an error.
    mixed
        Numbers that are of different types after the two arms of a branch.
    conditions
        What the merged branches depend on.
    around
        Code of functions that run around the recording, and are not called in it.
    site
        The line of the last branch.
    frozen
        Arrays that were made read-only, and why they were before.
    """

    sites: frozenset[tuple[str, int]]
    session: Session
    has_run: bool = True
    count: int = 0
    steps: int = 0
    demanded: dict[Node, None] = field(default_factory=dict)
    mixed: Mixed = field(default_factory=Mixed)
    conditions: list[Node] = field(default_factory=list)
    around: frozenset[types.CodeType] = frozenset()
    site: Source | None = None
    frozen: list[tuple[Storage, str]] = field(default_factory=list)

    def merged(self, condition: Node, yes: Any, no: Any) -> Any:
        """Return one of two numbers, whose types may differ."""
        return merged(condition, yes, no, self.session)

    def freeze(self, storage: Storage, reason: str) -> None:
        """Make an array read-only for the rest of the recording."""
        self.frozen.append((storage, storage.read_only))
        storage.read_only = storage.read_only or reason

    def thaw(self) -> None:
        """Undo what `freeze` has done: the recording is of no use."""
        for storage, before in reversed(self.frozen):
            storage.read_only = before

    def rewrite(self, function: types.FunctionType) -> None:
        """Give a followed function its rewritten code."""
        if is_rewritten(function.__code__) or function.__code__ in self.around:
            return
        code = rewritten_code(function.__code__)
        if code is None:
            raise ForkError(None)
        function.__code__ = code

    def demand(self, condition: Any, error: Callable[[], Exception]) -> None:
        """Raise an error unless a condition holds in the arm that is being recorded.

        An arm that is not taken demands nothing.
        """
        session = self.session
        if not isinstance(condition, TracedArray):
            if not condition:
                raise error()
            return
        if current() is not session:
            raise ForkError(None)
        truth: Any = np.reshape(condition.astype(np.bool_), ())
        known = session.known_value(truth.node)
        if known is None:
            known = session.asked(truth.node)
        if known is not None:
            if not known:
                raise error()
            return
        if session.root.forks:
            taken: Any = TracedArray(session.root.forks[-1].taken, session)
            truth = truth | np.logical_not(taken)
        if not session.value(truth.node):
            raise error()
        self.demanded[truth.node] = None

    def safe(self, op: Row, operands: Sequence[Node]) -> Sequence[Node]:
        """Return the operands of an operation in an arm; the arm may not be taken."""
        session = self.session
        return safe_operands(op, operands, session.root.forks[-1].taken, session.record)


@dataclass(frozen=True)
class Decided:
    """A branch that is taken one way."""

    truth: bool
    is_merging = False

    def __iter__(self) -> Iterator[bool]:
        return iter((self.truth,))


_DECIDED = {truth: Decided(truth) for truth in (False, True)}


@dataclass
class _Touched:
    """Something that an arm may change: how to read and write its state, and its states."""

    thing: Any
    read: Callable[[], Any]
    write: Callable[[Any], None]
    merge: Callable[[Node, Any, Any, Any], None]
    before: Any
    after: list[Any] = field(default_factory=list)


class Fork:
    """A branch of which both arms run.

    Iterating over it gives True, then False; the state is put back in between. Afterwards
    `merged` gives the values of variables.

    Parameters
    ----------
    session, condition
        The recording, and what decides.
    site
        File and first line of the condition.
    written
        Variables that the arms assign to.
    """

    is_merging = True

    def __init__(
        self, session: Session, condition: Node, site: Source | None, written: tuple[str, ...] = ()
    ) -> None:
        self.session, self.condition, self.site = session, condition, site
        self.written = written
        self.side: bool | None = None
        self.variables: dict[str, Any] = {}
        self.taken: Any = condition  # with all branches around it
        self.results: list[dict[str, Any]] = []
        self.touched: dict[int, _Touched] = {}
        self.made: dict[int, Any] = {}
        self.now: dict[str, Any] = {}

    def __iter__(self) -> Fork:
        return self

    def __next__(self) -> bool:
        variables = sys._getframe(1).f_locals if self.written else {}
        values = {name: variables.get(name, MISSING) for name in self.written}
        if self.side is None:
            self.variables = values
            return self.begin()
        self.results.append(values)
        if self.side:
            return self.turn()
        self.end()
        yes, no = self.results
        lists = NewLists(self.made)
        for name in self.written:
            try:
                self.now[name] = self.joined(yes[name], no[name], lists)
            except ForkError:  # an error where it is read; most often nobody reads it
                self.now[name] = MISSING
        raise StopIteration

    def begin(self) -> bool:
        """Begin the arm that is taken where the condition is true."""
        self._enter(self.condition)
        self.session.root.forks.append(self)
        self.side = True
        return True

    def _enter(self, condition: Node) -> None:
        """Note where an arm is taken, given the branches around it."""
        around = self.session.root.forks
        self.taken = condition
        if around:
            self.taken = self.session.record(TABLE["logical_and"], [around[-1].taken, condition])

    def turn(self) -> bool:
        """Put the state back, and begin the other arm."""
        self._check_innermost()
        for touched in self.touched.values():
            touched.after.append(touched.read())
            touched.write(touched.before)
        self.session.root.forks.pop()
        self._enter(self.session.record(TABLE["logical_not"], [self.condition]))
        self.session.root.forks.append(self)
        self.side = False
        return False

    def end(self) -> None:
        """Merge what both arms have changed."""
        self._check_innermost()
        self.session.root.forks.pop()
        for touched in self.touched.values():
            # What only the second arm has touched is after the first one as it was before.
            yes = touched.after[0] if touched.after else touched.before
            try:
                touched.merge(self.condition, touched.thing, yes, touched.read())
            except ForkError:
                raise ForkError(self.site) from None

    def joined(self, yes: Any, no: Any, lists: NewLists) -> Any:
        """Return one value for those of the two arms."""
        return merged(self.condition, yes, no, self.session, lists)

    def _check_innermost(self) -> None:
        if self.session.root.forks[-1] is not self or current() is not self.session:
            raise ForkError(self.site)

    def before(self, name: str) -> Any:
        """Return the value of a variable before the branch; the fork itself if it has none."""
        value = self.variables[name]
        return self if value is MISSING else value

    def merged(self, name: str) -> Any:
        """Return the value of a variable after the branch; the fork itself if it has none."""
        value = self.now[name]
        return self if value is MISSING else value

    def touch(self, thing: Any, read: Any, write: Any, merge: Any) -> None:
        """Note that an arm is about to change something."""
        if id(thing) not in self.touched and id(thing) not in self.made:
            self.touched[id(thing)] = _Touched(thing, read, write, merge, read())

    def touch_storage(self, storage: Any) -> None:
        """Note that an arm is about to assign to an array."""
        self.touch(storage, storage.save, storage.restore, merged_storage)


def fork_of(
    test: Any, site: tuple[int, int], written: tuple[str, ...], read: tuple[str, ...], depth: int
) -> Fork | Decided:
    """Return a branch by a test whose lines are `site`, in the frame `depth` calls further out."""
    truth = _undecided(test)
    if truth is None:
        return _DECIDED[bool(test)]
    session = current()
    root = session.root
    for fork in root.forks:
        if fork.condition is truth:
            return _DECIDED[fork.side]
    merging, frame = root.merging, sys._getframe(depth + 1)
    if merging is None or merging.session is not session:
        return _DECIDED[bool(test)]
    file = frame.f_code.co_filename
    if root.forks:
        place = root.forks[0].site
    else:
        lines = [x for x in range(site[0], site[1] + 1) if (file, x) in merging.sites]
        if not lines:
            return _DECIDED[bool(test)]
        place = Source(file, lines[0], frame.f_code.co_name)
    merging.count += 1
    if merging.count > MOST_FORKS or len(root.forks) >= DEEPEST:
        raise ForkError(place)
    if read and any(hasattr(type(frame.f_locals.get(name)), "__next__") for name in read):
        raise ForkError(place)  # both arms would take from it
    merging.site = place
    merging.conditions.append(truth)
    return Fork(session, truth, place, written)


def _undecided(test: Any) -> Node | None:
    """Return the node of a truth value that is not known, or None."""
    if not isinstance(test, TracedArray) or test.size != 1:
        return None
    session = current()
    truth: Any = np.reshape(test.astype(np.bool_), ())
    node: Node = truth.node
    if session.known_value(node) is not None or session.asked(node) is not None:
        return None
    is_decided = any(node in opened.decided for opened in (session, *session.parents))
    return None if is_decided else node


def touch_items(items: Any) -> None:
    """Note that arms are about to change a list or a dictionary."""

    def read() -> Any:
        return copy.copy(items)

    def write(state: Any) -> None:
        items.clear()
        items.extend(state) if isinstance(items, list) else items.update(state)

    def merge(condition: Node, thing: Any, yes: Any, no: Any) -> None:
        write(merged_items(condition, yes, no, current()))

    for fork in current().root.forks:
        fork.touch(items, read, write, merge)
