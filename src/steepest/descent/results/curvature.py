"""The curvature that a method has estimated, under SciPy's names."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from steepest.derivative import Function
from steepest.descent.iteration.problem import Problem
from steepest.descent.methods import BFGS, LBFGS, TrustRegion
from steepest.descent.methods.quasi_newton import Pairs, Ring


def curvature_of(
    problem: Problem, x: np.ndarray, own_state: Callable[[], Any]
) -> Mapping[str, Callable[[], Any]]:
    """Return functions that compute a result's ``hess_inv`` or ``hess``, by name.

    Parameters
    ----------
    problem, x
        The problem, and the point reached as a vector.
    own_state
        Returns the method's state at `x`.
    """
    for kind in type(problem.method).__mro__:
        if kind in _KNOWN:
            name, compute = _KNOWN[kind]
            return {name: functools.partial(compute, problem, x, own_state)}
    return {}


def _product(memory: Pairs | Ring) -> Any:
    """Return the inverse Hessian of L-BFGS's memory, as SciPy's linear operator."""
    from scipy.optimize import LbfgsInvHessProduct

    pairs = memory.pairs if isinstance(memory, Ring) else memory
    order = [int(row) for row in reversed(memory.newest_first())]
    known = [row for row in order if pairs.inverse[row] != 0]
    return LbfgsInvHessProduct(np.array(pairs.steps[known]), np.array(pairs.changes[known]))


def _hessian(problem: Problem, x: np.ndarray) -> np.ndarray:
    """Return the Hessian at a point, shape (n, n)."""

    def hessian_at(vector: Any, *args: Any) -> Any:
        return problem.objective(vector, problem.layout, args).hessian

    return np.asarray(Function(hessian_at)(x.astype(problem.dtype), *problem.args))


_KNOWN: Mapping[type, tuple[str, Callable[..., Any]]] = {
    BFGS: ("hess_inv", lambda problem, x, own_state: np.array(own_state().memory)),
    LBFGS: ("hess_inv", lambda problem, x, own_state: _product(own_state().memory)),
    TrustRegion: ("hess", lambda problem, x, own_state: _hessian(problem, x)),
}
"""SciPy's name of the curvature that a method estimates, and a function that computes it."""
