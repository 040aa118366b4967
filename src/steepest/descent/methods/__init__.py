"""Descent methods, a family in each module."""

from steepest.descent.methods.adaptive import Adagrad, Adam, AdamW, Lion, RMSProp
from steepest.descent.methods.base import Failure, Method, Move, Search
from steepest.descent.methods.conjugate_gradient import NonlinearCG
from steepest.descent.methods.constrained.augmented_lagrangian import AugmentedLagrangian
from steepest.descent.methods.constrained.interior_point import InteriorPoint
from steepest.descent.methods.constrained.sqp import SQP
from steepest.descent.methods.gradient import GradientDescent, Momentum, Nesterov
from steepest.descent.methods.hager_zhang import HagerZhang
from steepest.descent.methods.least_squares import Dogleg, GaussNewton, LevenbergMarquardt
from steepest.descent.methods.line_searches import Armijo, LineSearch, StrongWolfe
from steepest.descent.methods.newton import NewtonCG, TrustRegion
from steepest.descent.methods.quasi_newton import BFGS, LBFGS
from steepest.descent.methods.wrappers import Averaged, Clipped, WeightDecay

__all__ = [
    "BFGS",
    "LBFGS",
    "SQP",
    "Adagrad",
    "Adam",
    "AdamW",
    "Armijo",
    "AugmentedLagrangian",
    "Averaged",
    "Clipped",
    "Dogleg",
    "Failure",
    "GaussNewton",
    "GradientDescent",
    "HagerZhang",
    "InteriorPoint",
    "LevenbergMarquardt",
    "LineSearch",
    "Lion",
    "Method",
    "Momentum",
    "Move",
    "Nesterov",
    "NewtonCG",
    "NonlinearCG",
    "RMSProp",
    "Search",
    "StrongWolfe",
    "TrustRegion",
    "WeightDecay",
]
