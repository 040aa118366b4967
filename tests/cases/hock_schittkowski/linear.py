"""Problems with linear constraints."""

import numpy as np
from numpy import cos, exp, log, pi, sin, sqrt

from tests.cases.hock_schittkowski.table import FROM_0, ROOT_3, problem, rows


@problem(9, [0, 0], -0.5, lambda x: 4 * x[0] - 3 * x[1])
def _(x):
    return sin(pi * x[0] / 12) * cos(pi * x[1] / 16)


@problem(21, [-1, -1], -99.96, None, lambda x: 10 * x[0] - x[1] - 10, [(2, 50), (-50, 50)])
def _(x):
    return 0.01 * x[0] ** 2 + x[1] ** 2 - 100


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


@problem(28, [-4, 1, 1], 0.0, lambda x: x[0] + 2 * x[1] + 3 * x[2] - 1)
def _(x):
    return (x[0] + x[1]) ** 2 + (x[1] + x[2]) ** 2


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


@problem(62, [0.7, 0.2, 0.1], -26272.51448, lambda x: np.sum(x) - 1, None, (0, 1))
def _(x):
    a, b, c = x[0] + x[1] + x[2] + 0.03, x[1] + x[2] + 0.03, x[2] + 0.03
    first = 255 * log(a / (0.09 * x[0] + b)) + 280 * log(b / (0.07 * x[1] + c))
    return -32.174 * (first + 290 * log(c / (0.13 * x[2] + 0.03)))


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


COLVILLE = np.array(
    [
        [30, -20, -10, 32, -10],
        [-20, 39, -6, -31, 32],
        [-10, -6, 10, -6, -10],
        [32, -31, -6, 39, -20],
        [-10, 32, -10, -20, 30],
    ],
    float,
)
COLVILLE_CUBES = np.array([4.0, 8.0, 10.0, 6.0, 2.0])
COLVILLE_COSTS = np.array([-15.0, -27.0, -36.0, -18.0, -12.0])
COLVILLE_ROWS = np.array(
    [
        [-16, 2, 0, 1, 0],
        [0, -2, 0, 0.4, 2],
        [-3.5, 0, 2, 0, 0],
        [0, -2, 0, -4, -1],
        [0, -9, -2, 1, -2.8],
        [2, 0, -4, 0, 0],
        [-1, -1, -1, -1, -1],
        [-1, -2, -3, -2, -1],
        [1, 2, 3, 4, 5],
        [1, 1, 1, 1, 1],
    ]
)
COLVILLE_LIMITS = np.array([-40, -2, -0.25, -4, -4, -1, -40, -60, 5, 1])


@problem(
    86,
    [0, 0, 0, 0, 1],
    -32.34867897,
    None,
    lambda x: COLVILLE_ROWS @ x - COLVILLE_LIMITS,
    FROM_0,
)
def _(x):
    return np.sum(COLVILLE_COSTS * x + COLVILLE_CUBES * x**3) + np.sum(x * (COLVILLE @ x))


@problem(
    224,
    [0.1, 0.1],
    -304.0,
    None,
    rows(
        lambda x: x[0] + 3 * x[1],
        lambda x: 18 - x[0] - 3 * x[1],
        lambda x: x[0] + x[1],
        lambda x: 8 - x[0] - x[1],
    ),
    (0, 6),
)
def _(x):
    return 2 * x[0] ** 2 + x[1] ** 2 - 48 * x[0] - 40 * x[1]


@problem(253, [0, 2, 0], 69.28203230, None, lambda x: 30 - 3 * x[0] - 3 * x[2], FROM_0)
def _(x):
    corners = 10.0 * np.array([[i % 2, i // 2 % 2, i // 4] for i in range(8)])
    return np.sum(sqrt(np.sum((x - corners) ** 2, axis=1)))


@problem(
    262,
    np.ones(4),
    -10.0,
    lambda x: x[0] + x[1] + x[2] - 2 * x[3] - 6,
    rows(
        lambda x: 10 - np.sum(x),
        lambda x: 10 - 0.2 * x[0] - 0.5 * x[1] - x[2] - 2 * x[3],
        lambda x: 10 - 2 * x[0] - x[1] - 0.5 * x[2] - 0.2 * x[3],
    ),
    FROM_0,
)
def _(x):
    return -0.5 * x[0] - x[1] - 0.5 * x[2] - x[3]


@problem(
    268,
    np.ones(5),
    0.0,
    None,
    rows(
        lambda x: 5 - np.sum(x),
        lambda x: 10 * x[0] + 10 * x[1] - 3 * x[2] + 5 * x[3] + 4 * x[4] - 20,
        lambda x: -8 * x[0] + x[1] - 2 * x[2] - 5 * x[3] + 3 * x[4] + 40,
        lambda x: 8 * x[0] - x[1] + 2 * x[2] + 5 * x[3] - 3 * x[4] - 11,
        lambda x: -4 * x[0] - 2 * x[1] + 3 * x[2] - 5 * x[3] + x[4] + 30,
    ),
)
def _(x):
    squares = np.array(
        [
            [10197, -12454, -1013, 1948, 329],
            [-12454, 20909, -1733, -4914, -186],
            [-1013, -1733, 1755, 1089, -174],
            [1948, -4914, 1089, 1515, -22],
            [329, -186, -174, -22, 27],
        ],
        float,
    )
    slopes = np.array([-9170.0, 17099.0, -2271.0, -4336.0, -43.0])
    return 14463 + np.sum(x * (squares @ x)) - 2 * np.sum(slopes * x)


@problem(354, [3, -1, 0, 1], 0.11378386, None, lambda x: np.sum(x) - 1, (None, 20))
def _(x):
    first = (x[0] + 10 * x[1]) ** 2 + 5 * (x[2] - x[3]) ** 2
    return first + (x[1] - 2 * x[2]) ** 4 + 10 * (x[0] - x[3]) ** 4
