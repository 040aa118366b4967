"""Units of features and targets do not matter, and constant features get no coefficient."""

import numpy as np
import pytest
from sklearn import linear_model

from steepest import learn


@pytest.fixture
def data(random):
    X = random.normal([0.0, 2.0, 0.0], 1.0, (60, 3))
    return X, X @ [1.0, -0.3, 0.5] + 0.2 * random.standard_normal(60)


@pytest.mark.sampled(2)
@pytest.mark.parametrize("unit", [1e-12, 1e12])
def test_units_of_targets(data, unit):
    X, y = data
    bounded = learn.LinearRegression(bounds=(0, None)).fit(X, y * unit)
    expected = linear_model.LinearRegression(positive=True).fit(X, y)
    np.testing.assert_allclose(bounded.coef_ / unit, expected.coef_, rtol=1e-6, atol=1e-8)
    counts = np.round(np.exp(y))
    log_linear = learn.GeneralizedLinear("poisson").fit(X, counts * unit)
    reference = linear_model.PoissonRegressor(alpha=0, tol=1e-10, solver="newton-cholesky")
    np.testing.assert_allclose(log_linear.coef_, reference.fit(X, counts).coef_, rtol=1e-5)


@pytest.mark.parametrize("unit", [1e-15, 1e-19, 1e-200])
def test_a_feature_of_small_values_beside_a_penalty(data, unit):
    X, y = data
    expected = learn.Ridge().fit(X[:, :2], y)
    ridge = learn.Ridge().fit(X * [1.0, 1.0, unit], y)
    np.testing.assert_allclose(ridge.coef_[:2], expected.coef_, rtol=1e-10)
    assert abs(ridge.coef_[2]) <= 60 * unit


def test_a_feature_of_small_values_in_single_precision(data):
    X, y = data
    X32 = (X * [1.0, 1.0, 1e-23]).astype(np.float32)
    expected = learn.Ridge().fit(X[:, :2], y).coef_
    for model in (learn.Ridge(), learn.Ridge(bounds=(-1e6, 1e6))):
        found = model.fit(X32, y.astype(np.float32)).coef_
        np.testing.assert_allclose(found[:2], expected, rtol=1e-4)
    model = learn.LogisticRegression().fit(X32, y > 0)
    expected = learn.LogisticRegression().fit(X[:, :2], y > 0).coef_
    np.testing.assert_allclose(model.coef_[:, :2], expected, rtol=1e-3)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_constant_features_have_the_coefficient_zero(data, dtype):
    X, y = data
    X = np.column_stack([X, np.full(60, 1 / 3), np.full(60, 1e6 + 0.1)]).astype(dtype)
    for model in (learn.LinearRegression(), learn.Ridge(1e-8)):
        assert (model.fit(X, y).coef_[3:] == 0).all()
        np.testing.assert_allclose(model.predict(X).mean(), y.mean(), rtol=1e-5)


def test_features_that_vary_little(data):
    X, y = data
    shifted = X * [1.0, 1e-11, 1.0] + [0.0, 1.0, 0.0]
    expected = learn.LinearRegression().fit(X, y).predict(X)
    np.testing.assert_allclose(learn.LinearRegression().fit(shifted, y).predict(shifted), expected,
        atol=1e-3)  # fmt: skip


def test_a_loss_of_positive_predictions_starts_at_the_mean(data):
    X, y = data[0], np.exp(data[1]) + 5.0
    model = learn.LinearRegression(loss="gamma").fit(X, y)
    assert model.loss_ < np.mean(np.log(y.mean()) + y / y.mean())
    assert np.any(model.coef_ != 0)
    with pytest.raises(ValueError, match="'poisson' has no value at the start, predictions of 0"):
        learn.LinearRegression(loss="poisson", fit_intercept=False).fit(X, y)
