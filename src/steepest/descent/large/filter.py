"""The filter of a line search: pairs of violation and loss that no later iterate may exceed."""

from __future__ import annotations

from dataclasses import dataclass, field

_FEWER = 1e-5
"""By which fraction of its violation an iterate must be bettered."""

_LOWER = 1e-8
"""By which multiple of its violation the loss must be lower."""


@dataclass
class Filter:
    """Pairs of violation and loss.

    Attributes
    ----------
    most
        The largest violation of all iterates.
    pairs
        The pairs.
    """

    most: float
    pairs: list[tuple[float, float]] = field(default_factory=list)

    def accepts(self, violation: float, loss: float) -> bool:
        """Whether an iterate is better than every pair in one of both."""
        if not violation <= self.most:
            return False
        return all(violation < known or loss < height for known, height in self.pairs)

    def add(self, violation: float, loss: float) -> None:
        """Keep the pair that an iterate must better."""
        kept = (1 - _FEWER) * violation, loss - _LOWER * violation
        self.pairs = [p for p in self.pairs if not (p[0] >= kept[0] and p[1] >= kept[1])]
        self.pairs.append(kept)


def is_better(violation: float, loss: float, before: float, height: float, noise: float) -> bool:
    """Whether violation or loss are lower than those of another iterate, by a margin."""
    return violation <= (1 - _FEWER) * before or loss <= height - _LOWER * before + noise
