"""Losses with branches on values, each beside one that computes the same without.

Run alone, it measures first fits of models with a branch on each element::

    STEEPEST_CACHE_DIR= python benchmarks/branches.py
"""

from __future__ import annotations

import sys
import time
import warnings
from pathlib import Path

import numpy as np
from scipy.optimize import curve_fit as scipy_fit

import steepest as st

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.cases.branching import bubbles, huber, newton_inside
from tests.cases.loops_with_branches import MODELS

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


def first_fits(lengths=(30, 70, 200)):
    """Return seconds of the first fit of each model with a branch on each element, and SciPy's.

    The models are those of ``tests/cases/loops_with_branches.py``.
    """
    figures = {}
    for model in MODELS:
        for n in lengths:
            x = np.linspace(0.05, 10.0, n)
            y = model(x, 5.3, 0.8, 0.5) + 0.01 * np.random.default_rng(0).normal(size=n)
            taken = {}
            for name, curve_fit in (("steepest", st.curve_fit), ("SciPy", scipy_fit)):
                start = time.perf_counter()
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    found, _ = curve_fit(model, x, y, p0=[5.0, 0.7, 0.6])
                taken[name] = time.perf_counter() - start
                taken[f"{name}, sum of squares"] = float(np.sum((model(x, *found) - y) ** 2))
            figures[model.__name__, n] = taken
    return figures


if __name__ == "__main__":
    st.curve_fit(lambda x, a: a * x, np.arange(3.0), np.arange(3.0), p0=[2.0])
    for (model, length), taken in first_fits().items():
        line = ", ".join(f"{name} {value:.4g}" for name, value in taken.items())
        print(f"{model}, {length} points: {line}")
