"""Problems of three numbers and more with nonlinear inequalities."""

import numpy as np
from numpy import exp, log

from tests.cases.hock_schittkowski.table import FROM_0, ROOT_2, ROOT_3, problem, rows


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
