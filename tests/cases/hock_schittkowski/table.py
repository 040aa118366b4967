"""The table of problems, and what several of them have in common."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np


class HockSchittkowski(NamedTuple):
    """A loss with constraints ``equations(x) = 0``, ``inequalities(x) >= 0`` and bounds.

    Attributes
    ----------
    number
        Its number.
    loss
        Function of x.
    start
        The start.
    least
        The least loss.
    equations, inequalities
        Functions of x; None if there are none.
    bounds
        Pairs for each number of x, or one pair for all; None if there are none.
    """

    number: int
    loss: Callable[[Any], Any]
    start: np.ndarray
    least: float
    equations: Callable[[Any], Any] | None = None
    inequalities: Callable[[Any], Any] | None = None
    bounds: Any = None

    def constraints(self) -> list[dict[str, Any]]:
        """Return the constraints as SciPy's dicts."""
        kinds = {"eq": self.equations, "ineq": self.inequalities}
        return [{"type": kind, "fun": fun} for kind, fun in kinds.items() if fun is not None]


KNOWN: dict[int, HockSchittkowski] = {}
"""The problems by number, in the order in which they are defined."""


def problem(
    number: int,
    start: Any,
    least: float,
    equations: Any = None,
    inequalities: Any = None,
    bounds: Any = None,
) -> Callable[[Callable[[Any], Any]], Callable[[Any], Any]]:
    """Decorate a loss: keep it as a problem."""

    def keep(loss: Callable[[Any], Any]) -> Callable[[Any], Any]:
        x0 = np.array(start, float)
        KNOWN[number] = HockSchittkowski(number, loss, x0, least, equations, inequalities, bounds)
        return loss

    return keep


def rows(*functions: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return the function that returns an array of what some functions return."""
    return lambda x: np.stack([function(x) for function in functions])


def rosenbrock(x: Any) -> Any:
    return 100 * (x[1] - x[0] ** 2) ** 2 + (1 - x[0]) ** 2


FROM_0 = (0.0, None)
ROOT_2, ROOT_3 = np.sqrt(2.0), np.sqrt(3.0)
