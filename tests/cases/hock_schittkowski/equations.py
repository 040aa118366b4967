"""Problems with nonlinear equations."""

import numpy as np
from numpy import exp, log, sin, sqrt

from tests.cases.hock_schittkowski.table import FROM_0, ROOT_2, ROOT_3, problem, rows


@problem(6, [-1.2, 1], 0.0, lambda x: 10 * (x[1] - x[0] ** 2))
def _(x):
    return (1 - x[0]) ** 2


@problem(7, [2, 2], -ROOT_3, lambda x: (1 + x[0] ** 2) ** 2 + x[1] ** 2 - 4)
def _(x):
    return log(1 + x[0] ** 2) - x[1]


@problem(8, [2, 1], -1.0, rows(lambda x: x[0] ** 2 + x[1] ** 2 - 25, lambda x: x[0] * x[1] - 9))
def _(x):
    return -1.0 + 0.0 * x[0]


@problem(26, [-2.6, 2, 2], 0.0, lambda x: (1 + x[1] ** 2) * x[0] + x[2] ** 4 - 3)
def _(x):
    return (x[0] - x[1]) ** 2 + (x[1] - x[2]) ** 4


@problem(27, [2, 2, 2], 0.04, lambda x: x[0] + x[2] ** 2 + 1)
def _(x):
    return 0.01 * (x[0] - 1) ** 2 + (x[1] - x[0] ** 2) ** 2


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
    42,
    [1, 1, 1, 1],
    28 - 10 * ROOT_2,
    rows(lambda x: x[0] - 2, lambda x: x[2] ** 2 + x[3] ** 2 - 2),
)
def _(x):
    return np.sum((x - np.arange(1, 5)) ** 2)


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


POWELL_BOUNDS = [*2 * [(-2.3, 2.3)], *3 * [(-3.2, 3.2)]]


@problem(80, [-2, 2, 2, -1, -1], 0.0539498478, POWELL, None, POWELL_BOUNDS)
def _(x):
    return exp(np.prod(x))


@problem(81, [-2, 2, 2, -1, -1], 0.0539498478, POWELL, None, POWELL_BOUNDS)
def _(x):
    return exp(np.prod(x)) - 0.5 * (x[0] ** 3 + x[1] ** 3 + 1) ** 2


ATOMS = np.array(
    [
        [1, 2, 2, 0, 0, 1, 0, 0, 0, 1],
        [0, 0, 0, 1, 2, 1, 1, 0, 0, 0],
        [0, 0, 1, 0, 0, 0, 1, 1, 2, 1],
    ],
    float,
)
FREE_ENERGIES = np.array(
    [-6.089, -17.164, -34.054, -5.914, -24.721, -14.986, -24.1, -10.708, -26.662, -22.179]
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
