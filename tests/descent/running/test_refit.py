"""Repeated fits of one model are one call of machine code, with the same results in every bit."""

import concurrent.futures
import dataclasses
import importlib
import os
import pickle
import subprocess
import sys
import time

import numpy as np
import pytest

import steepest as st
from steepest.engines.native.jit import background
from steepest.errors import InputError

T = np.linspace(0.0, 3.0, 31)
PREPARE = importlib.import_module("steepest.descent.running.compile")
AGAIN = importlib.import_module("steepest.descent.running.refit")
ENOUGH = 40
"""Calls after which baseline code is optimized."""


def decay(t, a, b):
    return a * np.exp(-b * t)


def data(seed):
    random = np.random.default_rng(seed)
    a, b = random.uniform(1, 3, 2)
    return decay(T, a, b) + 0.01 * random.normal(size=T.size)


@pytest.fixture
def quick(monkeypatch):
    """Count the fits that are made in one call."""
    PREPARE._prepared.clear()
    made = []
    original = AGAIN.Refit

    def count(*rest):
        made.append(rest)
        return original(*rest)

    monkeypatch.setattr(AGAIN, "Refit", count)
    return made


def warm(fit):
    for _ in range(ENOUGH):
        fit()
    background.finish()
    for _ in range(2):  # the second one is a refit
        fit()


KINDS = {
    "curve_fit": lambda y, start: st.curve_fit(decay, T, y, start),
    "least_squares": lambda y, start: st.least_squares(
        residuals_of, start, (T, y), method=st.Dogleg()
    ),
    "robust": lambda y, start: st.curve_fit(decay, T, y, start, loss="cauchy", f_scale=0.01),
    "numbers in a list": lambda y, start: st.curve_fit(decay, T, y, [1, 1]),
    "no start": lambda y, start: st.curve_fit(decay, T, y),
    "points left out": lambda y, start: st.curve_fit(decay, T, y, start, nan_policy="omit"),
    "no history": lambda y, start: st.curve_fit(decay, T, y, start, record=None),
    "standard deviations": lambda y, start: st.curve_fit(decay, T, y, start, 0.01 * (1 + T), True),
    "tolerance": lambda y, start: st.curve_fit(decay, T, y, start, ftol=1e-6),
}


def residuals_of(p, t, y):
    return decay(t, *p) - y


@pytest.mark.parametrize("kind", KINDS)
def test_a_refit_equals_a_first_fit_in_every_respect(kind, quick, tmp_path):
    fit, start = KINDS[kind], np.ones(2)
    warm(lambda: fit(data(0), start))
    assert quick, "no fit was made in one call"
    quick.clear()
    found = [fit(data(seed), start) for seed in range(1, 6)]
    assert len(quick) == 5
    for seed, again in zip(range(1, 6), found, strict=True):
        PREPARE._prepared.clear()
        usual = fit(data(seed), start)
        assert again.data is None or again.data.nan_policy == usual.data.nan_policy
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


def test_results_do_not_share_memory(quick):
    warm(lambda: st.curve_fit(decay, T, data(0), np.ones(2)))
    quick.clear()
    fits = [st.curve_fit(decay, T, data(seed), np.ones(2)) for seed in range(5)]
    alone = [st.curve_fit(decay, T, data(seed), np.ones(2)).x.tobytes() for seed in range(5)]
    fits[0].x[:] = 0.0
    assert [fit.vector.tobytes() for fit in fits] == alone
    assert len(quick) == 10


def test_wrong_data_are_refused_as_in_a_first_fit(quick):
    warm(lambda: st.curve_fit(decay, T, data(0), np.ones(2)))
    quick.clear()
    y = data(1)
    y[3] = np.nan
    with pytest.raises(InputError, match=r"y\[3\] is nan"):
        st.curve_fit(decay, T, y, np.ones(2))
    with pytest.raises(InputError, match=r"p0\[1\] is inf"):
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
    quick.clear()
    before = fit().x
    assert len(quick) == 1
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


class Settings:
    """An object that computes an attribute when it is read."""

    def __init__(self):
        self.factors = [1.0]

    def __getattribute__(self, name):
        if name == "factor":
            return object.__getattribute__(self, "factors")[0]
        return object.__getattribute__(self, name)


@pytest.mark.filterwarnings("ignore:.*traced anew:steepest.TraceWarning")
def test_what_cannot_be_compared_is_looked_at_each_time(quick):
    settings = Settings()
    fit = lambda: st.curve_fit(model, T, data(0), np.ones(2)).x

    def model(t, a, b):
        return settings.factor * a * np.exp(-b * t)

    for _ in range(ENOUGH):
        before = fit()
    settings.factors[0] = 2.0
    np.testing.assert_allclose(fit()[0], before[0] / 2)
    assert not quick


def test_standard_deviations_are_looked_at_each_time(quick):
    fit = lambda sigma: st.curve_fit(decay, T, data(1), np.ones(2), sigma)
    warm(lambda: fit(0.01 * (1 + T)))
    quick.clear()
    assert fit(0.01 * (3 - 0.9 * T)).popt.tolist() != fit(0.01 * (1 + T)).popt.tolist()
    assert len(quick) == 2
    for wrong in (0.0, np.nan, np.inf):
        sigma = 0.01 * (1 + T)
        sigma[3] = wrong
        with pytest.raises(InputError, match="sigma"):
            fit(sigma)
    for wrong in (np.ones(30), np.ones((31, 1))):
        with pytest.raises(InputError, match="sigma"):
            fit(wrong)
    covariance = np.diag(np.square(0.01 * (1 + T)))
    np.testing.assert_allclose(fit(covariance).popt, fit(0.01 * (1 + T)).popt, rtol=1e-8)
    assert len(quick) == 3


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
    captured = np.log(T + 1)

    def same(p):
        return p[0] * np.exp(p[1] * np.sqrt(captured)) - y

    warm(lambda: st.least_squares(same, np.ones(2)))
    captured = captured.astype(np.float32)  # would be taken for something else
    usual = st.least_squares(lambda p: same(p), np.ones(2)).x
    np.testing.assert_allclose(st.least_squares(same, np.ones(2)).x, usual)


def test_a_fit_is_looked_at_while_others_are_made(quick):
    fit = lambda seed: st.curve_fit(decay, T, data(seed), np.ones(2))
    warm(lambda: fit(0))
    expected = [fit(seed).history.loss.copy() for seed in range(4)]

    def look(number):
        seed = number % 4
        kept = fit(seed)
        time.sleep(1e-4 * (number % 3))
        np.testing.assert_array_equal(kept.history.loss, expected[seed])
        assert kept.loss == expected[seed][-1]

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        assert len(list(pool.map(look, range(400)))) == 400


def test_threads_make_the_same_fit_at_once(quick):
    ys = [data(seed) for seed in range(200)]
    fit = lambda y: st.curve_fit(decay, T, y, np.ones(2)).x.tobytes()
    warm(lambda: fit(ys[0]))
    alone = [fit(y) for y in ys]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        for _ in range(5):
            assert list(pool.map(fit, ys)) == alone
    assert len(quick) >= 6 * len(ys)


def test_a_refit_keeps_its_limit_on_iterations(quick):
    fit = lambda start: st.curve_fit(decay, T, decay(T, 2.0, 1.0), start, max_nfev=5)
    warm(lambda: fit(np.array([2.001, 1.001])))
    assert quick
    with pytest.warns(st.FitWarning, match="MaxIterations"):
        far = fit(np.array([90.0, 40.0]))
    assert far.status is st.Status.ITERATION_LIMIT


def test_a_refit_reports_a_search_that_ended_by_itself(quick):
    rule = st.LossBelow(1e-3) | st.MaxIterations(1000)
    fit = lambda y: st.least_squares(residuals_of, np.ones(2), (T, y), stop=rule)
    warm(lambda: fit(decay(T, 2.0, 1.0)))
    quick.clear()
    assert fit(decay(T, 1.9, 1.1)).status is st.Status.CONVERGED
    assert fit(decay(T, 1.9, 1.1) + np.sin(40 * T)).status is st.Status.PRECISION
    assert len(quick) == 1


@pytest.mark.parametrize("limit", [1e-9, 1e9])
def test_a_fit_with_a_time_limit_is_not_refitted_by_one_call(limit, quick):
    rule = st.DecrementBelow(1e-20) | st.MaxIterations(1000) | st.TimeLimit(limit)
    for _ in range(ENOUGH):
        st.least_squares(residuals_of, np.ones(2), (T, data(0)), stop=rule)
    assert not quick


def test_fits_with_transforms_are_not_refitted_by_one_call(quick):
    fit = lambda: st.curve_fit(decay, T, data(0), {"a": st.Fixed(2.0), "b": 1.0})
    warm(fit)
    assert fit().x["a"] == 2.0
    assert not quick


def test_fits_of_other_data_than_arrays_are_not_refitted_by_one_call(quick):
    def residuals(p, n, y):
        return p[0] * T**n + p[1] - y

    for n in (1, 2):
        warm(lambda n=n: st.least_squares(residuals, np.ones(2), (n, T**2)))
    np.testing.assert_allclose(
        st.least_squares(residuals, np.ones(2), (2, T**2)).x, [1, 0], atol=1e-9
    )
    assert not quick


def test_averaged_fits_are_not_refitted_by_one_call(quick):
    rule = st.GradientNormBelow(1e-1) | st.MaxIterations(20_000)
    method = st.Averaged(st.GradientDescent(0.01))
    fit = lambda start: st.least_squares(
        residuals_of, start, (T, data(0)), method=method, stop=rule
    )
    warm(lambda: fit(np.ones(2)))
    again = fit(np.ones(2))
    np.testing.assert_array_equal(again.x, again.run.x)
    assert not quick


def test_no_more_steps_are_made_than_there_is_room_to_record(quick):
    warm(lambda: st.curve_fit(decay, T, data(0), np.ones(2)))
    (fit,) = [x for x in PREPARE._prepared.values() if isinstance(x, AGAIN.CompiledFit)]
    shot = fit.shot
    prepare = shot.prepared.start.one_call(1 << 40)
    room = prepare(shot.call._state, [])._new_slot()
    assert 0 < room.alive[0][2] < room.work.history_rows


@pytest.mark.slow
def test_threads_may_be_the_first_to_fit():
    code = """
import concurrent.futures, numpy as np, steepest as st
t = np.linspace(0, 3, 31)
model = lambda t, a, b: a * np.exp(-b * t)
ys = [model(t, 2.0, 1 + 0.01 * k) for k in range(100)]
with concurrent.futures.ThreadPoolExecutor(8) as pool:
    rates = [x[1] for x in pool.map(lambda y: st.curve_fit(model, t, y).x, ys)]
np.testing.assert_allclose(rates, 1 + 0.01 * np.arange(100))
"""
    for _ in range(3):
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr


def test_unpickled_arrays_are_refitted_too(quick):
    pickled = [pickle.loads(pickle.dumps(array)) for array in (T, data(1), np.ones(2))]
    assert pickled[0].dtype is not T.dtype
    warm(lambda: st.curve_fit(decay, *pickled))
    quick.clear()
    fits = [st.curve_fit(decay, *pickled), st.curve_fit(decay, T, data(1), np.ones(2))]
    assert len(quick) == 2
    np.testing.assert_array_equal(fits[0].x, fits[1].x)


def test_a_process_that_finds_all_it_needs_in_the_cache_is_as_quick(tmp_path):
    script = """if True:
        import importlib
        import numpy as np, steepest as st
        from steepest.engines.native.jit import background
        def decay(t, a, b):
            return a * np.exp(-b * t)
        t = np.linspace(0, 3, 31)
        again = importlib.import_module("steepest.descent.running.refit")
        ended, original = [], again.Refit
        again.Refit = lambda *rest: ended.append(1) or original(*rest)
        for k in range(40):
            st.curve_fit(decay, t, decay(t, 2.0, 1.0) + 0.01 * np.sin(40 * t), np.ones(2))
            if k == 30:
                background.finish()
        print(len(ended))
    """
    environment = {**os.environ, "STEEPEST_CACHE_DIR": str(tmp_path)}
    command = [sys.executable, "-c", script]
    quick = [int(subprocess.check_output(command, env=environment)) for _ in range(2)]
    assert quick[1] >= quick[0] > 0


def test_a_method_that_reports_no_triangle_is_fitted_again_and_again():
    residuals = lambda x: np.stack([1 - x[0], 10 * (x[1] - x[0] ** 2), 0.3 * x[1] + 0.1])
    settings = {"method": st.GaussNewton(), "stop": st.LossChangeBelow(1e-13)}
    found = set()
    for _ in range(8):
        found.add(st.least_squares(residuals, np.array([-1.2, 1.0]), **settings).x.tobytes())
        background.finish()  # optimized code may make a fit one call
    assert len(found) == 1
