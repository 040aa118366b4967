"""More problems with nonlinear equations."""

import numpy as np
from numpy import cos, exp, sin

from tests.cases.hock_schittkowski.table import FROM_0, ROOT_2, problem, rows


@problem(
    47,
    [2, ROOT_2, -1, 2 - ROOT_2, 0.5],
    0.0,
    rows(
        lambda x: x[0] + x[1] ** 2 + x[2] ** 3 - 3,
        lambda x: x[1] - x[2] ** 2 + x[3] - 1,
        lambda x: x[0] * x[4] - 1,
    ),
)
def _(x):
    first = (x[0] - x[1]) ** 2 + (x[1] - x[2]) ** 3
    return first + (x[2] - x[3]) ** 4 + (x[3] - x[4]) ** 4


def _rocket(x):
    """Return range, height and speed at the end of seven burns at given angles."""
    thrusts = (50.0, 50.0, 75.0, 75.0, 75.0, 100.0, 100.0)
    times = (25.0, 25.0, 50.0, 50.0, 50.0, 90.0, 90.0)
    reach, height, speed = 0.0, 0.0, 0.0
    for i, (thrust, time) in enumerate(zip(thrusts, times, strict=True)):
        climb = thrust * sin(x[i]) - 32
        height = height + 0.5 * time**2 * climb + time * speed
        speed = speed + time * climb
        reach = reach + thrust * time * cos(x[i])
    return reach, height, speed


@problem(
    99,
    np.full(7, 0.5),
    -831079891.5,
    rows(lambda x: _rocket(x)[1] - 1e5, lambda x: _rocket(x)[2] - 1e3),
    None,
    (0, 1.58),
)
def _(x):
    return -(_rocket(x)[0] ** 2)


def _power_flow(x):
    y = sin(x[7]), cos(x[7]), sin(x[8]), cos(x[8]), sin(x[7] - x[8]), cos(x[7] - x[8])
    c, d = 48.4 / 50.176 * sin(0.25), 48.4 / 50.176 * cos(0.25)
    first, second, third = x[4] * x[5], x[4] * x[6], x[5] * x[6]
    return np.stack(
        [
            0.4 - x[0] + 2 * c * x[4] ** 2
            - first * (d * y[0] + c * y[1]) - second * (d * y[2] + c * y[3]),
            0.4 - x[1] + 2 * c * x[5] ** 2
            + first * (d * y[0] - c * y[1]) + third * (d * y[4] - c * y[5]),
            0.8 + 2 * c * x[6] ** 2
            + second * (d * y[2] - c * y[3]) - third * (d * y[4] + c * y[5]),
            0.2 - x[2] + 2 * d * x[4] ** 2
            + first * (c * y[0] - d * y[1]) + second * (c * y[2] - d * y[3]),
            0.2 - x[3] + 2 * d * x[5] ** 2
            - first * (c * y[0] + d * y[1]) - third * (c * y[4] + d * y[5]),
            -0.337 + 2 * d * x[6] ** 2
            - second * (c * y[2] + d * y[3]) + third * (c * y[4] - d * y[5]),
        ]
    )  # fmt: skip


@problem(
    107,
    [0.8, 0.8, 0.2, 0.2, 1.0454, 1.0454, 1.0454, 0, 0],
    5055.011803,
    _power_flow,
    None,
    [(0, None), (0, None), *2 * [(None, None)], *3 * [(0.90909, 1.0909)], *2 * [(None, None)]],
)
def _(x):
    return 3000 * x[0] + 1000 * x[0] ** 3 + 2000 * x[1] + 666.667 * x[1] ** 3


@problem(220, [25000, 25000], 1.0, lambda x: (x[0] - 1) ** 3 - x[1], None, [(1, None), (0, None)])
def _(x):
    return x[0]


@problem(235, [-2, 3, 1], 0.04, lambda x: x[0] + x[2] ** 2 + 1)
def _(x):
    return (x[1] - x[0] ** 2) ** 2 + 0.01 * (x[0] - 1) ** 2


@problem(
    252, [-1, 2, 2], 0.04, lambda x: x[0] + x[2] ** 2 + 1, None, [(None, -1), *2 * [(None, None)]]
)
def _(x):
    return 0.01 * (x[0] - 1) ** 2 + (x[1] - x[0] ** 2) ** 2


@problem(
    254,
    [1, 1, 1],
    -np.sqrt(3.0),
    rows(lambda x: x[1] ** 2 + x[2] ** 2 - 4, lambda x: x[2] - 1 - x[0] ** 2),
    None,
    [(None, None), (None, None), (1, None)],
)
def _(x):
    return np.log(x[2]) / np.log(10.0) - x[1]


@problem(265, np.zeros(4), 0.97474658, lambda x: x[::2] + x[1::2] - 1, None, FROM_0)
def _(x):
    return np.sum(1 - exp(-10 * x[:2] * exp(-x[2:])))


ELLIPSES = {
    316: (1.0, 334.31458),
    317: (0.64, 372.46661),
    318: (0.36, 412.75005),
    319: (0.16, 452.40440),
    320: (0.04, 485.53146),
    321: (0.01, 496.11237),
    322: (1e-4, 499.96001),
}
for number, (square, least) in ELLIPSES.items():

    @problem(
        number,
        [0, 0],
        least,
        lambda x, square=square: 0.01 * x[0] ** 2 + 0.01 / square * x[1] ** 2 - 1,
    )
    def _(x):
        return (x[0] - 20) ** 2 + (x[1] + 20) ** 2


@problem(
    335,
    [1, 1, 1],
    -0.004472136,
    rows(
        lambda x: -1000 * x[0] ** 2 - 100 * x[1] ** 2 + x[2],
        lambda x: 100 * x[0] ** 2 + 400 * x[1] ** 2 + x[2] - 0.01,
    ),
)
def _(x):
    return -(0.001 * x[0] + x[1])


@problem(
    336,
    [0, 0, 0],
    -0.33789573,
    rows(
        lambda x: x[0] ** 2 + 2 * x[1] ** 2 + 3 * x[2] ** 2 - 1,
        lambda x: 5 * x[0] + 5 * x[1] - 3 * x[2] - 6,
    ),
)
def _(x):
    return 7 * x[0] - 6 * x[1] + 4 * x[2]


@problem(
    373,
    [300, -100, -0.1997, -127, -151, 379, 421, 460, 426],
    13390.093,
    lambda x: (
        x[0]
        + x[1] * exp(np.array([-5.0, -3.0, -1.0, 1.0, 3.0, 5.0]) * x[2])
        + x[3:]
        - np.array([127.0, 151.0, 379.0, 421.0, 460.0, 426.0])
    ),
)
def _(x):
    return np.sum(x[3:] ** 2)


@problem(394, np.full(20, 2.0), 1.9166667, lambda x: np.sum(x**2) - 1)
def _(x):
    return np.sum(np.arange(1, 21) * (x**2 + x**4))
