"""Problems from industry, with nonlinear inequalities of many numbers."""

import numpy as np
from numpy import exp

from tests.cases.hock_schittkowski.linear import (
    COLVILLE,
    COLVILLE_COSTS,
    COLVILLE_CUBES,
    COLVILLE_LIMITS,
    COLVILLE_ROWS,
)
from tests.cases.hock_schittkowski.table import FROM_0, problem, rows

SUGAR = np.array(
    [
        [-145421.402, 2931.1506, -40.427932, 5106.192, 15711.36],
        [-155011.1084, 4360.53352, 12.9492344, 10236.884, 13176.786],
        [-326669.5104, 7390.68412, -27.8986976, 16643.076, 30988.146],
    ]
)


def _products(x):
    return x[0] * np.concatenate([np.ones(1), x[1:]])


@problem(
    84,
    [2.52, 2, 37.5, 9.25, 6.8],
    -5280335.133,
    None,
    lambda x: np.concatenate(
        [
            SUGAR @ _products(x),
            np.array([294000.0, 294000.0, 277200.0]) - SUGAR @ _products(x),
        ]
    ),
    [(0, 1000), (1.2, 2.4), (20, 60), (9, 9.3), (6.5, 7)],
)
def _(x):
    prices = np.array([-8720288.849, 150512.5253, -156.6950325, 476470.3222, 729482.8271])
    return 24345 - np.sum(prices * _products(x))


def _blends(x):
    a, b, c, d, e, f = (x[i] for i in range(6))
    return np.stack(
        [
            17.1 * a + 38.2 * b + 204.2 * c + 212.3 * d + 623.4 * e + 1495.5 * f - 169 * a * c
            - 3580 * c * e - 3810 * d * e - 18500 * d * f - 24300 * e * f,
            17.9 * a + 36.8 * b + 113.9 * c + 169.7 * d + 337.8 * e + 1385.2 * f - 139 * a * c
            - 2450 * d * e - 16600 * d * f - 17200 * e * f,
            -273 * b - 70 * d - 819 * e + 26000 * d * e,
            159.9 * a - 311 * b + 587 * d + 391 * e + 2198 * f - 14000 * a * f,
        ]
    )  # fmt: skip


LEAST_BLENDS = {
    95: (np.array([4.97, -1.88, -29.08, -78.02]), 0.01561952524),
    96: (np.array([4.97, -1.88, -69.08, -118.02]), 0.01561952524),
    97: (np.array([32.97, 25.12, -29.08, -78.02]), 3.135809123),
    98: (np.array([32.97, 25.12, -124.08, -173.02]), 3.135809123),
}
for number, (limits, least) in LEAST_BLENDS.items():

    @problem(
        number,
        np.zeros(6),
        least,
        None,
        lambda x, limits=limits: _blends(x) - limits,
        [(0, 0.31), (0, 0.046), (0, 0.068), (0, 0.042), (0, 0.028), (0, 0.0134)],
    )
    def _(x):
        return np.sum(np.array([4.3, 31.8, 63.3, 15.8, 68.5, 4.7]) * x)


def _reactor_costs(x, power):
    a, b, c, d, e, f, g = (x[i] for i in range(7))
    first = 10 * a * d**2 * g**power / (b * f**3) + 15 * c * d / (a * b**2 * e * g**0.5)
    return first + 20 * b * f / (a**2 * d * e**2) + 25 * a**2 * b**2 * e**0.5 * g / (c * f**2)


def _reactor_limits(x):
    a, b, c, d, e, f, g = (x[i] for i in range(7))
    return np.stack(
        [
            1 - 0.5 * a**0.5 * g / (c * f**2) - 0.7 * a**3 * b * f * g**0.5 / c**2
            - 0.2 * c * f ** (2 / 3) * g**0.25 / (b * d**0.5),
            1 - 1.3 * b * f / (a**0.5 * c * e) - 0.8 * c * f**2 / (d * e)
            - 3.1 * b**0.5 * f ** (1 / 3) / (a * d**2 * e),
            1 - 2 * a * e * g ** (1 / 3) / (c**1.5 * f) - 0.1 * b * e / (c**0.5 * f * g**0.5)
            - b * c**0.5 * e / a - 0.65 * c * e * g / (b**2 * f),
            1 - 0.2 * b * e**0.5 * g ** (1 / 3) / (a**2 * d)
            - 0.3 * a**0.5 * b**2 * c * d ** (1 / 3) * g**0.25 / e ** (2 / 3)
            - 0.4 * c * e * g**0.75 / (a**3 * b**2) - 0.5 * d * g**0.5 / c**2,
        ]
    )  # fmt: skip


for number, power, least in (
    (101, -0.25, 1809.76476),
    (102, 0.125, 911.880571),
    (103, 0.5, 543.667958),
):

    @problem(
        number,
        np.full(7, 6.0),
        least,
        None,
        lambda x, power=power: np.concatenate(
            [
                _reactor_limits(x),
                np.stack([_reactor_costs(x, power) - 100, 3000 - _reactor_costs(x, power)]),
            ]
        ),
        [*6 * [(0.1, 10)], (0.01, 10)],
    )
    def _(x, power=power):
        return _reactor_costs(x, power)


def _membrane(x, feed, product):
    """Return by how much a stage of membranes separates more than it can."""
    return product - 0.03475 * feed - 0.975 * feed * product + 0.00975 * feed**2


@problem(
    116,
    [0.5, 0.8, 0.9, 0.1, 0.14, 0.5, 489, 80, 650, 450, 150, 150, 150],
    97.588409,
    None,
    rows(
        lambda x: x[2] - x[1],
        lambda x: x[1] - x[0],
        lambda x: 1 - 0.002 * x[6] + 0.002 * x[7],
        lambda x: x[10] + x[11] + x[12] - 50,
        lambda x: 250 - x[10] - x[11] - x[12],
        lambda x: x[12] - 1.262626 * x[9] + 1.231059 * x[2] * x[9],
        lambda x: _membrane(x, x[1], x[4]),
        lambda x: _membrane(x, x[2], x[5]),
        lambda x: x[4] * x[6] - x[0] * x[7] - x[3] * x[6] + x[3] * x[7],
        lambda x: (
            1 - 0.002 * (x[1] * x[8] + x[4] * x[7] - x[0] * x[7] - x[5] * x[8]) - x[4] - x[5]
        ),
        lambda x: (
            x[1] * x[8] - x[2] * x[9] - x[5] * x[8] - 500 * x[1] + 500 * x[5] + x[1] * x[9]
        ),
        lambda x: x[1] - 0.9 - 0.002 * (x[1] * x[9] - x[2] * x[9]),
        lambda x: _membrane(x, x[0], x[3]),
        lambda x: x[10] - 1.262626 * x[7] + 1.231059 * x[0] * x[7],
        lambda x: x[11] - 1.262626 * x[8] + 1.231059 * x[1] * x[8],
    ),
    [
        *3 * [(0.1, 1)], (1e-4, 0.1), *2 * [(0.1, 0.9)], *2 * [(0.1, 1000)], (500, 1000),
        (0.1, 500), (1, 150), *2 * [(1e-4, 150)],
    ],
)  # fmt: skip
def _(x):
    return x[10] + x[11] + x[12]


@problem(
    117,
    np.where(np.arange(15) == 6, 60.0, 0.001),
    32.34867897,
    None,
    lambda x: (
        2 * (COLVILLE @ x[10:])
        + 3 * COLVILLE_CUBES * x[10:] ** 2
        + COLVILLE_COSTS
        - COLVILLE_ROWS.T @ x[:10]
    ),
    FROM_0,
)
def _(x):
    squares = np.sum(x[10:] * (COLVILLE @ x[10:]))
    return squares - np.sum(COLVILLE_LIMITS * x[:10]) + 2 * np.sum(COLVILLE_CUBES * x[10:] ** 3)


@problem(
    339,
    [1, 1, 1],
    3.3616797,
    None,
    lambda x: 10 - 2 * x[0] * x[2] - x[0] * x[1],
    FROM_0,
)
def _(x):
    return 0.2 / np.prod(x) + 4 / x[0] + 3 / x[2]


@problem(
    340,
    [1, 1, 1],
    -0.054,
    None,
    lambda x: 1.8 - x[0] - 2 * x[1] - 2 * x[2],
    [(None, 1), (None, None), (None, None)],
)
def _(x):
    return -np.prod(x)


@problem(
    343,
    [22.3, 0.5, 125],
    -5.6847825,
    None,
    rows(lambda x: 675 - x[0] ** 2 * x[1], lambda x: 0.419 - 1e-7 * x[0] ** 2 * x[2] ** 2),
    [(0, 36), (0, 5), (0, 125)],
)
def _(x):
    return -2.01e-9 * x[0] ** 4 * x[1] * x[2] ** 2


@problem(
    372,
    [300, -100, -0.1997, 127, 151, 379, 421, 460, 426],
    13390.093,
    None,
    lambda x: np.concatenate([x[3:] + _misfit(x), x[3:] - _misfit(x)]),
    [*3 * [(None, None)], *6 * [FROM_0]],
)
def _(x):
    return np.sum(x[3:] ** 2)


def _misfit(x):
    times = np.array([-5.0, -3.0, -1.0, 1.0, 3.0, 5.0])
    return x[0] + x[1] * exp(times * x[2]) - np.array([127.0, 151, 379, 421, 460, 426])
