"""Losses with branches on values, each beside one that computes the same without."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

import steepest as st

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.cases.branching import bubbles, huber, newton_inside

STEPS = 20_000


def huber_without(x):
    r = x - np.array([1.0, -2.0])
    return np.sum(np.where(np.abs(r) < 1.0, 0.5 * r * r, np.abs(r) - 0.5))


def newton_without(x):
    y = 1.0
    for _ in range(7):
        y = 0.5 * (y + x[0] / y)
    return (y - 3.0) ** 2 + (x[1] - y) ** 2


def sorting_without(x):
    y = [x[0], x[1], x[2]]
    for i, j in ((0, 1), (1, 2), (0, 1)):
        y[i], y[j] = np.minimum(y[i], y[j]), np.maximum(y[i], y[j])
    return np.sum((np.stack(y) - np.array([1.0, 1.5, 4.0])) ** 2)


PAIRS = {
    "Huber's loss by if": (huber, huber_without, [5.0, 5.0]),
    "Newton's iteration by while": (newton_inside, newton_without, [20.0, 5.0]),
    "bubble sort by if": (bubbles, sorting_without, [5.0, 2.0, 0.5]),
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
