"""Branches that are taken because a value happens to equal another.

``if np.array_equal(x, self.last)`` holds at one point only, and so does the derivative of that
branch. If both sides of the branch give the same value here, the other side is recorded, which
holds everywhere else. If they differ, a warning names the line. ``if np.allclose(x, self.last)``
is such a branch, too, if the two are exactly equal and the tolerance is small.
"""

from __future__ import annotations

import operator
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np

from steepest.graph import trees
from steepest.trace.arrays.array import TracedArray
from steepest.trace.following.writes import warn
from steepest.trace.recording.session import Session


def on_the_other_side(
    session: Session, name: str, result: Any, record: Callable[[], Any], guards: int, decided: Any
) -> Any:
    """Return the result of taking branches by equality the other way, if its value is the same.

    Parameters
    ----------
    session
        The recording.
    name
        The function's name.
    result
        Its result.
    record
        Calls it once more.
    guards, decided
        The number of guards before the call, and the decided values then.

    Returns
    -------
    result
        That of the other side; or the given one, after a warning that it holds here only.
    """
    root = session.root
    source, tolerance = min(reversed(root.coincidences), key=operator.itemgetter(1))
    found = Counter(line for line, _ in root.coincidences)
    root.coincidences.clear()
    kept_guards, kept_decided = session.guards[guards:], session.decided
    places = [*root.places, *root.pending]
    restore = [place.save() for place in places]
    if not root.attributes:
        for place in places:
            place.reset()
        del session.guards[guards:]
        session.decided = dict(decided)
        root.skips = found  # not more often: a loop that ends by such a branch would never end
        try:
            other = record()
        except Exception:  # the other side is of no use here
            other = None
        finally:
            root.skips = Counter()
            root.coincidences.clear()
        if other is not None and _agree(session, result, other):
            return other
        for place in (*root.places, *root.pending):
            place.reset()
        for put_back in restore:
            put_back()
    session.guards[guards:], session.decided = kept_guards, kept_decided
    if tolerance:  # a branch for a neighborhood, often that of a kink or a limit
        return result
    where = f" at {source}: {source.text}" if source else ""
    warn(
        f"{name} takes a branch{where}, because a value that depends on its arguments equals "
        "another one: that holds at this very point only, and so does the derivative",
        source,
    )
    return result


def _agree(session: Session, first: Any, second: Any) -> bool:
    leaves, structure = trees.flatten(first)
    others, other_structure = trees.flatten(second)
    if structure != other_structure:
        return False
    pairs = zip(leaves, others, strict=True)
    return all(np.array_equal(_value(session, a), _value(session, b)) for a, b in pairs)


def _value(session: Session, leaf: Any) -> Any:
    return session.value(leaf.node) if isinstance(leaf, TracedArray) else np.asarray(leaf)
