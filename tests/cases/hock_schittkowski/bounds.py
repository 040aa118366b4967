"""Problems with bounds alone."""

import numpy as np
from numpy import exp, log, pi, sin

from tests.cases.hock_schittkowski.table import ROOT_3, problem, rosenbrock

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


@problem(38, [-3, -1, -3, -1], 0.0, bounds=(-10, 10))
def _(x):
    second = 90 * (x[3] - x[2] ** 2) ** 2 + (1 - x[2]) ** 2
    both = 10.1 * ((x[1] - 1) ** 2 + (x[3] - 1) ** 2) + 19.8 * (x[1] - 1) * (x[3] - 1)
    return rosenbrock(x) + second + both


@problem(45, [2, 2, 2, 2, 2], 1.0, bounds=[(0, i) for i in range(1, 6)])
def _(x):
    return 2 - np.prod(x) / 120


@problem(110, np.full(10, 9.0), -45.77846971, bounds=(2.001, 9.999))
def _(x):
    return np.sum(log(x - 2) ** 2 + log(10 - x) ** 2) - np.prod(x) ** 0.2


@problem(25, [100, 12.5, 3], 0.0, bounds=[(0.1, 100), (0, 25.6), (0, 5)])
def _(x):
    shares = 0.01 * np.arange(1, 100)
    times = 25 + (-50 * log(shares)) ** (2 / 3)
    return np.sum((exp(-((times - x[1]) ** x[2]) / x[0]) - shares) ** 2)
