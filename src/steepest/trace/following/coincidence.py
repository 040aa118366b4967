"""Branches that are taken because a value happens to equal another.

``if np.array_equal(x, self.last)`` holds at one point only, and so does the derivative of that
branch. Where both sides of such a branch give the same value, the other side is recorded: it
holds everywhere. Where they do not, a warning names the line. ``if np.allclose(x, self.last)``
is such a branch, too, where the two are exactly equal and the tolerance is small.
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
    """Return what a function gives where nothing coincides, if that is the same here.

    Parameters
    ----------
    session
        The recording.
    name
        What the function is called.
    result
        What it gave.
    record
        Calls it once more.
    guards, decided
        How many guards there were before it was called, and what had been decided.

    Returns
    -------
    result
        Of the other side, or the given one, of which a warning says that it is special.
    """
    root = session.root
    source, tolerance = min(reversed(root.coincidences), key=operator.itemgetter(1))
    found = Counter(line for line, _ in root.coincidences)
    root.coincidences.clear()
    kept_guards, kept_decided = session.guards[guards:], session.decided
    held = [*root.places, *root.pending]
    restore = [place.save() for place in held]
    if not root.attributes:
        for place in held:
            place.reset()
        del session.guards[guards:]
        session.decided = dict(decided)
        root.skips = found  # no more: a loop that ends by such a branch would go on for ever
        try:
            other = record()
        except Exception:  # whatever the other side does, it does not serve here
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
    if tolerance:  # a branch for a neighborhood, which is often a kink's or a limit's
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
