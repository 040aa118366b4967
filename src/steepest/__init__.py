"""Gradient descent for NumPy code.

Write a loss in plain NumPy; steepest records its computation graph, differentiates it, and
runs the whole descent as machine code, in NumPy, or in PyTorch, with the same numbers.
"""

from steepest import engines
from steepest.check import GradientCheck, check_gradient
from steepest.derivative import (
    PathLimitWarning,
    custom_derivative,
    gradient,
    hessian,
    hvp,
    jacobian,
    pullback,
    pushforward,
    value_and_gradient,
)
from steepest.descent import (
    Adam,
    Batches,
    CosineDecay,
    ExponentialDecay,
    GradientDescent,
    GradientNormBelow,
    History,
    LossBelow,
    MaxIterations,
    Method,
    Momentum,
    Point,
    Result,
    State,
    Status,
    StopRule,
    Timings,
    minimize,
)
from steepest.engines import compile, get_num_threads, set_num_threads
from steepest.errors import SteepestError
from steepest.graph import Graph
from steepest.ops.arithmetic import stop_gradient
from steepest.trace import cond, log_softmax, logsumexp, scan, softmax, trace, while_loop
from steepest.version import __version__

__all__ = [
    "Adam",
    "Batches",
    "CosineDecay",
    "ExponentialDecay",
    "GradientCheck",
    "GradientDescent",
    "GradientNormBelow",
    "Graph",
    "History",
    "LossBelow",
    "MaxIterations",
    "Method",
    "Momentum",
    "PathLimitWarning",
    "Point",
    "Result",
    "State",
    "Status",
    "SteepestError",
    "StopRule",
    "Timings",
    "__version__",
    "check_gradient",
    "compile",
    "cond",
    "custom_derivative",
    "engines",
    "get_num_threads",
    "gradient",
    "hessian",
    "hvp",
    "jacobian",
    "log_softmax",
    "logsumexp",
    "minimize",
    "pullback",
    "pushforward",
    "scan",
    "set_num_threads",
    "softmax",
    "stop_gradient",
    "trace",
    "value_and_gradient",
    "while_loop",
]
