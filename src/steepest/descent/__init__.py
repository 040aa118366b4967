"""Methods, step sizes, stop rules, the one driver, results."""

from steepest.descent.batches import Batches
from steepest.descent.driver import State
from steepest.descent.methods import Adam, GradientDescent, Method, Momentum
from steepest.descent.minimize import minimize
from steepest.descent.result import History, Result, Status, Timings
from steepest.descent.step_size import CosineDecay, ExponentialDecay
from steepest.descent.stop import GradientNormBelow, LossBelow, MaxIterations, Point, StopRule

__all__ = [
    "Adam",
    "Batches",
    "CosineDecay",
    "ExponentialDecay",
    "GradientDescent",
    "GradientNormBelow",
    "History",
    "LossBelow",
    "MaxIterations",
    "Method",
    "Momentum",
    "Point",
    "Result",
    "State",
    "Status",
    "StopRule",
    "Timings",
    "minimize",
]
