"""Descent methods, a family in each module."""

from steepest.descent.methods.adaptive import Adagrad, Adam, AdamW, Lion, RMSProp
from steepest.descent.methods.around import Averaged, Clipped, WeightDecay
from steepest.descent.methods.conjugate import NonlinearCG
from steepest.descent.methods.first_order import GradientDescent, Momentum, Nesterov
from steepest.descent.methods.hager_zhang import HagerZhang
from steepest.descent.methods.least_squares import Dogleg, GaussNewton, LevenbergMarquardt
from steepest.descent.methods.line_search import Armijo, LineSearch, StrongWolfe
from steepest.descent.methods.newton import NewtonCG, TrustRegion
from steepest.descent.methods.protocol import Base, Failure, Method, Move, Search
from steepest.descent.methods.quasi_newton import BFGS, LBFGS

__all__ = [
    "BFGS",
    "LBFGS",
    "Adagrad",
    "Adam",
    "AdamW",
    "Armijo",
    "Averaged",
    "Base",
    "Clipped",
    "Dogleg",
    "Failure",
    "GaussNewton",
    "GradientDescent",
    "HagerZhang",
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
