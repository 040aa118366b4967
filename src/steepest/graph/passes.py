"""A check of what a pass has made; only the tests switch it on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from steepest.errors import VerificationError
from steepest.graph.graph import Graph
from steepest.graph.node import Node, order
from steepest.graph.verify import verify

VERIFY = False
"""Whether :func:`verify_pass` checks anything."""


def verify_pass(
    name: str,
    before: Sequence[Node],
    after: Sequence[Node],
    added: Iterable[Node] = (),
    steps: Iterable[Graph] = (),
) -> None:
    """Check what a pass has made of some nodes, if :data:`VERIFY` is set.

    Every pass calls this last.

    Parameters
    ----------
    name
        The pass, for the error message.
    before, after
        Outputs that the pass was given, and those that it returns in their place.
    added
        Nodes that `after` may depend on besides the inputs of `before`.
    steps
        Graphs that the pass has made, for nodes to run.

    Raises
    ------
    VerificationError
        Naming the pass and the node at fault.
    """
    if not VERIFY:
        return
    inputs = [node for node in order([*before, *added]) if node.op.name == "input"]
    try:
        verify(Graph(tuple(inputs), tuple(after)))
        for old, new in zip(before, after, strict=True):
            if (old.shape, old.dtype) != (new.shape, new.dtype):
                raise VerificationError(f"{new} stands in the place of {old}")
        for step in steps:
            verify(step)
    except VerificationError as error:
        raise VerificationError(f"the pass {name} made an invalid graph: {error}") from error
