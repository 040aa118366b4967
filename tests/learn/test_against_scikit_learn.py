"""Ready-made estimators find what scikit-learn's own find, and take what those do not."""

import numpy as np
import pytest
from sklearn import clone, linear_model, neural_network
from sklearn.utils.class_weight import compute_sample_weight

from steepest import learn


@pytest.fixture
def data(random):
    X = random.standard_normal((80, 4)) * [1.0, 10.0, 0.1, 1.0] + [0.0, 5.0, 0.0, -1.0]
    predictor = X @ [0.5, -0.05, 4.0, 0.0] + 0.3
    weights = random.integers(0, 4, 80).astype(float)
    return X, predictor, predictor + 0.3 * random.standard_normal(80), weights


def assert_same(ours, theirs, tolerance=1e-6):
    np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(ours.intercept_, theirs.intercept_, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("has_intercept", [True, False])
def test_least_squares(data, has_intercept):
    X, _, y, weights = data
    ours = learn.LinearRegression(fit_intercept=has_intercept).fit(X, y, weights)
    theirs = linear_model.LinearRegression(fit_intercept=has_intercept).fit(X, y, weights)
    assert_same(ours, theirs)
    ours = learn.Ridge(2.0, fit_intercept=has_intercept).fit(X, y, weights)
    theirs = linear_model.Ridge(2.0, fit_intercept=has_intercept, tol=1e-12).fit(X, y, weights)
    assert_same(ours, theirs)


def test_a_descent_finds_what_the_equations_give(data):
    X, _, y, weights = data
    wide = (-1e6, 1e6)  # bounds that are not active
    for kind in (learn.LinearRegression, learn.Ridge):
        assert_same(kind(bounds=wide).fit(X, y, weights), kind().fit(X, y, weights), 1e-5)


def test_many_outputs(data):
    X, _, y, weights = data
    Y = np.stack([y, -2 * y + X[:, 0]], axis=1)
    ours = learn.Ridge().fit(X, Y, weights)
    assert_same(ours, linear_model.Ridge(tol=1e-12).fit(X, Y, weights))
    assert ours.predict(X).shape == Y.shape


def test_bounds_of_coefficients(data):
    X, _, y, weights = data
    ours = learn.LinearRegression(bounds=(0, None)).fit(X, y, weights)
    theirs = linear_model.LinearRegression(positive=True).fit(X, y, weights)
    assert_same(ours, theirs, 1e-5)
    each = learn.LinearRegression(bounds=[(0, 0.1), None, (None, 0), None])
    with pytest.raises(ValueError, match="bounds must be a pair"):
        each.fit(X, y)
    each.set_params(bounds=[(0, 0.1), (None, None), (None, 0), (None, None)])
    coef = each.fit(X, y).coef_
    assert coef[0] == pytest.approx(0.1)
    assert coef[2] == 0


@pytest.mark.sampled(2)
@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("C", [0.1, 10.0])
def test_logistic_regression(data, classes, C):
    X, _, y, weights = data
    labels = np.array(["no", "yes", "perhaps"])[(y > 0) * 1 + (classes == 3) * (y > 0.6)]
    ours = learn.LogisticRegression(C).fit(X, labels, weights)
    theirs = linear_model.LogisticRegression(C=C, tol=1e-10, solver="newton-cholesky")
    theirs.fit(X, labels, weights)
    found, expected = ours.predict_proba(X), theirs.predict_proba(X)
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-9)
    assert list(ours.classes_) == list(theirs.classes_)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("class_weight", ["balanced", {"no": 3.0, "yes": 0.5, "perhaps": 1.0}])
def test_weights_of_classes(data, class_weight):
    X, _, y, _ = data
    labels = np.array(["no", "yes", "perhaps"])[(y > 0) * 1 + (y > 0.9)]
    ours = learn.LogisticRegression(class_weight=class_weight).fit(X, labels)
    theirs = linear_model.LogisticRegression(
        class_weight=class_weight, tol=1e-10, solver="newton-cholesky"
    )
    np.testing.assert_allclose(ours.coef_, theirs.fit(X, labels).coef_, rtol=1e-5, atol=1e-7)
    network = learn.MLPClassifier(4, max_iter=2, tol=None, random_state=0)
    weights = compute_sample_weight(class_weight, labels)
    by_sample = clone(network).fit(X, labels, sample_weight=weights)
    by_class = network.set_params(class_weight=class_weight).fit(X, labels)
    np.testing.assert_array_equal(by_class.predict_proba(X), by_sample.predict_proba(X))
    if class_weight == "balanced":
        with pytest.raises(ValueError, match=r"partial_fit: class_weight='balanced' needs all"):
            network.partial_fit(X, labels)
    else:
        assert network.partial_fit(X[:20], labels[:20]).predict(X).shape == labels.shape


def test_weights_of_classes_that_are_none(data):
    X, _, y, _ = data
    for wrong in ("balance", 2.0):
        with pytest.raises(ValueError, match="class_weight must be 'balanced', a dictionary"):
            learn.LogisticRegression(class_weight=wrong).fit(X, y > 0)
    with pytest.raises(ValueError, match=r"names .maybe., which is not among the classes"):
        learn.LogisticRegression(class_weight={"maybe": 2.0}).fit(X, y > 0)


@pytest.mark.sampled(3)
@pytest.mark.parametrize("family", ["poisson", "gamma", "tweedie"])
def test_generalized_linear_models(data, random, family):
    X, predictor, _, weights = data
    mean = np.exp(predictor / 3)
    y = random.gamma(2.0, mean / 2) if family == "gamma" else random.poisson(mean).astype(float)
    theirs = {
        "poisson": linear_model.PoissonRegressor,
        "gamma": linear_model.GammaRegressor,
        "tweedie": lambda **settings: linear_model.TweedieRegressor(
            power=1.5, link="log", **settings
        ),
    }[family](alpha=0.1, tol=1e-10, max_iter=10_000, solver="newton-cholesky")
    ours = learn.GeneralizedLinear(family, alpha=0.1).fit(X, y, weights)
    assert_same(ours, theirs.fit(X, y, weights), 1e-5)


@pytest.mark.sampled(2)
@pytest.mark.parametrize("quantile", [0.25, 0.8])
def test_quantiles(data, quantile):
    X, _, y, weights = data
    ours = learn.Quantile(quantile).fit(X, y, weights)
    theirs = linear_model.QuantileRegressor(quantile=quantile, alpha=0).fit(X, y, weights)

    def pinball(model):
        error = y - model.predict(X)
        return np.average(np.maximum(quantile * error, (quantile - 1) * error), weights=weights)

    assert pinball(ours) == pytest.approx(pinball(theirs), rel=1e-6)


def test_an_outlier_does_not_change_quantiles(random):
    X = random.uniform(0, 1, (100, 1))
    y = X[:, 0] + random.exponential(size=100)
    y[7] = 1e6
    theirs = linear_model.QuantileRegressor(quantile=0.9, alpha=0).fit(X, y)
    assert_same(learn.Quantile(0.9).fit(X, y), theirs)
    scaled = learn.Quantile(0.9).fit(X, y * 1e-12)
    np.testing.assert_allclose(scaled.coef_, theirs.coef_ * 1e-12, rtol=1e-6)
    assert_same(learn.Quantile(0.9, alpha=1e-9).fit(X, y), theirs, 1e-2)
    assert learn.Quantile(0.9, bounds=(0, 0.1)).fit(X, y).coef_[0] <= 0.1


def test_a_robust_loss_ignores_outliers(data):
    X, predictor, _, _ = data
    y = predictor.copy()
    y[:5] = 100.0
    robust = learn.LinearRegression(loss="huber").fit(X, y)
    np.testing.assert_allclose(robust.coef_, [0.5, -0.05, 4.0, 0.0], atol=0.3)
    assert abs(robust.predict(X) - predictor)[5:].max() < 1


def test_a_network_has_scikit_learns_loss(random):
    X, y = random.standard_normal((50, 3)), random.integers(0, 3, 50)
    ours = learn.MLPClassifier(5, alpha=0.1, max_iter=1, tol=None, random_state=0).fit(X, y)
    theirs = neural_network.MLPClassifier(5, alpha=0.1, max_iter=1, random_state=0)
    theirs._validate_params()
    start = learn.MLPClassifier(5, alpha=0.1, max_iter=1, tol=None, random_state=0)
    seen = []
    start.set_params(callbacks=[lambda epoch: seen.append(epoch.parameters)]).fit(X, y)
    with pytest.warns(UserWarning, match="Maximum iterations"):
        theirs.fit(X, y)
    # Their loss at our start, by their own forward pass.
    theirs.coefs_, theirs.intercepts_ = seen[0]["coefs"], seen[0]["intercepts"]
    probabilities = theirs.predict_proba(X)
    np.testing.assert_allclose(start.predict_proba(X), probabilities, rtol=1e-12)
    assert ours.loss_ == start.loss_
