"""Losses with branches on values, each beside one that computes the same without."""

from __future__ import annotations

import numpy as np

import steepest as st

STEPS = 20_000


def huber(x):
    total = 0.0
    for target, value in zip((1.0, -2.0), x, strict=True):
        r = value - target
        total = total + (0.5 * r * r if abs(r) < 1.0 else abs(r) - 0.5)
    return total


def huber_without(x):
    r = x - np.array([1.0, -2.0])
    return np.sum(np.where(np.abs(r) < 1.0, 0.5 * r * r, np.abs(r) - 0.5))


def newton(x):
    y = 1.0
    while abs(y * y - x[0]) > 1e-10:
        y = 0.5 * (y + x[0] / y)
    return (y - 3.0) ** 2 + (x[1] - y) ** 2


def newton_without(x):
    y = 1.0
    for _ in range(7):
        y = 0.5 * (y + x[0] / y)
    return (y - 3.0) ** 2 + (x[1] - y) ** 2


def sorting(x):
    y = x.copy()
    for i in range(len(y)):
        for j in range(len(y) - 1 - i):
            if y[j] > y[j + 1]:
                y[j], y[j + 1] = y[j + 1], y[j]
    return np.sum((y - np.array([1.0, 1.5, 4.0])) ** 2)


def sorting_without(x):
    y = [x[0], x[1], x[2]]
    for i, j in ((0, 1), (1, 2), (0, 1)):
        y[i], y[j] = np.minimum(y[i], y[j]), np.maximum(y[i], y[j])
    return np.sum((np.stack(y) - np.array([1.0, 1.5, 4.0])) ** 2)


PAIRS = {
    "Huber's loss by if": (huber, huber_without, [5.0, 5.0]),
    "Newton's iteration by while": (newton, newton_without, [20.0, 5.0]),
    "bubble sort by if": (sorting, sorting_without, [5.0, 2.0, 0.5]),
}


def measure(rounds=15):
    """Return, for each pair, the median seconds of a step with and without branches."""
    figures = {}
    for name, (*losses, start) in PAIRS.items():
        taken = [[], []]
        for _ in range(rounds + 1):  # the first round finds and compiles all paths
            for number, loss in enumerate(losses):
                run = st.minimize(
                    loss,
                    np.array(start),
                    method=st.GradientDescent(1e-3),
                    stop=st.MaxIterations(STEPS),
                    record=None,
                )
                taken[number].append(run.timings.run / STEPS)
        branching, without = (float(np.median(times[1:])) for times in taken)
        figures[name] = {"with": branching, "without": without}
    return figures
