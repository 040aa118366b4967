"""Branches inside the step of a loop, the integrand of a quadrature and the like.

What such a function is given is not known while it is recorded, so that no branch on it can be
decided. The function is recorded once more, and both arms of the branch run.
"""

from __future__ import annotations

import inspect
import types
from collections.abc import Callable
from typing import Any

from steepest.errors import forgive
from steepest.graph import Node, trees
from steepest.trace.arrays.registries import CALLS
from steepest.trace.branching.fork import Merging
from steepest.trace.branching.retrace import Before, rewritten_functions
from steepest.trace.recording.session import ForkError, Session, UnknownValueError

_MOST_ATTEMPTS = 12
"""Recordings that are made to find the branches of a step."""


def _with_branches_merged(
    session: Session, call: Callable[[], Any], may_branch_on: Callable[[Node], bool]
) -> Any:
    """Return the result of a step; where it branches on what is not known, both arms run.

    Parameters
    ----------
    session
        The recording of the step, which has just begun.
    call
        Calls the function on its arguments.
    may_branch_on
        Whether the derivative is right although a branch on this condition jumps.

    Raises
    ------
    UnknownValueError
        Where the branch cannot be merged.
    """
    before, sites = Before(session), set[tuple[str, int]]()
    error: UnknownValueError | None = None
    for _ in range(_MOST_ATTEMPTS):
        try:
            result = _call(session, call, frozenset(sites), may_branch_on)
        except UnknownValueError as unknown:
            error = error or unknown
            site = unknown.source and (unknown.source.file, unknown.source.line)
            is_inside = session.root.merging is not None or bool(session.root.forks)
            if site is None or site in sites or is_inside:
                raise error from None
            sites.add(site)
            before.go_back()
        except _JumpError:
            assert error is not None  # nothing is merged in the first recording
            error.may_jump = True
            break
        except ForkError:
            if error is None:
                raise
            break
        except Exception:  # of an arm that is not taken, or of a variable without a value
            if error is None:
                raise
            break
        else:
            if error is not None:
                forgive(error)
            return result
    assert error is not None
    raise error


def _call(
    session: Session,
    call: Callable[[], Any],
    sites: frozenset[tuple[str, int]],
    may_branch_on: Callable[[Node], bool],
) -> Any:
    if not sites:
        return call()
    merging = Merging(sites, session, has_run=False, around=_codes_on_the_stack())
    try:
        with rewritten_functions(session, merging):
            result = call()
            merging.mixed.check_result(trees.leaves(result))
            if merging.demanded:
                raise ForkError(merging.site)
    except (Exception, ForkError):
        if not all(map(may_branch_on, merging.conditions)):
            raise _JumpError(merging.site) from None
        raise
    if not all(map(may_branch_on, merging.conditions)):
        raise _JumpError(merging.site)
    return result


def _codes_on_the_stack() -> frozenset[types.CodeType]:
    found, frame = [], inspect.currentframe()
    while frame is not None:
        found.append(frame.f_code)
        frame = frame.f_back
    return frozenset(found)


class _JumpError(ForkError):
    """A branch that may not be merged: its jump may have a slope."""


CALLS["merged step"] = _with_branches_merged
