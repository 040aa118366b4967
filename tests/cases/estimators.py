"""Estimators of all kinds, with the settings in which scikit-learn's checks see them."""

import numpy as np

import steepest as st
from steepest import learn


def linear(p, X):
    return X @ p["coef"] + p["intercept"]


def linear_start(features, outputs, random):
    shape = (features,) if outputs == 1 else (features, outputs)
    return {"coef": np.zeros(shape), "intercept": np.zeros(shape[1:])}


def plane(x, offset, slopes):
    return offset + slopes @ np.atleast_2d(x)[: len(slopes)]


def flat(X, y):
    return {"offset": 0.0, "slopes": np.zeros(min(8, X.shape[1]))}


ESTIMATORS = {
    "Regressor": learn.Regressor(linear, linear_start, penalty="l2", alpha=1e-3),
    "Regressor on batches": learn.Regressor(linear, linear_start, batch_size="auto",
        method=st.Adam(0.1), max_iter=100, penalty="l2", alpha=1e-3),
    "Classifier": learn.Classifier(linear, linear_start, penalty="l2", alpha=1e-3),
    "LinearRegression": learn.LinearRegression(),
    "LinearRegression, Huber": learn.LinearRegression(loss="huber"),
    "Ridge": learn.Ridge(),
    "LogisticRegression": learn.LogisticRegression(),
    "Poisson": learn.GeneralizedLinear("poisson"),
    "gamma": learn.GeneralizedLinear("gamma", alpha=1e-3),
    "Tweedie": learn.GeneralizedLinear("tweedie", alpha=1e-3),
    "Quantile": learn.Quantile(),
    "MLPRegressor": learn.MLPRegressor(),
    "MLPClassifier": learn.MLPClassifier(),
    "CurveFit": learn.CurveFit(plane, flat),
}  # fmt: skip
