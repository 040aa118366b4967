"""Problems of W. Hock and K. Schittkowski, "Test examples for nonlinear programming codes", 1981.

Each has the number that it has there, the start given there, and the published least loss.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy import cos, exp, log, pi, sin, sqrt


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


PROBLEMS: dict[int, HockSchittkowski] = {}


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
        PROBLEMS[number] = HockSchittkowski(
            number, loss, x0, least, equations, inequalities, bounds
        )
        return loss

    return keep


def rows(*functions: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return the function that returns an array of what some functions return."""
    return lambda x: np.stack([function(x) for function in functions])


def rosenbrock(x: Any) -> Any:
    return 100 * (x[1] - x[0] ** 2) ** 2 + (1 - x[0]) ** 2


FROM_0 = (0.0, None)
ROOT_2, ROOT_3 = sqrt(2.0), sqrt(3.0)

problem(1, [-2, 1], 0.0, bounds=[(None, None), (-1.5, None)])(rosenbrock)
problem(2, [-2, 1], 0.0504261879, bounds=[(None, None), (1.5, None)])(rosenbrock)


@problem(3, [10, 1], 0.0, bounds=[(None, None), (0, None)])
def _(x):
    return x[1] + 1e-5 * (x[1] - x[0]) ** 2


@problem(4, [1.125, 0.125], 8 / 3, bounds=[(1, None), (0, None)])
def _(x):
    return (x[0] + 1) ** 3 / 3 + x[1]


@problem(5, [0, 0], -ROOT_3 / 2 - pi / 3, bounds=[(-1.5, 4), (-3, 3)])
def _(x):
    return sin(x[0] + x[1]) + (x[0] - x[1]) ** 2 - 1.5 * x[0] + 2.5 * x[1] + 1


@problem(6, [-1.2, 1], 0.0, lambda x: 10 * (x[1] - x[0] ** 2))
def _(x):
    return (1 - x[0]) ** 2


@problem(7, [2, 2], -ROOT_3, lambda x: (1 + x[0] ** 2) ** 2 + x[1] ** 2 - 4)
def _(x):
    return log(1 + x[0] ** 2) - x[1]


@problem(8, [2, 1], -1.0, rows(lambda x: x[0] ** 2 + x[1] ** 2 - 25, lambda x: x[0] * x[1] - 9))
def _(x):
    return -1.0 + 0.0 * x[0]


@problem(9, [0, 0], -0.5, lambda x: 4 * x[0] - 3 * x[1])
def _(x):
    return sin(pi * x[0] / 12) * cos(pi * x[1] / 16)


@problem(10, [-10, 10], -1.0, None, lambda x: -3 * x[0] ** 2 + 2 * x[0] * x[1] - x[1] ** 2 + 1)
def _(x):
    return x[0] - x[1]


@problem(11, [4.9, 0.1], -8.498464223, None, lambda x: -(x[0] ** 2) + x[1])
def _(x):
    return (x[0] - 5) ** 2 + x[1] ** 2 - 25


@problem(12, [0, 0], -30.0, None, lambda x: 25 - 4 * x[0] ** 2 - x[1] ** 2)
def _(x):
    return 0.5 * x[0] ** 2 + x[1] ** 2 - x[0] * x[1] - 7 * x[0] - 7 * x[1]


@problem(13, [-2, -2], 1.0, None, lambda x: (1 - x[0]) ** 3 - x[1], FROM_0)
def _(x):
    return (x[0] - 2) ** 2 + x[1] ** 2


@problem(
    14,
    [2, 2],
    9 - 2.875 * sqrt(7),
    lambda x: x[0] - 2 * x[1] + 1,
    lambda x: -0.25 * x[0] ** 2 - x[1] ** 2 + 1,
)
def _(x):
    return (x[0] - 2) ** 2 + (x[1] - 1) ** 2


BELOW_HALF = [(-2, 0.5), (None, 1)]
problem(
    15,
    [-2, 1],
    306.5,
    None,
    rows(lambda x: x[0] * x[1] - 1, lambda x: x[0] + x[1] ** 2),
    [(None, 0.5), (None, None)],
)(rosenbrock)
problem(
    16,
    [-2, 1],
    0.25,
    None,
    rows(lambda x: x[0] + x[1] ** 2, lambda x: x[0] ** 2 + x[1]),
    BELOW_HALF,
)(rosenbrock)
problem(
    17,
    [-2, 1],
    1.0,
    None,
    rows(lambda x: x[1] ** 2 - x[0], lambda x: x[0] ** 2 - x[1]),
    BELOW_HALF,
)(rosenbrock)


@problem(
    18,
    [2, 2],
    5.0,
    None,
    rows(lambda x: x[0] * x[1] - 25, lambda x: x[0] ** 2 + x[1] ** 2 - 25),
    [(2, 50), (0, 50)],
)
def _(x):
    return 0.01 * x[0] ** 2 + x[1] ** 2


@problem(
    19,
    [20.1, 5.84],
    -6961.81381,
    None,
    rows(
        lambda x: (x[0] - 5) ** 2 + (x[1] - 5) ** 2 - 100,
        lambda x: 82.81 - (x[1] - 5) ** 2 - (x[0] - 6) ** 2,
    ),
    [(13, 100), (0, 100)],
)
def _(x):
    return (x[0] - 10) ** 3 + (x[1] - 20) ** 3


problem(
    20,
    [-2, 1],
    81.5 - 25 * ROOT_3,
    None,
    rows(
        lambda x: x[0] + x[1] ** 2,
        lambda x: x[0] ** 2 + x[1],
        lambda x: x[0] ** 2 + x[1] ** 2 - 1,
    ),
    [(-0.5, 0.5), (None, None)],
)(rosenbrock)


@problem(21, [-1, -1], -99.96, None, lambda x: 10 * x[0] - x[1] - 10, [(2, 50), (-50, 50)])
def _(x):
    return 0.01 * x[0] ** 2 + x[1] ** 2 - 100


@problem(22, [2, 2], 1.0, None, rows(lambda x: 2 - x[0] - x[1], lambda x: x[1] - x[0] ** 2))
def _(x):
    return (x[0] - 2) ** 2 + (x[1] - 1) ** 2


@problem(
    23,
    [3, 1],
    2.0,
    None,
    rows(
        lambda x: x[0] + x[1] - 1,
        lambda x: x[0] ** 2 + x[1] ** 2 - 1,
        lambda x: 9 * x[0] ** 2 + x[1] ** 2 - 9,
        lambda x: x[0] ** 2 - x[1],
        lambda x: x[1] ** 2 - x[0],
    ),
    (-50, 50),
)
def _(x):
    return x[0] ** 2 + x[1] ** 2


@problem(
    24,
    [1, 0.5],
    -1.0,
    None,
    rows(
        lambda x: x[0] / ROOT_3 - x[1],
        lambda x: x[0] + ROOT_3 * x[1],
        lambda x: 6 - x[0] - ROOT_3 * x[1],
    ),
    FROM_0,
)
def _(x):
    return ((x[0] - 3) ** 2 - 9) * x[1] ** 3 / (27 * ROOT_3)


@problem(26, [-2.6, 2, 2], 0.0, lambda x: (1 + x[1] ** 2) * x[0] + x[2] ** 4 - 3)
def _(x):
    return (x[0] - x[1]) ** 2 + (x[1] - x[2]) ** 4


@problem(27, [2, 2, 2], 0.04, lambda x: x[0] + x[2] ** 2 + 1)
def _(x):
    return 0.01 * (x[0] - 1) ** 2 + (x[1] - x[0] ** 2) ** 2


@problem(28, [-4, 1, 1], 0.0, lambda x: x[0] + 2 * x[1] + 3 * x[2] - 1)
def _(x):
    return (x[0] + x[1]) ** 2 + (x[1] + x[2]) ** 2


@problem(
    29, [1, 1, 1], -16 * ROOT_2, None, lambda x: 48 - x[0] ** 2 - 2 * x[1] ** 2 - 4 * x[2] ** 2
)
def _(x):
    return -np.prod(x)


@problem(
    30,
    [1, 1, 1],
    1.0,
    None,
    lambda x: x[0] ** 2 + x[1] ** 2 - 1,
    [(1, 10), (-10, 10), (-10, 10)],
)
def _(x):
    return np.sum(x**2)


@problem(31, [1, 1, 1], 6.0, None, lambda x: x[0] * x[1] - 1, [(-10, 10), (1, 10), (-10, 1)])
def _(x):
    return 9 * x[0] ** 2 + x[1] ** 2 + 9 * x[2] ** 2


@problem(
    32,
    [0.1, 0.7, 0.2],
    1.0,
    lambda x: 1 - x[0] - x[1] - x[2],
    lambda x: 6 * x[1] + 4 * x[2] - x[0] ** 3 - 3,
    FROM_0,
)
def _(x):
    return (x[0] + 3 * x[1] + x[2]) ** 2 + 4 * (x[0] - x[1]) ** 2


@problem(
    33,
    [0, 0, 3],
    ROOT_2 - 6,
    None,
    rows(lambda x: x[2] ** 2 - x[1] ** 2 - x[0] ** 2, lambda x: np.sum(x**2) - 4),
    [(0, None), (0, None), (0, 5)],
)
def _(x):
    return (x[0] - 1) * (x[0] - 2) * (x[0] - 3) + x[2]


EXPONENTIALS = rows(lambda x: x[1] - exp(x[0]), lambda x: x[2] - exp(x[1]))


@problem(34, [0, 1.05, 2.9], -log(log(10)), None, EXPONENTIALS, [(0, 100), (0, 100), (0, 10)])
def _(x):
    return -x[0]


@problem(35, [0.5, 0.5, 0.5], 1 / 9, None, lambda x: 3 - x[0] - x[1] - 2 * x[2], FROM_0)
def _(x):
    square = 2 * x[0] ** 2 + 2 * x[1] ** 2 + x[2] ** 2 + 2 * x[0] * x[1] + 2 * x[0] * x[2]
    return 9 - 8 * x[0] - 6 * x[1] - 4 * x[2] + square


@problem(
    36,
    [10, 10, 10],
    -3300.0,
    None,
    lambda x: 72 - x[0] - 2 * x[1] - 2 * x[2],
    [(0, 20), (0, 11), (0, 42)],
)
def _(x):
    return -np.prod(x)


@problem(
    37,
    [10, 10, 10],
    -3456.0,
    None,
    rows(lambda x: 72 - x[0] - 2 * x[1] - 2 * x[2], lambda x: x[0] + 2 * x[1] + 2 * x[2]),
    (0, 42),
)
def _(x):
    return -np.prod(x)


@problem(38, [-3, -1, -3, -1], 0.0, bounds=(-10, 10))
def _(x):
    second = 90 * (x[3] - x[2] ** 2) ** 2 + (1 - x[2]) ** 2
    both = 10.1 * ((x[1] - 1) ** 2 + (x[3] - 1) ** 2) + 19.8 * (x[1] - 1) * (x[3] - 1)
    return rosenbrock(x) + second + both


@problem(
    39,
    [2, 2, 2, 2],
    -1.0,
    rows(lambda x: x[1] - x[0] ** 3 - x[2] ** 2, lambda x: x[0] ** 2 - x[1] - x[3] ** 2),
)
def _(x):
    return -x[0]


@problem(
    40,
    [0.8, 0.8, 0.8, 0.8],
    -0.25,
    rows(
        lambda x: x[0] ** 3 + x[1] ** 2 - 1,
        lambda x: x[0] ** 2 * x[3] - x[2],
        lambda x: x[3] ** 2 - x[1],
    ),
)
def _(x):
    return -np.prod(x)


@problem(
    41,
    [2, 2, 2, 2],
    52 / 27,
    lambda x: x[0] + 2 * x[1] + 2 * x[2] - x[3],
    None,
    [(0, 1), (0, 1), (0, 1), (0, 2)],
)
def _(x):
    return 2 - x[0] * x[1] * x[2]


@problem(
    42,
    [1, 1, 1, 1],
    28 - 10 * ROOT_2,
    rows(lambda x: x[0] - 2, lambda x: x[2] ** 2 + x[3] ** 2 - 2),
)
def _(x):
    return np.sum((x - np.arange(1, 5)) ** 2)


@problem(
    43,
    [0, 0, 0, 0],
    -44.0,
    None,
    rows(
        lambda x: 8 - np.sum(x**2) - x[0] + x[1] - x[2] + x[3],
        lambda x: 10 - np.sum(x**2) - x[1] ** 2 - x[3] ** 2 + x[0] + x[3],
        lambda x: 5 - 2 * x[0] ** 2 - x[1] ** 2 - x[2] ** 2 - 2 * x[0] + x[1] + x[3],
    ),
)
def _(x):
    return np.sum(x**2) + x[2] ** 2 - 5 * x[0] - 5 * x[1] - 21 * x[2] + 7 * x[3]


@problem(
    44,
    [0, 0, 0, 0],
    -15.0,
    None,
    rows(
        lambda x: 8 - x[0] - 2 * x[1],
        lambda x: 12 - 4 * x[0] - x[1],
        lambda x: 12 - 3 * x[0] - 4 * x[1],
        lambda x: 8 - 2 * x[2] - x[3],
        lambda x: 8 - x[2] - 2 * x[3],
        lambda x: 5 - x[2] - x[3],
    ),
    FROM_0,
)
def _(x):
    return x[0] - x[1] - x[2] - x[0] * x[2] + x[0] * x[3] + x[1] * x[2] - x[1] * x[3]


@problem(45, [2, 2, 2, 2, 2], 1.0, bounds=[(0, i) for i in range(1, 6)])
def _(x):
    return 2 - np.prod(x) / 120


@problem(
    46,
    [ROOT_2 / 2, 1.75, 0.5, 2, 2],
    0.0,
    rows(
        lambda x: x[0] ** 2 * x[3] + sin(x[3] - x[4]) - 1,
        lambda x: x[1] + x[2] ** 4 * x[3] ** 2 - 2,
    ),
)
def _(x):
    return (x[0] - x[1]) ** 2 + (x[2] - 1) ** 2 + (x[3] - 1) ** 4 + (x[4] - 1) ** 6


@problem(
    48,
    [3, 5, -3, 2, -2],
    0.0,
    rows(lambda x: np.sum(x) - 5, lambda x: x[2] - 2 * (x[3] + x[4]) + 3),
)
def _(x):
    return (x[0] - 1) ** 2 + (x[1] - x[2]) ** 2 + (x[3] - x[4]) ** 2


@problem(
    49,
    [10, 7, 2, -3, 0.8],
    0.0,
    rows(lambda x: x[0] + x[1] + x[2] + 4 * x[3] - 7, lambda x: x[2] + 5 * x[4] - 6),
)
def _(x):
    return (x[0] - x[1]) ** 2 + (x[2] - 1) ** 2 + (x[3] - 1) ** 4 + (x[4] - 1) ** 6


@problem(
    50,
    [35, -31, 11, 5, -5],
    0.0,
    lambda x: x[:3] + 2 * x[1:4] + 3 * x[2:] - 6,
)
def _(x):
    return (x[0] - x[1]) ** 2 + (x[1] - x[2]) ** 2 + (x[2] - x[3]) ** 4 + (x[3] - x[4]) ** 2


def _shifted(x):
    return (x[1] + x[2] - 2) ** 2 + (x[3] - 1) ** 2 + (x[4] - 1) ** 2


HOMOGENEOUS = rows(
    lambda x: x[0] + 3 * x[1], lambda x: x[2] + x[3] - 2 * x[4], lambda x: x[1] - x[4]
)


@problem(51, [2.5, 0.5, 2, -1, 0.5], 0.0, lambda x: HOMOGENEOUS(x) - np.array([4.0, 0.0, 0.0]))
def _(x):
    return (x[0] - x[1]) ** 2 + _shifted(x)


@problem(52, [2, 2, 2, 2, 2], 1859 / 349, HOMOGENEOUS)
def _(x):
    return (4 * x[0] - x[1]) ** 2 + _shifted(x)


@problem(53, [2, 2, 2, 2, 2], 176 / 43, HOMOGENEOUS, None, (-10, 10))
def _(x):
    return (x[0] - x[1]) ** 2 + _shifted(x)


@problem(
    55,
    [1, 2, 0, 0, 0, 2],
    19 / 3,
    rows(
        lambda x: x[0] + 2 * x[1] + 5 * x[4] - 6,
        lambda x: x[0] + x[1] + x[2] - 3,
        lambda x: x[3] + x[4] + x[5] - 2,
        lambda x: x[0] + x[3] - 1,
        lambda x: x[1] + x[4] - 2,
        lambda x: x[2] + x[5] - 2,
    ),
    None,
    [(0, 1), (0, None), (0, None), (0, 1), (0, None), (0, None)],
)
def _(x):
    return x[0] + 2 * x[1] + 4 * x[4] + exp(x[0] * x[3])


@problem(
    56,
    [1, 1, 1, *3 * [np.arcsin(sqrt(1 / 4.2))], np.arcsin(sqrt(5 / 7.2))],
    -3.456,
    rows(
        lambda x: x[0] - 4.2 * sin(x[3]) ** 2,
        lambda x: x[1] - 4.2 * sin(x[4]) ** 2,
        lambda x: x[2] - 4.2 * sin(x[5]) ** 2,
        lambda x: x[0] + 2 * x[1] + 2 * x[2] - 7.2 * sin(x[6]) ** 2,
    ),
)
def _(x):
    return -x[0] * x[1] * x[2]


@problem(
    60,
    [2, 2, 2],
    0.03256820025,
    lambda x: x[0] * (1 + x[1] ** 2) + x[2] ** 4 - 4 - 3 * ROOT_2,
    None,
    (-10, 10),
)
def _(x):
    return (x[0] - 1) ** 2 + (x[0] - x[1]) ** 2 + (x[1] - x[2]) ** 4


@problem(
    61,
    [0, 0, 0],
    -143.6461422,
    rows(lambda x: 3 * x[0] - 2 * x[1] ** 2 - 7, lambda x: 4 * x[0] - x[2] ** 2 - 11),
)
def _(x):
    square = 4 * x[0] ** 2 + 2 * x[1] ** 2 + 2 * x[2] ** 2
    return square - 33 * x[0] + 16 * x[1] - 24 * x[2]


@problem(62, [0.7, 0.2, 0.1], -26272.51448, lambda x: np.sum(x) - 1, None, (0, 1))
def _(x):
    a, b, c = x[0] + x[1] + x[2] + 0.03, x[1] + x[2] + 0.03, x[2] + 0.03
    first = 255 * log(a / (0.09 * x[0] + b)) + 280 * log(b / (0.07 * x[1] + c))
    return -32.174 * (first + 290 * log(c / (0.13 * x[2] + 0.03)))


@problem(
    63,
    [2, 2, 2],
    961.7151721,
    rows(lambda x: 8 * x[0] + 14 * x[1] + 7 * x[2] - 56, lambda x: np.sum(x**2) - 25),
    None,
    FROM_0,
)
def _(x):
    return 1000 - x[0] ** 2 - 2 * x[1] ** 2 - x[2] ** 2 - x[0] * x[1] - x[0] * x[2]


@problem(
    64,
    [1, 1, 1],
    6299.842428,
    None,
    lambda x: 1 - 4 / x[0] - 32 / x[1] - 120 / x[2],
    (1e-5, None),
)
def _(x):
    return np.sum(np.array([5.0, 20.0, 10.0]) * x + np.array([5e4, 7.2e4, 1.44e5]) / x)


@problem(
    65,
    [-5, 5, 0],
    0.9535288567,
    None,
    lambda x: 48 - np.sum(x**2),
    [(-4.5, 4.5), (-4.5, 4.5), (-5, 5)],
)
def _(x):
    return (x[0] - x[1]) ** 2 + (x[0] + x[1] - 10) ** 2 / 9 + (x[2] - 5) ** 2


@problem(66, [0, 1.05, 2.9], 0.5181632741, None, EXPONENTIALS, [(0, 100), (0, 100), (0, 10)])
def _(x):
    return 0.2 * x[2] - 0.8 * x[0]


@problem(
    71,
    [1, 5, 5, 1],
    17.0140173,
    lambda x: np.sum(x**2) - 40,
    lambda x: np.prod(x) - 25,
    (1, 5),
)
def _(x):
    return x[0] * x[3] * (x[0] + x[1] + x[2]) + x[2]


@problem(
    72,
    [1, 1, 1, 1],
    727.67937,
    None,
    lambda x: (
        np.array([0.0401, 0.010085])
        - np.array([[4, 2.25, 1, 0.25], [0.16, 0.36, 0.64, 0.64]]) @ (1 / x)
    ),
    [(0.001, i * 1e5) for i in (4, 3, 2, 1)],
)
def _(x):
    return 1 + np.sum(x)


@problem(
    73,
    [1, 1, 1, 1],
    29.894378,
    lambda x: np.sum(x) - 1,
    rows(
        lambda x: np.array([2.3, 5.6, 11.1, 1.3]) @ x - 5,
        lambda x: (
            np.array([12, 11.9, 41.8, 52.1]) @ x
            - 21
            - 1.645 * sqrt(np.array([0.28, 0.19, 20.5, 0.62]) @ x**2)
        ),
    ),
    FROM_0,
)
def _(x):
    return np.array([24.55, 26.75, 39.0, 40.5]) @ x


FLOWS = rows(
    lambda x: 1000 * (sin(-x[2] - 0.25) + sin(-x[3] - 0.25)) + 894.8 - x[0],
    lambda x: 1000 * (sin(x[2] - 0.25) + sin(x[2] - x[3] - 0.25)) + 894.8 - x[1],
    lambda x: 1000 * (sin(x[3] - 0.25) + sin(x[3] - x[2] - 0.25)) + 1294.8,
)
for number, width, least in ((74, 0.55, 5126.4981), (75, 0.48, 5174.4129)):

    @problem(
        number,
        [0, 0, 0, 0],
        least,
        FLOWS,
        lambda x, width=width: np.stack([x[3] - x[2] + width, x[2] - x[3] + width]),
        [(0, 1200), (0, 1200), (-width, width), (-width, width)],
    )
    def _(x):
        return 3 * x[0] + 1e-6 * x[0] ** 3 + 2 * x[1] + 2e-6 / 3 * x[1] ** 3


@problem(
    76,
    [0.5, 0.5, 0.5, 0.5],
    -4.681818181,
    None,
    rows(
        lambda x: 5 - x[0] - 2 * x[1] - x[2] - x[3],
        lambda x: 4 - 3 * x[0] - x[1] - 2 * x[2] + x[3],
        lambda x: x[1] + 4 * x[2] - 1.5,
    ),
    FROM_0,
)
def _(x):
    square = x[0] ** 2 + 0.5 * x[1] ** 2 + x[2] ** 2 + 0.5 * x[3] ** 2 - x[0] * x[2]
    return square + x[2] * x[3] - x[0] - 3 * x[1] + x[2] - x[3]


@problem(
    77,
    [2, 2, 2, 2, 2],
    0.24150513,
    rows(
        lambda x: x[0] ** 2 * x[3] + sin(x[3] - x[4]) - 2 * ROOT_2,
        lambda x: x[1] + x[2] ** 4 * x[3] ** 2 - 8 - ROOT_2,
    ),
)
def _(x):
    first = (x[0] - 1) ** 2 + (x[0] - x[1]) ** 2 + (x[2] - 1) ** 2
    return first + (x[3] - 1) ** 4 + (x[4] - 1) ** 6


POWELL = rows(
    lambda x: np.sum(x**2) - 10,
    lambda x: x[1] * x[2] - 5 * x[3] * x[4],
    lambda x: x[0] ** 3 + x[1] ** 3 + 1,
)
POWELL_BOUNDS = [*2 * [(-2.3, 2.3)], *3 * [(-3.2, 3.2)]]


@problem(78, [-2, 1.5, 2, -1, -1], -2.91970041, POWELL)
def _(x):
    return np.prod(x)


@problem(
    79,
    [2, 2, 2, 2, 2],
    0.0787768209,
    rows(
        lambda x: x[0] + x[1] ** 2 + x[2] ** 3 - 2 - 3 * ROOT_2,
        lambda x: x[1] - x[2] ** 2 + x[3] + 2 - 2 * ROOT_2,
        lambda x: x[0] * x[4] - 2,
    ),
)
def _(x):
    first = (x[0] - 1) ** 2 + (x[0] - x[1]) ** 2 + (x[1] - x[2]) ** 2
    return first + (x[2] - x[3]) ** 4 + (x[3] - x[4]) ** 4


@problem(80, [-2, 2, 2, -1, -1], 0.0539498478, POWELL, None, POWELL_BOUNDS)
def _(x):
    return exp(np.prod(x))


@problem(81, [-2, 2, 2, -1, -1], 0.0539498478, POWELL, None, POWELL_BOUNDS)
def _(x):
    return exp(np.prod(x)) - 0.5 * (x[0] ** 3 + x[1] ** 3 + 1) ** 2


def _colville(x):
    a = 85.334407 + 0.0056858 * x[1] * x[4] + 0.0006262 * x[0] * x[3] - 0.0022053 * x[2] * x[4]
    b = 80.51249 + 0.0071317 * x[1] * x[4] + 0.0029955 * x[0] * x[1] + 0.0021813 * x[2] ** 2
    c = 9.300961 + 0.0047026 * x[2] * x[4] + 0.0012547 * x[0] * x[2] + 0.0019085 * x[2] * x[3]
    return np.stack([a, 92 - a, b - 90, 110 - b, c - 20, 25 - c])


@problem(
    83,
    [78, 33, 27, 27, 27],
    -30665.53867,
    None,
    _colville,
    [(78, 102), (33, 45), *3 * [(27, 45)]],
)
def _(x):
    return 5.3578547 * x[2] ** 2 + 0.8356891 * x[0] * x[4] + 37.293239 * x[0] - 40792.141


def _windings(x):
    return x[0] * x[3] * (x[0] + x[1] + x[2]), x[1] * x[2] * (x[0] + 1.57 * x[1] + x[3])


@problem(
    93,
    [5.54, 4.4, 12.02, 11.82, 0.702, 0.852],
    135.075961,
    None,
    rows(
        lambda x: 0.001 * np.prod(x) - 2.07,
        lambda x: (
            1 - 0.00062 * _windings(x)[0] * x[4] ** 2 - 0.00058 * _windings(x)[1] * x[5] ** 2
        ),
    ),
    FROM_0,
)
def _(x):
    a, b = _windings(x)
    return 0.0204 * a + 0.0187 * b + 0.0607 * a * x[4] ** 2 + 0.0437 * b * x[5] ** 2


@problem(
    100,
    [1, 2, 0, 4, 0, 1, 1],
    680.6300573,
    None,
    rows(
        lambda x: 127 - 2 * x[0] ** 2 - 3 * x[1] ** 4 - x[2] - 4 * x[3] ** 2 - 5 * x[4],
        lambda x: 282 - 7 * x[0] - 3 * x[1] - 10 * x[2] ** 2 - x[3] + x[4],
        lambda x: 196 - 23 * x[0] - x[1] ** 2 - 6 * x[5] ** 2 + 8 * x[6],
        lambda x: (
            -4 * x[0] ** 2 - x[1] ** 2 + 3 * x[0] * x[1] - 2 * x[2] ** 2 - 5 * x[5] + 11 * x[6]
        ),
    ),
)
def _(x):
    first = (x[0] - 10) ** 2 + 5 * (x[1] - 12) ** 2 + x[2] ** 4 + 3 * (x[3] - 11) ** 2
    second = 10 * x[4] ** 6 + 7 * x[5] ** 2 + x[6] ** 4 - 4 * x[5] * x[6]
    return first + second - 10 * x[5] - 8 * x[6]


def _reactors(x):
    flows = (x[0] / x[6]) ** 0.67 + (x[1] / x[7]) ** 0.67
    return 0.4 * flows + 10 - x[0] - x[1]


@problem(
    104,
    [6, 3, 0.4, 0.2, 6, 6, 1, 0.5],
    3.9511634396,
    None,
    rows(
        lambda x: 1 - 0.0588 * x[4] * x[6] - 0.1 * x[0],
        lambda x: 1 - 0.0588 * x[5] * x[7] - 0.1 * x[0] - 0.1 * x[1],
        lambda x: 1 - 4 * x[2] / x[4] - 2 / (x[2] ** 0.71 * x[4]) - 0.0588 * x[6] / x[2] ** 1.3,
        lambda x: 1 - 4 * x[3] / x[5] - 2 / (x[3] ** 0.71 * x[5]) - 0.0588 * x[7] / x[3] ** 1.3,
        lambda x: _reactors(x) - 1,
        lambda x: 4.2 - _reactors(x),
    ),
    (0.1, 10),
)
def _(x):
    return _reactors(x)


@problem(
    106,
    [5000, 5000, 5000, 200, 350, 150, 225, 425],
    7049.24802,
    None,
    rows(
        lambda x: 1 - 0.0025 * (x[3] + x[5]),
        lambda x: 1 - 0.0025 * (x[4] + x[6] - x[3]),
        lambda x: 1 - 0.01 * (x[7] - x[4]),
        lambda x: x[0] * x[5] - 833.33252 * x[3] - 100 * x[0] + 83333.333,
        lambda x: x[1] * x[6] - 1250 * x[4] - x[1] * x[3] + 1250 * x[3],
        lambda x: x[2] * x[7] - 1250000 - x[2] * x[4] + 2500 * x[4],
    ),
    [(100, 10000), *2 * [(1000, 10000)], *5 * [(10, 1000)]],
)
def _(x):
    return x[0] + x[1] + x[2]


@problem(
    108,
    np.ones(9),
    -ROOT_3 / 2,
    None,
    rows(
        lambda x: 1 - x[2] ** 2 - x[3] ** 2,
        lambda x: 1 - x[4] ** 2 - x[5] ** 2,
        lambda x: 1 - x[8] ** 2,
        lambda x: 1 - x[0] ** 2 - (x[1] - x[8]) ** 2,
        lambda x: 1 - (x[0] - x[4]) ** 2 - (x[1] - x[5]) ** 2,
        lambda x: 1 - (x[0] - x[6]) ** 2 - (x[1] - x[7]) ** 2,
        lambda x: 1 - (x[2] - x[4]) ** 2 - (x[3] - x[5]) ** 2,
        lambda x: 1 - (x[2] - x[6]) ** 2 - (x[3] - x[7]) ** 2,
        lambda x: 1 - x[6] ** 2 - (x[7] - x[8]) ** 2,
        lambda x: x[0] * x[3] - x[1] * x[2],
        lambda x: x[2] * x[8],
        lambda x: -x[4] * x[8],
        lambda x: x[4] * x[7] - x[5] * x[6],
    ),
    [*8 * [(None, None)], (0, None)],
)
def _(x):
    first = x[0] * x[3] - x[1] * x[2] + x[2] * x[8] - x[4] * x[8]
    return -0.5 * (first + x[4] * x[7] - x[5] * x[6])


@problem(110, np.full(10, 9.0), -45.77846971, bounds=(2.001, 9.999))
def _(x):
    return np.sum(log(x - 2) ** 2 + log(10 - x) ** 2) - np.prod(x) ** 0.2


FREE_ENERGIES = np.array(
    [-6.089, -17.164, -34.054, -5.914, -24.721, -14.986, -24.1, -10.708, -26.662, -22.179]
)
ATOMS = np.array(
    [
        [1, 2, 2, 0, 0, 1, 0, 0, 0, 1],
        [0, 0, 0, 1, 2, 1, 1, 0, 0, 0],
        [0, 0, 1, 0, 0, 0, 1, 1, 2, 1],
    ],
    float,
)


def _energy(amounts):
    return np.sum(amounts * (FREE_ENERGIES + log(amounts / np.sum(amounts))))


@problem(
    111,
    np.full(10, -2.3),
    -47.76109026,
    lambda x: ATOMS @ exp(x) - np.array([2.0, 1.0, 1.0]),
    None,
    (-100, 100),
)
def _(x):
    return _energy(exp(x))


@problem(
    112,
    np.full(10, 0.1),
    -47.76109026,
    lambda x: ATOMS @ x - np.array([2.0, 1.0, 1.0]),
    None,
    (1e-6, None),
)
def _(x):
    return _energy(x)


@problem(
    113,
    [2, 3, 5, 5, 1, 2, 7, 3, 6, 10],
    24.3062091,
    None,
    rows(
        lambda x: 105 - 4 * x[0] - 5 * x[1] + 3 * x[6] - 9 * x[7],
        lambda x: -10 * x[0] + 8 * x[1] + 17 * x[6] - 2 * x[7],
        lambda x: 8 * x[0] - 2 * x[1] - 5 * x[8] + 2 * x[9] + 12,
        lambda x: 120 - 3 * (x[0] - 2) ** 2 - 4 * (x[1] - 3) ** 2 - 2 * x[2] ** 2 + 7 * x[3],
        lambda x: 40 - 5 * x[0] ** 2 - 8 * x[1] - (x[2] - 6) ** 2 + 2 * x[3],
        lambda x: 30 - 0.5 * (x[0] - 8) ** 2 - 2 * (x[1] - 4) ** 2 - 3 * x[4] ** 2 + x[5],
        lambda x: -(x[0] ** 2) - 2 * (x[1] - 2) ** 2 + 2 * x[0] * x[1] - 14 * x[4] + 6 * x[5],
        lambda x: 3 * x[0] - 6 * x[1] - 12 * (x[8] - 8) ** 2 + 7 * x[9],
    ),
)
def _(x):
    centers = np.array([0.0, 0.0, 10.0, 5.0, 3.0, 1.0, 0.0, 11.0, 10.0, 7.0])
    weights = np.array([1.0, 1.0, 1.0, 4.0, 1.0, 2.0, 5.0, 7.0, 2.0, 1.0])
    cross = x[0] * x[1] - 14 * x[0] - 16 * x[1] + 45
    return np.sum(weights * (x - centers) ** 2) + cross


@problem(
    118,
    [20, 55, 15, *4 * [20, 60, 20]],
    664.82045,
    None,
    lambda x: np.concatenate(
        [
            x[3:] - x[:-3] + 7,
            np.tile(np.array([6.0, 7.0, 6.0]), 4) - x[3:] + x[:-3],
            np.sum(np.reshape(x, (5, 3)), axis=1) - np.array([60.0, 50.0, 70.0, 85.0, 100.0]),
        ]
    ),
    [(8, 21), (43, 57), (3, 16), *4 * [(0, 90), (0, 120), (0, 60)]],
)
def _(x):
    slopes = np.tile(np.array([2.3, 1.7, 2.2]), 5)
    bends = np.tile(np.array([1e-4, 1e-4, 1.5e-4]), 5)
    return np.sum(slopes * x + bends * x**2)
