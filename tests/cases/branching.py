"""Losses that branch on values, with starts from which a descent crosses the branches."""

import numpy as np


def huber(x):
    total = 0.0
    for target, value in zip((1.0, -2.0), x, strict=True):
        r = value - target
        total = total + (0.5 * r * r if abs(r) < 1.0 else abs(r) - 0.5)
    return total


def newton_inside(x):
    y = 1.0
    while abs(y * y - x[0]) > 1e-10:
        y = 0.5 * (y + x[0] / y)
    return (y - 3.0) ** 2 + (x[1] - y) ** 2


def depends_on_order(x):
    y = np.sort(x)
    return (y[0] - 1.0) ** 2 + (y[-1] - y[0] - 3.0) ** 2 + (y[1] - x[1]) ** 2


def bubbles(x):
    y = x.copy()
    for i in range(len(y)):
        for j in range(len(y) - 1 - i):
            if y[j] > y[j + 1]:
                y[j], y[j + 1] = y[j + 1], y[j]
    return np.sum((y - np.array([1.0, 1.5, 4.0])) ** 2)


CROSSING = {
    huber: np.array([5.0, 5.0]),
    newton_inside: np.array([20.0, 5.0]),
    depends_on_order: np.array([3.0, 2.0, 5.0]),
    bubbles: np.array([5.0, 2.0, 0.5]),
}
