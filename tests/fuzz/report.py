"""Counts of verdicts, and a small program for each kind of wrong answer."""

from collections import Counter
from dataclasses import dataclass, field

from .compare import AGREES, REFUSED

EXAMPLES = 4
"""Programs that are shown for each kind of wrong answer: the shortest ones."""


def _length(found):
    return len(found[1].text())


@dataclass
class Report:
    """What came of the cases of one part."""

    part: str
    seed: int
    calls: int = 0
    verdicts: Counter = field(default_factory=Counter)
    refusals: Counter = field(default_factory=Counter)
    groups: dict = field(default_factory=dict)

    def add(self, number, case, verdict):
        """Count a case."""
        self.calls += len(case.calls)
        self.verdicts[verdict.kind if not verdict.is_wrong else "wrong"] += 1
        if verdict.kind == REFUSED:
            self.refusals[case.name] += 1
        if verdict.is_wrong:
            self.groups.setdefault((verdict.kind, case.name), []).append((number, case, verdict))

    @property
    def wrong(self):
        return self.verdicts["wrong"]

    def line(self):
        """Return the figures as one line."""
        cases = sum(self.verdicts.values())
        return (
            f"{self.part}: {cases} cases, {self.calls} calls, {self.verdicts[AGREES]} agree, "
            f"{self.verdicts[REFUSED]} refused, {self.wrong} wrong in {len(self.groups)} kinds"
        )

    def __str__(self):
        parts = [self.line()]
        for (kind, name), group in sorted(self.groups.items()):
            parts.append(f"\n=== {kind}: {name} ({len(group)} times)")
            for number, case, verdict in sorted(group, key=_length)[:EXAMPLES]:
                again = f"--only {self.part} --seed {self.seed} --case {number}"
                parts += [f"--- {again}", case.text(), f"# {verdict.message}"]
        return "\n".join(parts)
