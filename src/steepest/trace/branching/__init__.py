"""Branches on each element: both arms are recorded, and merged where they meet again.

Each branch that is taken or not doubles the number of paths through a function. A branch in a
loop over the data would so give more paths than can be compiled. Where a recording has met one
branch many times, the function is recorded once more (``retrace``). Its code is compiled from
its source again (``source_code``), with calls at each branch (``rewriting``). There both arms
run, one after the other, from the same state (``fork``). What they have changed is merged
(``merging``): ``x = a`` in one arm and ``x = b`` in the other become
``x = np.where(condition, a, b)``.

Where that is not possible, the branch stays a guard.
"""

from __future__ import annotations

from steepest.trace.branching import calls, steps
from steepest.trace.branching.retrace import join_demands, recorded

__all__ = ["calls", "join_demands", "recorded", "steps"]
