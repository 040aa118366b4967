"""Derivatives: reverse and forward mode, gradients, Jacobians, custom rules."""

from steepest.derivative import implicit as implicit  # fills in the rules of solutions
from steepest.derivative import loops as loops  # and of loops
from steepest.derivative.custom import custom_derivative
from steepest.derivative.forward import push_forward, pushed_by
from steepest.derivative.function import (
    MAX_PATHS,
    Executable,
    Executor,
    Function,
    PathLimitWarning,
    interpret,
    warn_of_paths,
)
from steepest.derivative.jacobian import hessian, jacobian
from steepest.derivative.matrix_functions import expm, logm, matrix_function, sqrtm
from steepest.derivative.nonfinite import nonfinite_origin
from steepest.derivative.opaque.black_boxes import black_box
from steepest.derivative.reverse import node_gradients, pull_back
from steepest.derivative.transform import (
    gradient,
    hvp,
    pullback,
    pushforward,
    require_loss,
    value_and_gradient,
)
from steepest.trace.following.stand_ins import WITH_SCIPY
from steepest.trace.functions.scipy import recorders


def _register(module: str) -> None:
    if "stats" in recorders(module):
        from steepest.derivative import probabilities  # noqa: F401 - of what SciPy integrates


WITH_SCIPY.append(_register)

__all__ = [
    "MAX_PATHS",
    "Executable",
    "Executor",
    "Function",
    "PathLimitWarning",
    "black_box",
    "custom_derivative",
    "expm",
    "gradient",
    "hessian",
    "hvp",
    "interpret",
    "jacobian",
    "logm",
    "matrix_function",
    "node_gradients",
    "nonfinite_origin",
    "pull_back",
    "pullback",
    "push_forward",
    "pushed_by",
    "pushforward",
    "require_loss",
    "sqrtm",
    "value_and_gradient",
    "warn_of_paths",
]
