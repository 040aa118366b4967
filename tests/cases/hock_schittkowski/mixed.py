"""Problems with equations and inequalities."""

import numpy as np
from numpy import sin, sqrt

from tests.cases.hock_schittkowski.table import FROM_0, problem, rows


@problem(
    14,
    [2, 2],
    9 - 2.875 * sqrt(7),
    lambda x: x[0] - 2 * x[1] + 1,
    lambda x: -0.25 * x[0] ** 2 - x[1] ** 2 + 1,
)
def _(x):
    return (x[0] - 2) ** 2 + (x[1] - 1) ** 2


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


def _alkylation(x, product, octane):
    return np.stack(
        [
            35.82 - 0.222 * x[9] - octane * x[8],
            -133 + 3 * x[6] - product * x[9],
            -35.82 + 0.222 * x[9] + x[8] / octane,
            133 - 3 * x[6] + x[9] / product,
            1.12 * x[0] + 0.13167 * x[0] * x[7] - 0.00667 * x[0] * x[7] ** 2 - product * x[3],
            57.425 + 1.098 * x[7] - 0.038 * x[7] ** 2 + 0.325 * x[5] - product * x[6],
            -1.12 * x[0] - 0.13167 * x[0] * x[7] + 0.00667 * x[0] * x[7] ** 2 + x[3] / product,
            -57.425 - 1.098 * x[7] + 0.038 * x[7] ** 2 - 0.325 * x[5] + x[6] / product,
        ]
    )


@problem(
    114,
    [1745, 12000, 110, 3048, 1974, 89.2, 92.8, 8, 3.6, 145],
    -1768.80696,
    rows(
        lambda x: 1.22 * x[3] - x[0] - x[4],
        lambda x: 98000 * x[2] / (x[3] * x[8] + 1000 * x[2]) - x[5],
        lambda x: (x[1] + x[4]) / x[0] - x[7],
    ),
    lambda x: _alkylation(x, 0.99, 0.9),
    [
        (1e-5, 2000), (1e-5, 16000), (1e-5, 120), (1e-5, 5000), (1e-5, 2000), (85, 93),
        (90, 95), (3, 12), (1.2, 4), (145, 162),
    ],
)  # fmt: skip
def _(x):
    return 5.04 * x[0] + 0.035 * x[1] + 10 * x[2] + 3.36 * x[4] - 0.063 * x[3] * x[6]


@problem(
    217,
    [10, 10],
    -0.8,
    lambda x: x[0] ** 2 + x[1] ** 2 - 1,
    lambda x: 1 + x[0] - 2 * x[1],
    [(0, None), (None, None)],
)
def _(x):
    return -x[1]


@problem(
    248,
    [-0.1, -1, 0.1],
    -0.8,
    lambda x: np.sum(x**2) - 1,
    lambda x: 1 - 2 * x[1] + x[0],
)
def _(x):
    return -x[1]


@problem(
    263,
    np.full(4, 10.0),
    -1.0,
    rows(lambda x: x[1] - x[0] ** 3 - x[2] ** 2, lambda x: x[0] ** 2 - x[1] - x[3] ** 2),
    rows(lambda x: x[1] - x[0] ** 3, lambda x: x[0] ** 2 - x[1]),
)
def _(x):
    return -x[0]


@problem(
    325,
    [-3, 0],
    3.7913415,
    lambda x: np.sum(x**2) - 9,
    rows(lambda x: 1 - x[0] - x[1], lambda x: 1 - x[0] - x[1] ** 2),
)
def _(x):
    return x[0] ** 2 + x[1]
