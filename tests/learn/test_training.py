"""How estimators train: batches, early stopping, callbacks, and how often code is compiled."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV, cross_val_score, train_test_split

import steepest as st
from steepest import learn
from steepest.descent.running import compile as running
from steepest.learn.rows import compiled_rows


def line(p, X):
    return X @ p["slope"] + p["offset"]


def start(features=2):
    return {"slope": np.zeros(features), "offset": 0.0}


@pytest.fixture
def data(random):
    X = random.standard_normal((101, 2))
    return X, X @ [1.0, -2.0] + 0.5 + 0.1 * random.standard_normal(101)


@pytest.fixture
def compiled(monkeypatch):
    """Count how often a descent is compiled."""
    calls, original = [], running._compiled
    monkeypatch.setattr(running, "_compiled", lambda *a: calls.append(a) or original(*a))
    return calls


def cubic(p, X):
    return p["a"] + p["b"] * X[:, 0] ** 3 + p["c"] * X[:, 1]


@pytest.mark.parametrize("batch_size", [None, 16, "auto"])
def test_folds_share_compiled_code(data, compiled, batch_size):
    X, y = data  # five folds of 80 and 81
    begin = {"a": 0.0, "b": 0.0, "c": 0.0}
    model = learn.Regressor(cubic, begin, batch_size=batch_size, max_iter=5, tol=None,
        penalty="l2")  # fmt: skip
    cross_val_score(model, X, y, cv=5)
    assert len(compiled) == 1
    GridSearchCV(model, {"alpha": [0.1, 1.0, 10.0]}, cv=4).fit(X[:100], y[:100])
    assert len(compiled) <= 2  # the last fit has more rows than the folds


def test_curves_of_folds_share_compiled_code(data, compiled):
    X, y = data

    def wave(x, amplitude, phase):
        return amplitude * np.sin(x[0] + phase)

    cross_val_score(learn.CurveFit(wave), X, y, cv=5)
    assert len(compiled) == 1


@pytest.mark.parametrize("rows", [1, 7, 80, 1437, 10_007])
def test_numbers_of_rows_are_shared(rows):
    number = compiled_rows(("test", rows), rows)
    assert rows <= number <= 1.04 * rows + 8
    assert compiled_rows(("test", rows), rows + rows // 100) == number
    assert compiled_rows(("test", rows), rows - rows // 20) == number
    assert compiled_rows(("test", rows), 2 * rows + 8) > number


@pytest.mark.sampled(3)
@pytest.mark.parametrize("rows", [13, 100, 101])
def test_rows_that_fill_up_weigh_nothing(data, rows):
    X, y = data[0][:rows], data[1][:rows]

    def reciprocal(p, X):  # infinite at rows of zeros
        return p["slope"] / X[:, 0] + p["offset"]

    model = learn.Regressor(reciprocal, {"slope": 0.0, "offset": 0.0}, tol=1e-10)
    whole = model.fit(X, y).parameters_
    columns = np.stack([1 / X[:, 0], np.ones(rows)], axis=1)
    expected = np.linalg.lstsq(columns, y, rcond=None)[0]
    np.testing.assert_allclose([whole["slope"], whole["offset"]], expected, rtol=1e-6)


def test_batches_are_those_of_minimize(data):
    X, y = data[0][:96], data[1][:96]
    model = learn.Regressor(line, start(), batch_size=16, shuffle=False, max_iter=7, tol=None,
        method=st.Adam(0.01)).fit(X, y)  # fmt: skip

    def loss(p, X, y):
        return np.mean(0.5 * (line(p, X) - y) ** 2)

    run = st.minimize(loss, start(), (X, y), method=st.Adam(0.01),
        batches=st.Batches(16, epochs=7, shuffle=False))  # fmt: skip
    np.testing.assert_allclose(model.parameters_["slope"], run.x["slope"], rtol=1e-12)
    losses = run.history.loss[:42].reshape(7, 6).mean(axis=1)
    np.testing.assert_allclose(model.loss_curve_, losses, rtol=1e-12)
    assert model.n_iter_ == 7


def test_the_last_batch_is_a_mean_of_its_own_rows(data):
    X, y = data[0][:20], data[1][:20]  # batches of 16 and 4
    model = learn.Regressor(line, start(), batch_size=16, shuffle=False, max_iter=3, tol=None,
        method=st.GradientDescent(0.1)).fit(X, y)  # fmt: skip
    w = np.zeros(3)
    columns = np.column_stack([X, np.ones(20)])
    for _ in range(3):
        for rows in (slice(16), slice(16, 20)):
            A, b = columns[rows], y[rows]
            w -= 0.1 * A.T @ (A @ w - b) / len(b)
    np.testing.assert_allclose(model.predict(X), columns @ w, rtol=1e-12)


@pytest.mark.parametrize("engine", ["numpy", "native"])
def test_branches_are_followed_on_batches(data, engine):
    X, y = data

    def branching(p, X):
        if p["offset"] > 0.2:
            return line(p, X)
        return line(p, X) - 0.0

    settings = {"batch_size": 16, "max_iter": 20, "tol": None, "method": st.Adam(0.05)}
    found = learn.Regressor(branching, start(), engine=engine, random_state=0, **settings)
    plain = learn.Regressor(line, start(), random_state=0, **settings)
    expected = plain.fit(X, y).predict(X)
    np.testing.assert_allclose(found.fit(X, y).predict(X), expected, rtol=1e-9)


def test_partial_fits_continue_the_method(data):
    X, y = data
    network = learn.MLPRegressor(4, batch_size=20, shuffle=False, tol=None, max_iter=5,
        random_state=0)  # fmt: skip
    whole, parts = clone(network).fit(X, y), clone(network)
    for _ in range(5):
        parts.partial_fit(X, y)
    assert np.array_equal(parts.predict(X), whole.predict(X))
    assert parts.loss_curve_ == whole.loss_curve_
    assert parts.n_iter_ == 5
    with pytest.raises(ValueError, match="features"):
        parts.partial_fit(X[:, :1], y)
    assert not hasattr(learn.MLPRegressor(method="lbfgs", batch_size=None), "partial_fit")


def test_partial_fits_of_classes_that_come_later(data):
    X, y = data
    labels = np.where(y > 1, "high", np.where(y > 0, "middle", "low"))
    network = learn.MLPClassifier(4, random_state=0)
    network.partial_fit(X[:1], labels[:1], classes=["high", "low", "middle"])
    assert network.partial_fit(X, labels).predict_proba(X).shape == (101, 3)
    with pytest.raises(ValueError, match="label 'none', which is not among the classes"):
        network.partial_fit(X[:1], ["none"])


def test_early_stopping_restores_the_best(data):
    X, y = data
    seen = []
    model = learn.MLPRegressor(30, batch_size=10, learning_rate_init=0.05, early_stopping=True,
        validation_fraction=0.3, n_iter_no_change=5, max_iter=500, callbacks=[seen.append],
        random_state=0).fit(X, y)  # fmt: skip
    curve = model.validation_loss_curve_
    assert model.n_iter_ == len(curve) == len(seen) < 500
    best = int(np.argmin(curve))
    assert best < len(curve) - 1  # the last is not the best
    assert np.array_equal(model.coefs_[0], seen[best].parameters["coefs"][0])
    assert model.best_validation_loss_ == curve[best] == seen[best].validation_loss
    assert model.history_["validation_loss"] == curve
    assert model.history_["loss"] == model.loss_curve_ == [epoch.loss for epoch in seen]


@pytest.mark.parametrize("batch_size", [None, 20])
def test_a_callback_ends_the_training(data, batch_size):
    model = learn.Regressor(line, start(), batch_size=batch_size, method=st.Adam(0.01),
        callbacks=lambda epoch: epoch.number == 3)  # fmt: skip
    model.fit(*data)
    assert model.n_iter_ == len(model.loss_curve_) == 3


def test_a_warm_start_goes_on(data):
    X, y = data
    model = learn.Regressor(line, start(), warm_start=True)
    model.fit(X, y)
    assert model.fit(X, y).n_iter_ == 1  # there is nothing left to do


def test_marked_start_values_and_bounds(data):
    X, y = data
    marked = {"slope": st.Fixed(np.array([1.0, -1.0])), "offset": st.Positive(0.1)}
    fitted = learn.Regressor(line, marked).fit(X, y).parameters_
    assert fitted["slope"].tolist() == [1.0, -1.0]
    assert fitted["offset"] == pytest.approx(np.mean(y - X @ [1.0, -1.0]))
    bounds = {"slope": (0, None), "offset": (None, None)}
    assert learn.Regressor(line, start(), bounds=bounds).fit(X, y).parameters_["slope"][1] == 0


def test_weights_count_as_repetitions_on_batches(data):
    X, y = data[0][:40], data[1][:40]
    weights = np.arange(40) % 3
    settings = {"method": st.Adam(0.01), "batch_size": 200, "max_iter": 30, "tol": None}
    model = learn.Regressor(line, start(), penalty="l2", **settings)
    weighted = clone(model).fit(X, y, weights).predict(X)
    repeated = clone(model).fit(np.repeat(X, weights, 0), np.repeat(y, weights)).predict(X)
    np.testing.assert_allclose(weighted, repeated, rtol=1e-9)


def test_a_descent_that_has_not_converged_warns(data):
    with pytest.warns(ConvergenceWarning, match="Regressor has not converged: .*iteration"):
        learn.Regressor(line, start(), max_iter=1).fit(*data)
    with pytest.warns(ConvergenceWarning, match="not finite after .* epochs: scale the features"):
        learn.Regressor(line, start(), method=st.GradientDescent(1e3), batch_size=5).fit(*data)


@pytest.mark.sampled(2)
@pytest.mark.parametrize("rows", [13, 53])
def test_models_that_look_across_rows_are_not_filled_up(random, rows):
    t = np.linspace(0.1, 3.0, rows)
    X = t[:, None]

    def relative(x, a, b):
        return a * np.exp(-b * x) / np.mean(np.exp(-b * x))

    fit = learn.CurveFit(relative, [1.0, 1.0]).fit(X, relative(t, 2.0, 1.3))
    assert fit.parameters_["a"] == pytest.approx(2.0, rel=1e-6)

    def centered(p, X):
        return (X - X.mean(axis=0)) @ p["slope"] + p["offset"]

    y = 3.0 * (t - t.mean()) + 0.5
    for settings in ({}, {"batch_size": 200, "method": st.GradientDescent(0.5), "max_iter": 200}):
        model = learn.Regressor(centered, start(1), tol=None if settings else 1e-9, **settings)
        fitted = model.fit(X, y).parameters_
        assert fitted["offset"] == pytest.approx(0.5, rel=1e-6)
    with pytest.raises(ValueError, match="centered looks across rows, so that the last batch of"):
        learn.Regressor(centered, start(1), batch_size=rows - 1).fit(X, y)


def test_a_training_that_diverges_at_once_keeps_finite_parameters(data):
    X, y = data
    steep = st.GradientDescent(1e200)
    model = learn.Regressor(line, start(), method=steep, batch_size=5)
    with pytest.warns(ConvergenceWarning, match="not finite after 0 epochs"):
        model.fit(X, y)
    assert np.isfinite(model.parameters_["slope"]).all()
    assert np.isnan(model.loss_)


def test_validation_losses_that_are_never_finite(data):
    X, y = data
    seed = np.random.RandomState(0).randint(2**31 - 1)
    _, aside = train_test_split(np.arange(101), test_size=0.1, random_state=seed)
    y[aside] = 100.0

    def loss(predicted, y):
        return np.where(y == 100.0, np.nan, (predicted - y) ** 2)

    model = learn.Regressor(line, start(), loss=loss, early_stopping=True, random_state=0)
    with pytest.warns(ConvergenceWarning, match="set aside is finite in no epoch"):
        model.fit(X, y)
    assert np.isfinite(model.parameters_["slope"]).all()
    assert np.isnan(model.best_validation_loss_)
