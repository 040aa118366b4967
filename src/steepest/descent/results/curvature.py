"""What a method has learned of the loss's curvature, under SciPy's names."""

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
    """Return what SciPy's result of the same method says of curvature; made when asked for.

    Parameters
    ----------
    problem, x
        What was minimized, and the point reached as a vector.
    own_state
        Returns the method's state there.
    """
    for kind in type(problem.method).__mro__:
        if kind in _KNOWN:
            name, made = _KNOWN[kind]
            return {name: functools.partial(made, problem, x, own_state)}
    return {}


def _product(memory: Pairs | Ring) -> Any:
    """Return the inverse Hessian that pairs of L-BFGS stand for, as a linear operator."""
    from scipy.optimize import LbfgsInvHessProduct

    pairs = memory.pairs if isinstance(memory, Ring) else memory
    order = [int(place) for place in reversed(memory.newest_first())]
    known = [place for place in order if pairs.inverse[place] != 0]
    return LbfgsInvHessProduct(np.array(pairs.steps[known]), np.array(pairs.changes[known]))


def _hessian(problem: Problem, x: np.ndarray) -> np.ndarray:
    """Return the Hessian at a point, shape (n, n)."""

    def look(vector: Any, *args: Any) -> Any:
        return problem.objective(vector, problem.layout, args).hessian

    return np.asarray(Function(look)(x.astype(problem.dtype), *problem.args))


_KNOWN: Mapping[type, tuple[str, Callable[..., Any]]] = {
    BFGS: ("hess_inv", lambda problem, x, own_state: np.array(own_state().memory)),
    LBFGS: ("hess_inv", lambda problem, x, own_state: _product(own_state().memory)),
    TrustRegion: ("hess", lambda problem, x, own_state: _hessian(problem, x)),
}
"""For each method that knows the curvature, under which of SciPy's names, and how it is made."""
