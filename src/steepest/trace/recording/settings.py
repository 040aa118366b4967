"""Settings that are inputs of a recording, which may depend on what they are.

Whoever records them looks at what was asked again when the settings have other values, so that
there are no guards for it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from steepest.graph import Node, order
from steepest.ops import CONSTANT, Elementwise, Row


class SettingInput:
    """An input that holds settings.

    Parameters
    ----------
    node
        The input.
    value
        Returns the value of a node.

    Attributes
    ----------
    asked
        Values of what is computed from settings alone that the recording depends on.
    """

    def __init__(self, node: Node, value: Callable[[Node], np.ndarray]) -> None:
        self.node, self._value = node, value
        self.asked: dict[Node, np.ndarray] = {}
        self._known = {node: True}

    def covers(self, node: Node) -> bool:
        """Whether a node is computed from settings alone."""
        known = self._known
        if node not in known:
            for needed in order([node], stop=known):
                if needed not in known:
                    known[needed] = any(known[x] for x in needed.operands) and all(
                        known[x] or x.op is CONSTANT for x in needed.operands
                    )
        return known[node]

    def ask(self, node: Node) -> Any:
        """Return the value of what is computed from settings, on which the recording depends."""
        if node not in self.asked:
            self.asked[node] = np.array(self._value(node))
        return self.asked[node]


def is_exact(op: Row) -> bool:
    """Whether every engine rounds an operation alike, or it only moves numbers."""
    return op.is_move or (isinstance(op.lower, Elementwise) and op.lower.is_cheap)
