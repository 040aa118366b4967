"""Estimators of scikit-learn's kind, whose models and losses are NumPy code."""

from steepest.learn.classifier import Classifier
from steepest.learn.curve import CurveFit
from steepest.learn.linear.generalized import GeneralizedLinear
from steepest.learn.linear.logistic import LogisticRegression
from steepest.learn.linear.quantile import Quantile
from steepest.learn.linear.regression import LinearRegression, Ridge
from steepest.learn.network import MLPClassifier, MLPRegressor
from steepest.learn.regressor import Regressor
from steepest.learn.watching import Epoch

__all__ = [
    "Classifier",
    "CurveFit",
    "Epoch",
    "GeneralizedLinear",
    "LinearRegression",
    "LogisticRegression",
    "MLPClassifier",
    "MLPRegressor",
    "Quantile",
    "Regressor",
    "Ridge",
]
