"""Fits that were made before are one call of machine code, and the same in every respect."""

import concurrent.futures
import dataclasses
import importlib

import numpy as np
import pytest

import steepest as st
from steepest.errors import InputError

T = np.linspace(0.0, 3.0, 31)
AGAIN = importlib.import_module("steepest.descent.again")
ENOUGH = 40
"""Calls after which hasty code has been optimized."""


def decay(t, a, b):
    return a * np.exp(-b * t)


def data(seed):
    random = np.random.default_rng(seed)
    a, b = random.uniform(1, 3, 2)
    return decay(T, a, b) + 0.01 * random.normal(size=T.size)


@pytest.fixture
def quick(monkeypatch):
    """Count the fits that are made in one call."""
    made = []
    original = AGAIN.Again.__init__

    def count(self, *rest):
        made.append(rest)
        original(self, *rest)

    monkeypatch.setattr(AGAIN.Again, "__init__", count)
    return made


def warm(fit):
    for _ in range(ENOUGH):
        fit()


KINDS = {
    "curve_fit": lambda y, start: st.curve_fit(decay, T, y, start),
    "least_squares": lambda y, start: st.least_squares(
        lambda_of_data, start, (T, y), method=st.Dogleg()
    ),
    "robust": lambda y, start: st.curve_fit(decay, T, y, start, loss="cauchy", f_scale=0.01),
    "no history": lambda y, start: st.curve_fit(decay, T, y, start, record=None),
    "tolerance": lambda y, start: st.curve_fit(decay, T, y, start, ftol=1e-6),
}


def lambda_of_data(p, t, y):
    return decay(t, *p) - y


@pytest.mark.parametrize("kind", KINDS)
def test_again_is_the_same_in_every_respect(kind, quick, tmp_path):
    fit, start = KINDS[kind], np.ones(2)
    warm(lambda: fit(data(0), start))
    assert quick, "no fit was made in one call"
    quick.clear()
    found = [fit(data(seed), start) for seed in range(1, 6)]
    assert len(quick) == 5
    for seed, again in zip(range(1, 6), found, strict=True):
        importlib.import_module("steepest.descent.prepare")._prepared.clear()
        usual = fit(data(seed), start)
        for name in ("x", "covariance", "vector", "factor", "residuals", "gradient", "jac"):
            np.testing.assert_array_equal(getattr(again, name), getattr(usual, name))
        assert again.names == usual.names
        assert again.chi_square == usual.chi_square
        assert again.message == usual.message
        for field in dataclasses.fields(usual.run):
            if field.name in ("iterations", "evaluations", "loss", "status", "method", "engine"):
                assert getattr(again.run, field.name) == getattr(usual.run, field.name)
        for field in dataclasses.fields(usual.history):
            theirs = getattr(usual.history, field.name)
            np.testing.assert_array_equal(getattr(again.history, field.name), theirs)
        assert str(again) == str(usual)
        files = [tmp_path / "again", tmp_path / "usual"]
        for path, one in zip(files, (again, usual), strict=True):
            one.save(path)
        assert files[0].read_bytes() == files[1].read_bytes()
    assert len(quick) == 5


def test_results_do_not_share_memory():
    warm(lambda: st.curve_fit(decay, T, data(0), np.ones(2)))
    fits = [st.curve_fit(decay, T, data(seed), np.ones(2)) for seed in range(5)]
    alone = [st.curve_fit(decay, T, data(seed), np.ones(2)).x.tobytes() for seed in range(5)]
    fits[0].x[:] = 0.0
    assert [fit.vector.tobytes() for fit in fits] == alone


def test_what_is_not_plain_goes_the_usual_way(quick):
    warm(lambda: st.curve_fit(decay, T, data(0), np.ones(2)))
    quick.clear()
    y = data(1)
    y[3] = np.nan
    with pytest.raises(InputError, match=r"y\[3\] is nan"):
        st.curve_fit(decay, T, y, np.ones(2))
    with pytest.raises(InputError, match="x0"):
        st.curve_fit(decay, T, data(1), np.array([1.0, np.inf]))
    with pytest.raises(InputError, match="shape"):
        st.curve_fit(decay, T, data(1)[:-1], np.ones(2))
    with pytest.raises(InputError, match="2 parameters"):
        st.curve_fit(decay, T, data(1), np.ones(3))
    with pytest.warns(st.FitWarning, match="do not determine"):
        st.curve_fit(decay, T, np.zeros_like(T), np.zeros(2))
    assert not quick
    integers = st.curve_fit(decay, T, np.round(100 * data(1)).astype(int), [1, 1])
    same = st.curve_fit(decay, T, np.round(100 * data(1)), np.ones(2))
    np.testing.assert_array_equal(integers.x, same.x)


FACTOR = 1.0


def test_what_a_model_reads_is_never_stale(monkeypatch, quick):
    weights = np.ones_like(T)
    inner = lambda t, b: np.exp(-b * t)

    def model(t, a, b):
        return FACTOR * a * inner(t, b) * weights

    def fit():
        return st.curve_fit(model, T, data(0), np.ones(2))

    warm(fit)
    before = fit().x
    weights = 2 * weights
    np.testing.assert_allclose(fit().x[0], before[0] / 2)
    weights = weights / 2
    monkeypatch.setitem(globals(), "FACTOR", 4.0)
    np.testing.assert_allclose(fit().x[0], before[0] / 4)
    inner = lambda t, b: np.exp(-2 * b * t)
    np.testing.assert_allclose(fit().x, before / [4, 2])
    weights = np.ones(5)
    with pytest.raises(ValueError, match="shape"):
        fit()
    assert quick


def test_constants_of_the_data_are_computed_for_these(quick):
    def power(t, a, b):
        return a * np.exp(b * np.log(t + 1))

    warm(lambda: st.curve_fit(power, T, data(0), np.ones(2)))
    quick.clear()
    y = 3 * (T + 1) ** 0.5
    np.testing.assert_allclose(st.curve_fit(power, T, y, np.ones(2)).x, [3, 0.5])
    other = np.linspace(1.0, 2.0, T.size)
    y = 3 * (other + 1) ** 0.5
    np.testing.assert_allclose(st.curve_fit(power, other, y, np.ones(2)).x, [3, 0.5])
    assert len(quick) == 2
    with pytest.raises(InputError, match="shape"):
        st.curve_fit(power, other[:-1], y, np.ones(2))


def test_threads_make_the_same_fit_at_once():
    ys = [data(seed) for seed in range(200)]
    fit = lambda y: st.curve_fit(decay, T, y, np.ones(2)).x.tobytes()
    warm(lambda: fit(ys[0]))
    alone = [fit(y) for y in ys]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        for _ in range(5):
            assert list(pool.map(fit, ys)) == alone


def test_a_limit_on_iterations_is_still_one(quick):
    fit = lambda: st.curve_fit(decay, T, data(0), np.ones(2), max_nfev=2)
    for _ in range(ENOUGH):
        with pytest.warns(st.FitWarning, match="MaxIterations"):
            fit()
    assert not quick
