"""How a descent ended, as a number and as a sentence."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from typing import Any

from steepest.descent.methods.base import Failure
from steepest.descent.stop_rules import MaxIterations, StopRule


class Status(int, enum.Enum):
    """How a descent ended.

    As an int, a status is the number that SciPy's ``minimize`` uses: 0 for a success, 1 for a
    limit, 2 if no lower point was found, 3 for a loss that is not finite, 99 for a callback.
    Numbers 4 to 13 have no counterpart in SciPy. Several members have the same number; members
    compare by identity. ``str(status)`` is a sentence for the user.
    """

    CONVERGED = 0, "The stop rule was met."
    EPOCHS_DONE = 0, "All epochs were done."
    ITERATION_LIMIT = 1, "The limit on iterations was reached before any other stop rule was met."
    LIMIT = 1, "A limit was reached before any goal was met."
    PRECISION = 0, "Rounding errors prevent a further decrease of the loss."
    NOISE = 0, "Jumps or errors of the loss are larger than any decrease that is left."
    STALLED = 2, "The search found no lower point."
    JUMPS = (
        2,
        "The search found no lower point: the loss jumps, or does not follow its derivative.",
    )
    UNBOUNDED = 4, "The loss seems unbounded below."
    UNDERDETERMINED = 6, "There are fewer data than parameters."
    FLAT = 5, "The gradient is zero or not finite, so that there is no search direction."
    DIVERGED = 3, "The descent diverged: the last finite point is returned."
    INTERRUPTED = 7, "The run was interrupted: the point reached so far is returned."
    TIME_LIMIT = 8, "The time limit was reached: the point reached so far is returned."
    SINGULAR = 9, "The descent ended where the Jacobian is singular: start elsewhere."
    INFEASIBLE = 10, "The constraints seem infeasible: a point of least violation is returned."
    DEGENERATE = 11, "The active constraints are degenerate: there are no finite multipliers."
    NO_ROOT = 12, "There is no solution nearby: the point of least residual is returned."
    CLUSTER_LOST = 13, "The cluster was lost: the point reached so far is returned."
    POLE = 14, "The function changes its sign there, but grows without end: it has a pole."
    CALLBACK = 99, "The callback ended the run."

    def __new__(cls, number: int, sentence: str) -> Status:
        """Return a member with a number, whose value is a sentence."""
        member = int.__new__(cls, number)
        member._value_ = sentence
        return member

    def __str__(self) -> str:
        return str(self._value_)

    def __format__(self, format_spec: str) -> str:
        as_number = format_spec[-1:] in tuple("bdoxXneEfFgG%")
        return format(int(self) if as_number else str(self), format_spec)

    def __repr__(self) -> str:
        return f"<Status.{self.name}: {int(self)}>"

    # Members with the same number are still different.

    def __eq__(self, other: object) -> bool:
        return self is other if isinstance(other, Status) else int(self) == other

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash(int(self))

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        return getattr, (Status, self.name)

    @classmethod
    def of_failure(cls, number: int) -> Status:
        """Return the status of a run whose search failed with a :class:`Failure`."""
        return cls[Failure(number).name]

    @classmethod
    def of_rules(cls, met: Sequence[StopRule]) -> Status:
        """Return the status of a run that met these stop rules."""
        if any([rule.is_goal for rule in met]):
            return cls.CONVERGED
        counts = any([type(rule) is MaxIterations for rule in met])
        return cls.ITERATION_LIMIT if counts else cls.LIMIT

    @property
    def is_success(self) -> bool:
        """Whether the run converged."""
        return int(self) == 0
