"""A function recorded once more, with its repeated branches merged."""

from __future__ import annotations

import contextlib
import threading
import types
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from steepest.graph import Node, order, trees
from steepest.lazy import keep_recent
from steepest.ops import INPUT, TABLE
from steepest.trace.branching.fork import Merging
from steepest.trace.recording.session import AbandonedError, ForkError, Session
from steepest.trace.replaying import replaying

LEAST_REPEATED = 4
"""Guards of one line from which on its branches are merged. Fewer are compiled as paths."""

MOST_ATTEMPTS = 6
"""Recordings that are made to find the branches that can be merged."""

MOST_RESTARTS = 4
"""Recordings that are begun anew because of what steps have in common."""

Site = tuple[str, int]


class _Known(NamedTuple):
    """The lines of a function whose branches were merged, and those that cannot be merged."""

    merged: frozenset[Site] = frozenset()
    excluded: frozenset[Site] = frozenset()


_known: OrderedDict[types.CodeType, _Known] = OrderedDict()
_MOST_KNOWN = 256
_NO_CODE = compile("", "<no code>", "exec")
_lock = threading.Lock()


def recorded(
    session: Session, function: Any, first: Callable[[], Any], again: Callable[[], Any]
) -> Any:
    """Return the result of a function that is traced, with repeated branches merged.

    Parameters
    ----------
    session, function
        The recording, and the user's function.
    first
        Calls it.
    again
        Calls it on copies of its arguments.
    """
    root, code = session.root, getattr(function, "__code__", _NO_CODE)
    if root.forks:
        return first()
    before, known = Before(session), _known.get(code, _Known())
    session.branches.clear()
    result = first() if root.merging is not None else _replayed(session, before, first)
    if root.changed or root.attributes:  # a second call would have other arguments
        return result
    found, done, excluded = _repeated(session), set[Site](), set(known.excluded)
    found |= known.merged
    values = _values(result) if found - excluded else None
    for _ in range(MOST_ATTEMPTS if values is not None else 0):
        wanted = found - excluded
        if wanted <= done:
            break
        after, count = _After(session), len(session.branches)
        before.go_back()
        merged = _merged(session, again, frozenset(wanted))
        is_same = isinstance(merged, _Recorded) and _are_same(_values(merged.result), values)
        if isinstance(merged, _Recorded) and is_same and len(session.branches) < count:
            result, done = merged.result, wanted
            found |= _repeated(session)
            continue
        before.go_back()
        after.come_back()
        excluded |= {merged} if isinstance(merged, tuple) else wanted
    if code is not _NO_CODE and (done or excluded):
        with _lock:
            keep_recent(_known, code, _Known(frozenset(done), frozenset(excluded)), _MOST_KNOWN)
    return result


def _replayed(session: Session, before: Before, first: Callable[[], Any]) -> Any:
    """Return the result of a function, with its loops replayed; if that fails, without.

    It is recorded once more where its later steps show how the first ones are to be recorded.
    """
    root = session.root
    attributes, outer = dict(root.attributes), root.restarts
    root.restarts = MOST_RESTARTS
    try:
        while True:
            left = root.restarts
            try:
                with replaying(session):
                    return first()
            except AbandonedError:
                session.is_abandoned = False
                before.go_back()
                root.attributes = dict(attributes)
            if root.restarts == left:
                root.restarts = 0
                return first()
            for parent in session.parents:
                parent.is_abandoned = False
    finally:
        root.restarts = outer


def _values(result: Any) -> list[np.ndarray] | None:
    """Return what a recording gives at the point where it was made; None if that fails.

    Merged branches must give the same there, whatever the function does that is not foreseen.
    """
    try:
        return [np.asarray(getattr(leaf, "value", leaf)) for leaf in trees.leaves(result)]
    except Exception:  # an arm that is not taken fails at this point
        return None


def _are_same(found: list[np.ndarray] | None, expected: list[np.ndarray] | None) -> bool:
    if found is None or expected is None or len(found) != len(expected):
        return False
    pairs = zip(found, expected, strict=True)
    return all([np.array_equal(a, b, equal_nan=a.dtype.kind == "f") for a, b in pairs])


@dataclass(frozen=True)
class _Recorded:
    """The result of a recording."""

    result: Any


def _merged(
    session: Session, again: Callable[[], Any], sites: frozenset[Site], has_run: bool = True
) -> _Recorded | Site | None:
    """Return the result of a function with some branches merged.

    Return the line of a branch that cannot be merged, or None if nothing can be.
    """
    root = session.root
    try:
        with rewritten_functions(session, Merging(sites, session, has_run)) as merging:
            result = again()
            merging.mixed.check_result(trees.leaves(result))
    except ForkError as error:
        return error.site and (error.site.file, error.site.line)
    except Exception:  # an error of an arm that is not taken, or of a variable without a value
        return None
    if root.coincidences or root.changed or root.attributes:
        return None
    _add_guard(session, merging)
    return _Recorded(result)


def _repeated(session: Session) -> set[Site]:
    """Return the lines of which many guards of a recording are.

    Branches on data alone do not count: they do not change while a function is minimized, and
    one arm is faster than both.
    """
    varies: dict[Node, bool] = {}
    for node in order([condition for condition, _ in session.branches]):
        if node.op is INPUT:
            varies[node] = node not in session.data
        else:
            varies[node] = any([varies[operand] for operand in node.operands])
    counts = Counter(
        (source.file, source.line)
        for condition, source in session.branches
        if source is not None and varies[condition]
    )
    return {site for site, count in counts.items() if count >= LEAST_REPEATED}


class Before:
    """The state before a function is recorded."""

    def __init__(self, session: Session) -> None:
        self.session, self.first = session, len(session.guards)
        self.decided = dict(session.decided)
        places = [*session.root.places, *session.root.pending]
        self.saved = {id(place): place.save() for place in places}

    def go_back(self) -> None:
        """Let the function see everything outside as before, and drop its guards."""
        session, root = self.session, self.session.root
        for place in (*root.places, *root.pending):
            put_back = self.saved.get(id(place), place.reset)
            put_back()
        del session.guards[self.first :]
        session.decided = dict(self.decided)
        session.branches.clear()
        root.coincidences.clear()


class _After:
    """The state after a function was recorded."""

    def __init__(self, session: Session) -> None:
        root = session.root
        self.session, self.decided = session, session.decided
        self.lists: list[tuple[list[Any], list[Any]]] = [
            (now, list(now)) for now in (session.guards, session.branches, root.coincidences)
        ]
        self.put_back = [place.save() for place in (*root.places, *root.pending)]

    def come_back(self) -> None:
        """Go back to this state."""
        for put_back in self.put_back:
            put_back()
        for now, then in self.lists:
            now[:] = then
        self.session.decided = self.decided


@contextlib.contextmanager
def rewritten_functions(session: Session, merging: Merging) -> Iterator[Merging]:
    """Let the user's functions run with rewritten code."""
    root = session.root
    outer, root.merging = root.merging, merging
    try:
        for function in _followed(session):
            merging.rewrite(function)
        yield merging
        if root.forks:  # an error left an arm, and was caught
            raise ForkError(None)
    except BaseException:
        merging.thaw()
        raise
    finally:
        root.merging = outer
        root.forks.clear()
        if outer is None:
            for function in _followed(session):
                function.__code__ = root.originals[id(function)].__code__


def _add_guard(session: Session, merging: Merging) -> None:
    """Add one guard for everything without which the function would raise an error."""
    _add_joint([node for node in merging.demanded if node not in session.decided], session)


def join_demands(session: Session, first: int) -> None:
    """Make one guard of many without which a function would raise an error, from one on.

    Functions of `math` make one at each call. The loop that calls them can then be a loop.
    """
    own = session.guards[first:]
    conditions = [guard.condition for guard in own if guard.condition in session.demands]
    if len(conditions) == 1:
        session.demanded.setdefault(conditions[0], False)
        return
    session.guards[first:] = [guard for guard in own if guard.condition not in session.demands]
    _add_joint(conditions, session)


def _add_joint(conditions: Sequence[Node], session: Session) -> None:
    if not conditions:
        return
    # Those of one kind side by side: they may be elements of one vector.
    kind: Callable[[Node], Any] = lambda node: (node.op.name, [x.op.name for x in node.operands])
    conditions = sorted(conditions, key=kind)
    every = session.record(TABLE["pack"], conditions, shape=(len(conditions),))
    condition = session.record(TABLE["all"], [every], axis=(0,))
    session.demanded[condition] = False
    session.add_guard(condition, np.asarray(True), None)


def _followed(session: Session) -> list[types.FunctionType]:
    return [x for x in session.root.followed.values() if type(x) is types.FunctionType]
