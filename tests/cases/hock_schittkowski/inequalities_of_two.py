"""Problems of two numbers with nonlinear inequalities."""

import numpy as np
from numpy import exp, log

from tests.cases.hock_schittkowski.table import FROM_0, ROOT_3, problem, rosenbrock, rows


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


problem(
    15,
    [-2, 1],
    306.5,
    None,
    rows(lambda x: x[0] * x[1] - 1, lambda x: x[0] + x[1] ** 2),
    [(None, 0.5), (None, None)],
)(rosenbrock)
BELOW_HALF = [(-2, 0.5), (None, 1)]
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


WEEKS = np.repeat(
    np.arange(8.0, 43.0, 2.0), [2, 4, 4, 3, 3, 2, 3, 3, 3, 3, 2, 3, 2, 1, 2, 2, 1, 1]
)
CHLORINE = 0.01 * np.array(
    [
        *(49, 49, 48, 47, 48, 47, 46, 46, 45, 43, 45, 43, 43, 44, 43, 43, 46, 45, 42, 42, 43),
        *(41, 41, 40, 42, 40, 40, 41, 40, 41, 41, 40, 40, 40, 38, 41, 40, 40, 41, 38, 40, 40),
        *(39, 39),
    ]
)


@problem(
    57,
    [0.42, 5],
    0.02845966972,
    None,
    lambda x: 0.49 * x[1] - x[0] * x[1] - 0.09,
    [(0.4, None), (-4, None)],
)
def _(x):
    return np.sum((CHLORINE - x[0] - (0.49 - x[0]) * exp(-x[1] * (WEEKS - 8))) ** 2)


@problem(215, [1, 1], 0.0, None, lambda x: x[1] - x[0] ** 2, [(0, None), (None, None)])
def _(x):
    return x[1]


@problem(218, [9, 100], 0.0, None, lambda x: x[1] - x[0] ** 2, [(None, None), (0, None)])
def _(x):
    return x[1]


@problem(221, [0.25, 0.25], -1.0, None, lambda x: (1 - x[0]) ** 3 - x[1], (0, 1))
def _(x):
    return -x[0]


@problem(222, [1.3, 0.2], -1.5, None, lambda x: 0.125 - (x[0] - 1) ** 3 - x[1], FROM_0)
def _(x):
    return -x[0]


@problem(223, [0.1, 3.3], -log(log(10)), None, lambda x: x[1] - exp(exp(x[0])), (0, 10))
def _(x):
    return -x[0]


@problem(226, [0.8, 0.05], -0.5, None, lambda x: 1 - x[0] ** 2 - x[1] ** 2, FROM_0)
def _(x):
    return -x[0] * x[1]


@problem(227, [0.5, 0.5], 1.0, None, rows(lambda x: x[1] - x[0] ** 2, lambda x: x[0] - x[1] ** 2))
def _(x):
    return (x[0] - 2) ** 2 + (x[1] - 1) ** 2


@problem(228, [0, 0], -3.0, None, rows(lambda x: 1 - x[0] - x[1], lambda x: 9 - np.sum(x**2)))
def _(x):
    return x[0] ** 2 + x[1]


@problem(
    230,
    [0, 0],
    0.375,
    None,
    rows(
        lambda x: x[1] - 2 * x[0] ** 2 + x[0] ** 3,
        lambda x: x[1] - 2 * (1 - x[0]) ** 2 + (1 - x[0]) ** 3,
    ),
)
def _(x):
    return x[1]


problem(233, [1.2, 1], 0.0, None, lambda x: np.sum(x**2) - 0.25)(rosenbrock)


@problem(234, [1, 1], -0.8, None, lambda x: 1 - x[0] ** 2 - x[1] ** 2, (0.2, 2))
def _(x):
    return (x[1] - x[0]) ** 4 - (1 - x[0])


@problem(
    315,
    [-0.1, -0.9],
    -0.8,
    None,
    rows(lambda x: 1 - 2 * x[1] + x[0], lambda x: 1 - np.sum(x**2)),
)
def _(x):
    return -x[1]


@problem(
    323,
    [0, 1],
    3.79894,
    None,
    rows(lambda x: x[0] - x[1] + 2, lambda x: -(x[0] ** 2) + x[1] - 1),
    FROM_0,
)
def _(x):
    return x[0] ** 2 + x[1] ** 2 - 4 * x[0] + 4


@problem(
    326,
    [4, 3],
    -79.807821,
    None,
    rows(
        lambda x: 11 - x[0] ** 2 + 6 * x[0] - 4 * x[1],
        lambda x: x[0] * x[1] - 3 * x[1] - exp(x[0] - 3) + 1,
    ),
    FROM_0,
)
def _(x):
    return x[0] ** 2 + x[1] ** 2 - 16 * x[0] - 10 * x[1]
