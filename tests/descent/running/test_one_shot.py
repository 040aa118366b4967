"""A descent that was made before is one call of machine code, the same in every bit."""

import concurrent.futures
import pickle

import numpy as np
import pytest

import steepest as st
from steepest.descent.methods.registry import BY_NAME, FOR_RESIDUALS
from steepest.descent.running import compile as compiling
from steepest.descent.running import one_shot
from steepest.engines.native.jit import background
from steepest.errors import InputError

METHODS = {name: kind() for name, kind in BY_NAME.items() if kind not in FOR_RESIDUALS}
METHODS |= {
    "averaged": st.Averaged(st.GradientDescent(0.01), start=3),
    "clipped": st.Clipped(st.Momentum(0.01), norm=1.0),
    "warmup": st.GradientDescent(st.CosineDecay(0.02, 500)),
}
FIELDS = ("x", "loss", "gradient", "iterations", "evaluations", "status", "message", "vector")
COLUMNS = ("iteration", "loss", "x", "gradient_norm", "step_length", "evaluations")
ENOUGH = 20
"""Calls after which better code is compiled in the background."""


def loss(x, scale, y):
    return np.sum(scale * (np.sin(x) - y) ** 2) + 0.1 * np.sum(x**4)


def data(seed):
    random = np.random.default_rng(seed)
    return random.uniform(0.5, 2, 3), random.normal(size=3)


@pytest.fixture
def made(monkeypatch):
    """Return the list of the descents that were made in one call."""
    compiling._prepared.clear()
    runs = []
    original = one_shot.OneShot.run

    def run(self, start, args):
        found = original(self, start, args)
        if found is not None:
            runs.append(found)
        return found

    monkeypatch.setattr(one_shot.OneShot, "run", run)
    return runs


def warm(descend):
    for _ in range(ENOUGH):
        descend()
    background.finish()
    for _ in range(3):
        descend()


def assert_same(one, other):
    for name in FIELDS:
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), name)
    for name in COLUMNS:
        np.testing.assert_array_equal(getattr(one.history, name), getattr(other.history, name))


@pytest.mark.parametrize("name", METHODS)
def test_another_descent_is_as_the_first(name, made):
    method = METHODS[name]
    goal = 1.5 if name in ("lion", "warmup") else 1e-4
    stop = st.GradientNormBelow(goal) | st.MaxIterations(8000)
    descend = lambda start, seed: st.minimize(loss, start, data(seed), method=method, stop=stop)
    starts = [np.random.default_rng(10 + k).normal(size=3) for k in range(4)]
    expected = []
    for seed, start in enumerate(starts):
        compiling._prepared.clear()
        expected.append(descend(start, seed))
    warm(lambda: descend(np.ones(3), 9))
    made.clear()
    found = [descend(start, seed) for seed, start in enumerate(starts)]
    for one, other in zip(found, expected, strict=True):
        assert_same(one, other)
    if name in ("bfgs", "lbfgs", "nonlinear-cg", "nesterov"):
        assert len(made) == len(expected)


def test_what_the_loss_reads_is_never_stale(made):
    weights = np.ones(3)
    descend = lambda: st.minimize(lambda x: np.sum(weights * (x - 1) ** 2 + x**4), np.zeros(3))

    def fit(start):
        return st.minimize(of_weights, start)

    def of_weights(x):
        return np.sum(weights * (x - 1) ** 2 + x**4)

    warm(lambda: fit(np.zeros(3)))
    before = fit(np.zeros(3))
    weights[:] = [1.0, 2.0, 3.0]
    after = fit(np.zeros(3))
    assert made
    np.testing.assert_array_equal(after.x, descend().x)
    assert not np.allclose(before.x, after.x)


def test_what_is_unusual_takes_the_full_path(made):
    fit = lambda start, y=None: st.minimize(
        loss, start, (np.ones(3), np.ones(3) if y is None else y)
    )
    warm(lambda: fit(np.full(3, 0.3)))
    made.clear()
    with pytest.raises(InputError, match="nan"):
        fit(np.full(3, np.nan))
    assert fit(np.full(3, 0.3), np.full(3, np.inf)).status is st.Status.DIVERGED
    assert fit(np.full(3, 0.3)[::-1]).converged
    with pytest.raises(InputError):
        st.minimize(loss, np.zeros(0), (np.ones(3), np.ones(3)))
    assert not made
    assert fit(np.full(3, 0.3)).converged
    assert len(made) == 1


def test_threads_descend_at_once(made):
    descend = lambda k: st.minimize(loss, np.full(3, 0.1 * k), (np.ones(3), np.full(3, 0.4)))
    warm(lambda: descend(1))
    alone = [descend(k) for k in range(1, 40)]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        for _ in range(3):
            for one, other in zip(pool.map(descend, range(1, 40)), alone, strict=True):
                assert_same(one, other)
    assert len(made) > 100


def test_results_can_be_saved_and_pickled(made, tmp_path):
    stop = st.GradientNormBelow(1e-3) | st.MaxIterations(500)
    args = np.ones(3), np.full(3, 0.4)
    descend = lambda: st.minimize(loss, np.ones(3), args, stop=stop)
    warm(descend)
    made.clear()
    runs = [descend() for _ in range(3)]
    assert len(made) == 3
    runs[0].save(tmp_path / "run")
    further = st.resume(tmp_path / "run", loss, args, stop=st.GradientNormBelow(1e-8))
    whole = st.minimize(loss, np.ones(3), args, stop=st.GradientNormBelow(1e-8))
    assert_same(further, whole)
    assert_same(pickle.loads(pickle.dumps(runs[1])), runs[2])
    np.testing.assert_array_equal(runs[2].hess_inv, runs[1].hess_inv)


def test_a_long_descent_is_not_begun_twice(made):
    slow = lambda: st.minimize(
        lambda x: np.sum((x - 1) ** 2),
        np.zeros(2),
        method=st.GradientDescent(1e-5),
        stop=st.LossBelow(1e-2) | st.MaxIterations(10_000_000),
    )
    fit = slow()
    assert fit.iterations > 100_000
    for _ in range(6):
        slow()
    background.finish()
    slow()
    assert not made
