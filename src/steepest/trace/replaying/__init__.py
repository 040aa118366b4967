"""Loops whose iterations are replayed in place of being recorded.

A loop of Python makes the same calls of operators and functions in each iteration. Recording each
of them costs some 20 microseconds, the plain call costs one. So a log is kept of the calls
(``log``). Where they have repeated themselves, the last iteration becomes a template
(``template``): which function is called, and where each operand comes from. From then on the
user's loop runs as before, but each call is only compared with the template (``replay``). It
returns a stand-in whose node is not made, and what differs from one iteration to the next is
noted. The first call that does not fit, or the first use of a node, ends this. Then all that was
replayed becomes one ``scan`` (``build``), or is recorded after all where it was too little.

Every iteration of the user's loop runs, so nothing is assumed about it. What the template cannot
describe ends the replay.
"""

from __future__ import annotations

from steepest.trace.replaying.log import replaying

__all__ = ["replaying"]
