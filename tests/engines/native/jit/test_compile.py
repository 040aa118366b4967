"""Baseline code and the optimized code that replaces it give the same bits."""

import gc

import numpy as np
import pytest

import steepest as st
from steepest.engines.native.jit import background
from steepest.engines.native.jit import compile as jit


def test_baseline_code_gives_the_same_bits_once_it_is_optimized():
    def loss(x):
        return np.sum(np.exp(0.3 * x) + np.sin(x) ** 2) + (x[0] * x[1] - 1.7) ** 2 / 3

    def run(steps=40):
        return st.minimize(
            loss, np.linspace(0.1, 1.2, 5), method=st.Adam(0.03), stop=st.MaxIterations(steps)
        )

    baseline = run()
    background.finish()
    made = [object_ for object_ in gc.get_objects() if type(object_) is jit.Code]
    assert any(code.is_baseline for code in made)
    optimized = sum(not code.is_baseline for code in made)
    runs = [run() for _ in range(jit._BASELINE_USES + 3)]
    background.finish()
    made = [object_ for object_ in gc.get_objects() if type(object_) is jit.Code]
    assert sum(not code.is_baseline for code in made) > optimized
    for again in (*runs, run()):
        np.testing.assert_array_equal(again.x, baseline.x)
        np.testing.assert_array_equal(again.history.loss, baseline.history.loss)


@pytest.mark.filterwarnings("ignore:.*Jacobian is singular")  # noise determines no rate
@pytest.mark.parametrize("size", [700, 512, 1024, 3000])
def test_sums_of_any_length_may_be_baseline_code(size):
    random = np.random.default_rng(size)
    t, y = random.normal(size=(2, size))
    run = lambda: st.least_squares(lambda p: p[0] * t + np.exp(p[1] * t) - y, np.zeros(2))
    baseline = run()
    codes = [object_ for object_ in gc.get_objects() if type(object_) is jit.Code]
    count = sum(code.is_baseline for code in codes)
    assert count
    for _ in range(jit._BASELINE_USES + 3):
        run()
    background.finish()
    again = run()
    assert sum(code.is_baseline for code in codes) < count
    np.testing.assert_array_equal(again.x, baseline.x)
    np.testing.assert_array_equal(again.covariance, baseline.covariance)


def test_a_long_run_goes_on_in_optimized_code():
    def loss(x):
        return (1.3 - x[0]) ** 2 + 90 * (x[1] - x[0] ** 2) ** 2

    def run():
        stop = st.MaxIterations(300_000)
        return st.minimize(
            loss, np.zeros(2), method=st.GradientDescent(1e-4), stop=stop, record=None
        )

    first, second = run(), run()
    np.testing.assert_array_equal(first.x, second.x)
    assert first.iterations == second.iterations == 300_000
