"""Problems with constraints whose minima were published, by number.

W. Hock and K. Schittkowski, "Test examples for nonlinear programming codes", 1981, and from 201 on
K. Schittkowski, "More test examples for nonlinear programming codes", 1987. Each has the number
that it has there, the start given there, and the published least loss.
"""

from tests.cases.hock_schittkowski import (  # noqa: F401
    bounds,
    equations,
    inequalities,
    inequalities_of_two,
    linear,
    many_inequalities,
    mixed,
    more_equations,
)
from tests.cases.hock_schittkowski.table import KNOWN, HockSchittkowski

__all__ = ["PROBLEMS", "HockSchittkowski"]

PROBLEMS: dict[int, HockSchittkowski] = dict(sorted(KNOWN.items()))
