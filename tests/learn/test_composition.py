"""Estimators within scikit-learn: pipelines, searches, data frames, routing, pickles."""

import pickle

import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_val_score, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import steepest as st
from steepest import learn
from tests.cases.estimators import ESTIMATORS, linear, linear_start


@pytest.fixture
def frame(random):
    X = pd.DataFrame(random.standard_normal((60, 3)), columns=["age", "height", "weight"])
    return X, X["age"] - 2 * X["weight"] + 1.0


def test_pipelines_and_searches(frame):
    X, y = frame
    pipeline = make_pipeline(
        StandardScaler().set_output(transform="pandas"),
        learn.Regressor(linear, linear_start, penalty="l2"),
    )
    search = GridSearchCV(pipeline, {"regressor__alpha": [1e-6, 10.0]}, cv=3).fit(X, y)
    assert search.best_params_ == {"regressor__alpha": 1e-6}
    assert list(search.best_estimator_[-1].feature_names_in_) == ["age", "height", "weight"]
    assert cross_val_score(pipeline.set_params(regressor__alpha=1e-6), X, y).min() > 0.999


def test_names_of_features_are_compared(frame):
    X, y = frame
    model = learn.Ridge().fit(X, y)
    with pytest.raises(ValueError, match="feature names should match"):
        model.predict(X[["height", "age", "weight"]])


def test_weights_are_routed(frame):
    X, y = frame
    weights = np.r_[np.zeros(30), np.ones(30)]
    y = y.where(weights > 0, 1e6)
    with sklearn.config_context(enable_metadata_routing=True):
        model = learn.Regressor(linear, linear_start)
        model.set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
        scores = cross_validate(
            model, X, y, cv=[(np.arange(60), np.arange(60))], params={"sample_weight": weights}
        )
    assert scores["test_score"][0] > 0.999


def test_clones_and_parameters():
    model = learn.Regressor(linear, {"coef": np.zeros(3), "intercept": 0.0}, alpha=0.5)
    other = clone(model).set_params(alpha=2.0)
    assert other.get_params()["alpha"] == 2.0
    assert model.alpha == 0.5
    assert other.model is model.model


@pytest.mark.parametrize("name", ["Regressor", "MLPClassifier", "CurveFit"])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_pickles_predict_the_same(frame, name):
    X, y = frame
    y = y > 0 if name == "MLPClassifier" else y
    model = clone(ESTIMATORS[name]).fit(X, y)
    assert np.array_equal(pickle.loads(pickle.dumps(model)).predict(X), model.predict(X))


def test_intervals_are_those_of_the_fit(random):
    def decay(t, amplitude, rate):
        return amplitude * np.exp(-rate * t)

    t = np.linspace(0, 3, 21)
    y = decay(t, 2.0, 0.7) + 0.05 * random.standard_normal(21)
    ours, fit = learn.CurveFit(decay).fit(t[:, None], y), st.curve_fit(decay, t, y)
    at = np.array([0.5, 4.0])
    for kind in ("mean", "prediction"):
        found = ours.predict_interval(at[:, None], level=0.9, kind=kind)
        low, high = fit.band(at, level=0.9, kind=kind)
        np.testing.assert_allclose(found, np.stack([low, high], axis=1), rtol=1e-9)
    values, errors = ours.predict(at[:, None], return_std=True)
    np.testing.assert_allclose(values, fit.predict(at), rtol=1e-12)
    assert (errors > 0).all()
    np.testing.assert_allclose(ours.covariance_, fit.covariance, rtol=1e-9)
    # Weights are reciprocal variances.
    sigma = np.linspace(1, 2, 21)
    weighted = learn.CurveFit(decay).fit(t[:, None], y, 1 / sigma**2)
    covariance = st.curve_fit(decay, t, y, sigma=sigma).covariance
    np.testing.assert_allclose(weighted.covariance_, covariance, rtol=1e-6)


def test_fixed_parameters_of_a_curve(random):
    def decay(t, amplitude, rate):
        return amplitude * np.exp(-rate * t)

    t = np.linspace(0, 3, 21)
    y = decay(t, 2.0, 0.7) + 0.05 * random.standard_normal(21)
    p0 = {"amplitude": st.Positive(1.0), "rate": st.Fixed(0.7)}
    fitted = learn.CurveFit(decay, p0).fit(t[:, None], y)
    assert fitted.degrees_of_freedom_ == 20
    np.testing.assert_allclose(fitted.covariance_, st.curve_fit(decay, t, y, p0).covariance)
