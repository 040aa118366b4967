"""Estimators whose samples are read in blocks, against memory and scikit-learn."""

import tracemalloc

import numpy as np
import pytest
import sklearn.linear_model

import steepest as st
from steepest import learn
from steepest.engines.native.runs import streaming
from steepest.errors import InputError
from steepest.learn.in_blocks import moments
from steepest.streams import opening, source

ROWS = 2003
rng = np.random.default_rng(0)
X = rng.normal(size=(ROWS, 4)) * [1, 100, 0.01, 1] + [0, 50, 0, 3]
X[:, 3] = 7.0  # does not vary
SIGNAL = X[:, :3] @ [0.5, 0.01, -30] + 0.3
Y = SIGNAL + 0.2 * rng.normal(size=ROWS)
LABELS = np.where(SIGNAL + rng.normal(size=ROWS) > 0, "yes", "no")
THREE = np.digitize(SIGNAL + 0.5 * rng.normal(size=ROWS), [-0.5, 0.8])
COUNTS = rng.poisson(np.exp(np.clip(0.3 * SIGNAL, -2, 2))).astype(float)
WEIGHTS = rng.integers(0, 3, ROWS).astype(float)


@pytest.fixture(autouse=True)
def _many_blocks(monkeypatch):
    monkeypatch.setattr(opening, "READ_WHOLE", 0)
    monkeypatch.setattr(streaming, "BLOCK_BYTES", 1 << 13)
    monkeypatch.setattr(source, "_SEARCHED_BYTES", 1 << 13)


def wave(p, X):
    return p["size"] * np.sin(p["rate"] * X[:, 0]) + p["rest"]


def disc(p, X):
    return p["radius"] - np.hypot(X[:, 0] - p["center"], X[:, 2])


WAVE = {"size": 1.0, "rate": 0.5, "rest": 0.0}
ESTIMATORS = {
    "LinearRegression": (learn.LinearRegression(), Y),
    "LinearRegression of two targets": (learn.LinearRegression(), np.column_stack([Y, -(Y**2)])),
    "LinearRegression without intercept": (learn.LinearRegression(fit_intercept=False), Y),
    "LinearRegression with bounds": (learn.LinearRegression(bounds=(0, None)), Y),
    "LinearRegression with a loss": (learn.LinearRegression(loss="huber"), Y),
    "Ridge": (learn.Ridge(5.0), Y),
    "Ridge of float32": (learn.Ridge(5.0), Y),
    "LogisticRegression": (learn.LogisticRegression(), LABELS),
    "LogisticRegression of three": (learn.LogisticRegression(class_weight="balanced"), THREE),
    "GeneralizedLinear": (learn.GeneralizedLinear("poisson", alpha=0.1), COUNTS),
    "Regressor": (learn.Regressor(wave, WAVE, penalty="l2", alpha=0.01), Y),
    "Classifier": (learn.Classifier(disc, {"radius": 1.0, "center": 0.5}), LABELS),
}


def fitted(name, samples, targets):
    estimator = sklearn.base.clone(ESTIMATORS[name][0])
    return estimator.fit(samples, targets, sample_weight=WEIGHTS)


def numbers(estimator):
    return np.concatenate([np.ravel(part) for _, part in sorted(estimator.parameters_.items())])


@pytest.mark.parametrize("name", ESTIMATORS)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_samples_in_blocks_give_the_estimator_of_memory(name):
    targets, given = ESTIMATORS[name][1], X.astype(np.float32) if "float32" in name else X
    tolerance = 1e-4 if "float32" in name else 1e-6
    whole = fitted(name, given, targets)
    blocks = fitted(name, st.blocks(given), targets)
    size = tolerance * np.max(np.abs(numbers(whole)))
    np.testing.assert_allclose(numbers(blocks), numbers(whole), rtol=tolerance, atol=size)
    assert blocks.n_features_in_ == 4
    np.testing.assert_allclose(blocks.loss_, whole.loss_, rtol=tolerance)
    for method in ("predict", "decision_function", "predict_proba"):
        if hasattr(blocks, method):
            found = getattr(blocks, method)
            expected = found(given)
            assert found(st.blocks(given)).dtype == expected.dtype
            if expected.dtype.kind == "f":
                np.testing.assert_allclose(
                    found(st.blocks(given)), expected, rtol=1e-12, atol=size
                )
            else:
                assert np.array_equal(found(st.blocks(given)), expected)
    assert blocks.score(st.blocks(given), targets) == pytest.approx(blocks.score(given, targets))


@pytest.mark.parametrize("value", [0.1, -7.3, 1e6 + 0.1, 1 / 3, 1e200, 1e-200])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_constant_has_itself_as_mean_and_no_deviation(value, dtype):
    value = dtype(np.clip(value, -1e30, 1e30)) if dtype is np.float32 else value
    constant = st.blocks(np.full((200_000, 1), value, dtype))
    uneven = np.random.default_rng(1).uniform(0.1, 3, 200_000)
    for weights in (np.ones(200_000), uneven):
        center, deviation = moments(constant, weights, True)
        assert center == value
        assert deviation == 0


@pytest.mark.parametrize("has_center", [True, False])
@pytest.mark.parametrize("size", [1.0, 1e200, 1e-200, 1e-300])
def test_moments_are_those_of_memory_whatever_the_unit(size, has_center):
    given, weights = X[:, :3] * size, WEIGHTS.copy()
    given[WEIGHTS == 0] = 1e300  # does not count
    center, deviation = moments(st.blocks(given), weights, has_center)
    plain = np.average(X[:, :3], axis=0, weights=weights) * has_center
    spread = np.sqrt(np.average((X[:, :3] - plain) ** 2, axis=0, weights=weights))
    np.testing.assert_allclose(center / size, plain, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(deviation / size, spread, rtol=1e-12)


def test_coefficients_are_those_of_scikit_learn():
    source = st.blocks(X)
    pairs = [
        (learn.LinearRegression(), sklearn.linear_model.LinearRegression(), Y),
        (learn.Ridge(2.0), sklearn.linear_model.Ridge(2.0), Y),
        (
            learn.LogisticRegression(),
            sklearn.linear_model.LogisticRegression(solver="newton-cholesky", tol=1e-10),
            LABELS,
        ),
    ]
    for ours, theirs, targets in pairs:
        expected = theirs.fit(X, targets)
        ours.fit(source, targets)
        np.testing.assert_allclose(ours.coef_, expected.coef_, rtol=1e-6, atol=1e-9)
        np.testing.assert_allclose(ours.intercept_, expected.intercept_, rtol=1e-6)


def chunked(folder):
    zarr = pytest.importorskip("zarr")
    return zarr.create_array(folder / "X", data=X, chunks=(600, 4))


def mapped(folder):
    np.save(folder / "X.npy", X)
    return np.load(folder / "X.npy", mmap_mode="r")


def pieces(folder):
    return st.blocks(lambda: iter(np.array_split(X, 7)))


@pytest.mark.parametrize("kind", [chunked, mapped, pieces])
def test_samples_of_any_kind_are_read_in_blocks(kind, tmp_path):
    given = kind(tmp_path)
    whole, blocks = (learn.LogisticRegression().fit(x, LABELS) for x in (X, given))
    np.testing.assert_allclose(blocks.coef_, whole.coef_, rtol=1e-6, atol=1e-9)
    assert np.array_equal(blocks.predict(given), whole.predict(X))


def test_targets_may_be_read_too():
    X_, y = st.blocks(lambda: zip(np.array_split(X, 7), np.array_split(Y, 7), strict=True))
    found = learn.LinearRegression().fit(X_, y)
    np.testing.assert_allclose(found.coef_, learn.LinearRegression().fit(X, Y).coef_, atol=1e-9)


@pytest.mark.parametrize("name", ["LinearRegression", "LogisticRegression", "Regressor"])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_mapped_array_is_not_copied_into_memory(name, tmp_path):
    wide = np.tile(X, (20, 8))
    np.save(tmp_path / "X.npy", wide)
    mapped, targets = np.load(tmp_path / "X.npy", mmap_mode="r"), np.tile(ESTIMATORS[name][1], 20)
    estimator = sklearn.base.clone(ESTIMATORS[name][0]).set_params(max_iter=2)
    estimator.fit(mapped, targets).predict(mapped)  # compiles
    tracemalloc.start()
    try:
        estimator.fit(mapped, targets).predict(mapped)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 0.4 * wide.nbytes, "targets, weights and predictions are in memory"


NEED_MEMORY = {
    "batches": (learn.Regressor(wave, WAVE, batch_size=32), Y, "set batch_size=None, or call"),
    "early stopping": (
        learn.Regressor(wave, WAVE, early_stopping=True),
        Y,
        "early_stopping=False",
    ),
    "a network": (learn.MLPRegressor(4), Y, "set batch_size=None, or call partial_fit"),
    "quantiles": (learn.Quantile(), Y, "a linear program needs all samples"),
}


@pytest.mark.parametrize("name", NEED_MEMORY)
def test_what_needs_samples_in_memory_says_what_to_write(name):
    estimator, targets, message = NEED_MEMORY[name]
    with pytest.raises(InputError, match=f"is read in blocks, but .*{message}"):
        estimator.fit(st.blocks(X), targets)


def test_arrays_of_other_libraries_are_read_whole_where_memory_is_needed(tmp_path):
    given = chunked(tmp_path)
    settings = {"batch_size": 50, "max_iter": 2, "tol": None, "random_state": 0}
    pair = [learn.MLPRegressor(4, **settings).fit(x, Y) for x in (X, given)]
    assert np.array_equal(pair[0].predict(X), pair[1].predict(X))


def test_partial_fit_takes_one_block_after_the_other():
    source = st.blocks(X)
    estimator = learn.Regressor(wave, WAVE, batch_size=32)
    with pytest.raises(InputError, match="partial_fit takes samples in memory"):
        estimator.partial_fit(source, Y)
    for start in (0, 1000):
        estimator.partial_fit(source.read(start, start + 1000), Y[start : start + 1000])
    assert estimator.predict(source).shape == (ROWS,)


FAULTS = {
    "nan": (lambda: st.blocks(np.where(np.arange(ROWS)[:, None] == 1500, np.nan, X)),
            "nan in row 1500"),
    "features": (lambda: st.blocks(X[:, :3]), "3 features"),
    "axes": (lambda: st.blocks(X[:, 0]), r"two axes, \(n_samples, n_features\)"),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
@pytest.mark.parametrize("call", ["fit", "predict"])
def test_faults_of_samples_are_named(name, call):
    estimator, (make, message) = learn.LinearRegression().fit(X, Y), FAULTS[name]
    if call == "fit":
        if name == "features":
            make, message = lambda: st.blocks(X[1:]), "inconsistent numbers of samples"
        with pytest.raises(ValueError, match=message):
            estimator.fit(make(), Y)
    else:
        with pytest.raises(ValueError, match=message):
            estimator.predict(make())


def test_a_model_that_looks_across_rows_is_not_applied_in_blocks():
    centered = lambda p, X: p * (X[:, 0] - np.mean(X[:, 0]))
    estimator = learn.Regressor(centered, 1.0).fit(st.blocks(X), Y)
    expected = learn.Regressor(centered, 1.0).fit(X, Y)
    assert float(estimator.parameters_) == pytest.approx(float(expected.parameters_))
    with pytest.raises(InputError, match="several rows"):
        estimator.predict(st.blocks(X))
