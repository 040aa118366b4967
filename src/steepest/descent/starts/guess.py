"""Start values of a curve fit, guessed from the data.

Parameters on which the model depends linearly are computed by linear least squares. For the
others, 4,096 random values are tried, drawn at the scales of the data. The best of them start
fits, side by side, and the best of these is the start.
"""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from steepest.derivative import Function
from steepest.derivative.opaque.black_boxes import CALL
from steepest.descent.fit_problem import FitOptions, squares_problem
from steepest.descent.inference.refits import solve_restricted
from steepest.descent.iteration.problem import Problem
from steepest.descent.problem.bounds import Box, box_of_ends
from steepest.descent.problem.data import kind_of
from steepest.descent.problem.differencing import with_differences
from steepest.descent.problem.model import Model, Residuals
from steepest.descent.problem.parameters import ravel_parameters
from steepest.descent.starts.scales import Scales, draw, scales_of
from steepest.errors import FiniteDifferenceWarning, InputError, RefusalError, SteepestError
from steepest.graph import trees
from steepest.trace import trace_function

_CANDIDATES = 4096
"""How many random values are tried."""

_FITS = 192
"""How many of them start a fit."""

_CANDIDATES_OF_CALLS, _FITS_OF_CALLS = 64, 4
"""The same for a model that calls a black box, of which each value and difference is a call."""

_MOST_EXHAUSTIVE = 10
"""Most parameters of which all subsets are tried for being linear."""


def guess_start(
    word: str,
    curve: Model,
    names: Sequence[str] | None,
    data: tuple[Any, Any, Any],
    inside: np.ndarray,
    options: FitOptions,
) -> np.ndarray:
    """Return start values of a curve fit, for ``p0="guess"``.

    Parameters
    ----------
    word
        What was given as start values.
    curve
        The model.
    names
        Names of its parameters; None if its signature does not give them.
    data
        x, y and sigma, as arrays.
    inside
        Values within the bounds.
    options
        Options of the fit.

    Raises
    ------
    InputError
        If `word` is another one, if the number of parameters is unknown, or if no start is found.
    """
    if word != "guess":
        raise InputError(f"p0 must be real numbers, or 'guess': got {word!r}")
    if names is None:
        raise InputError("the model takes any number of parameters: give start values, p0")
    x, y, sigma = data
    kind = kind_of(sigma, y)
    layout, _ = ravel_parameters(inside)
    box = box_of_ends(options.bounds, inside, layout, inside, names)
    args = (x, y) if sigma is None else (x, y, sigma)
    residuals, number = Residuals(curve, kind), len(names)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FiniteDifferenceWarning)  # the fit says so
        return with_differences(residuals, lambda: guess(residuals, number, args, box, options))


def guess(
    residuals: Residuals, number: int, args: Sequence[Any], box: Box | None, options: FitOptions
) -> np.ndarray:
    """Return start values of a model's parameters, shape (n,).

    Parameters
    ----------
    residuals
        The residuals of the model.
    number
        How many parameters it has.
    args
        The data: x, y, and maybe sigma.
    box
        Bounds on the parameters; None if there are none.
    options
        Options of the fit.

    Raises
    ------
    InputError
        If the data or the model are not finite at any of the values that were tried, or if the
        model fails at one of them.
    """
    layout, _ = ravel_parameters(np.ones(number))
    problem, _ = squares_problem(residuals, layout, args, box, options)
    y = np.asarray(args[1], np.float64)
    variables = [np.asarray(leaf, np.float64) for leaf in trees.leaves(args[0])]
    rows = [row for v in variables for row in (v if v.shape[1:] == y.shape else [v])]
    scales = scales_of(rows, y)
    try:
        size = _size(residuals.kind, args)
        best, count = _search(problem, box, scales, number, size)
    except RefusalError:  # whatever the values are
        raise
    except (ValueError, ArithmeticError, SteepestError) as error:
        raise InputError(
            f"the model fails at values that were tried for p0='guess': {error}; give start "
            "values, p0"
        ) from error
    if not len(best):
        raise InputError(
            f"no start values were found at which the model is finite, of {count} that were "
            "tried: give start values, p0"
        )
    return np.asarray(best[0])


def _search(
    problem: Problem, box: Box | None, scales: Scales, number: int, size: float
) -> tuple[np.ndarray, int]:
    """Return the best start, shape (1, n), or (0, n) if there is none; and how many were tried.

    `size` is the sum of squares of the data.
    """
    random = np.random.default_rng(0)
    with warnings.catch_warnings():  # candidates far from the data overflow
        warnings.simplefilter("ignore")
        is_linear = linear_parameters(problem, _within(box, draw(scales, random, (6, number))))
        is_called = calls_black_box(problem, np.ones(number))
        count, fits = (_CANDIDATES_OF_CALLS, _FITS_OF_CALLS) if is_called else (_CANDIDATES, _FITS)
        starts = _candidates(scales, random, is_linear, box, count)
        everything = np.broadcast_to(~is_linear, starts.shape)
        screened = solve_restricted(problem, box, everything, starts, starts)
        best = _best(screened.vectors, screened.loss, fits)
        if not is_linear.all() and len(best):
            free = np.zeros(best.shape, bool)
            found = solve_restricted(problem, box, free, best, best)
            vectors = np.concatenate([found.vectors, best[:1]])
            loss = np.append(found.loss, np.nanmin(screened.loss))
            best = _simplest(vectors, loss, ~is_linear, 1e-18 * size)
    return best[:1], len(starts)


def _candidates(
    scales: Scales,
    random: np.random.Generator,
    is_linear: np.ndarray,
    box: Box | None,
    count: int,
) -> np.ndarray:
    """Return random values of the parameters; linear ones start at 0, or within their bounds."""
    count = 1 if is_linear.all() else count
    values = draw(scales, random, (count, len(is_linear)))
    values[:, is_linear] = 0.0
    return _within(box, values, random)


def _within(
    box: Box | None, values: np.ndarray, random: np.random.Generator | None = None
) -> np.ndarray:
    """Return values within bounds; those outside are drawn between the bounds if there are two."""
    if box is None:
        return values
    low, high = (np.broadcast_to(end, values.shape) for end in box)
    is_outside = (values < low) | (values > high)
    values = np.clip(values, low, high)
    if random is not None:
        redrawn = is_outside & np.isfinite(low) & np.isfinite(high)
        values[redrawn] = random.uniform(low[redrawn], high[redrawn])
    return values


def _best(vectors: np.ndarray, loss: np.ndarray, count: int) -> np.ndarray:
    """Return the vectors of the lowest losses, the lowest first; finite ones only."""
    order = np.argsort(np.where(np.isfinite(loss), loss, np.inf), kind="stable")
    order = order[np.isfinite(loss[order]) & np.isfinite(vectors[order]).all(axis=1)]
    return np.asarray(vectors[order[:count]])


def _size(kind: str, args: Sequence[Any]) -> float:
    """Return the sum of squares of the data, in the units of the squared residuals."""
    y = np.asarray(args[1], np.float64)
    if kind == "each":
        y = y / args[2]
    elif kind == "matrix":
        y = np.matmul(args[2], y)
    return float(np.sum(np.square(y)))


def _simplest(
    vectors: np.ndarray, loss: np.ndarray, is_curved: np.ndarray, slack: float
) -> np.ndarray:
    """Return the vector of the lowest loss; among equally low ones, the simplest.

    A wave fits points at equal distances with many frequencies alike, and a peak with a negative
    width. The least and positive parameters are taken.
    """
    finite = np.isfinite(loss) & np.isfinite(vectors).all(axis=1)
    vectors, loss = vectors[finite], loss[finite]
    if not len(vectors):
        return vectors
    vectors = vectors[loss <= loss.min() * (1 + 1e-6) + slack]
    alike = vectors[:, is_curved]
    size = np.sum(np.abs(alike), axis=1) * (1 + 0.5 * np.sum(alike < 0, axis=1))
    return vectors[[int(np.argmin(size))]]


def calls_black_box(problem: Problem, point: np.ndarray) -> bool:
    """Whether the residuals call a function as it is, once for each value and difference."""

    def evaluate(vector: Any, *arguments: Any) -> Any:
        return problem.objective(vector, problem.layout, arguments).plain

    graph = trace_function(evaluate, (point, *problem.args), evaluate).graph
    return any(node.op.name.startswith(CALL) for node in graph.nodes)


def linear_parameters(problem: Problem, points: np.ndarray) -> np.ndarray:
    """Return which parameters the residuals depend on linearly, for any values of the others.

    If there are several such sets, it is a largest one.

    Parameters
    ----------
    problem
        The least-squares problem.
    points
        Points at which derivatives are compared, shape (k, n).
    """
    number = points.shape[1]

    def evaluate(vector: Any, *arguments: Any) -> Any:
        return problem.objective(vector, problem.layout, arguments).plain_jacobian

    jacobian = Function(evaluate)
    depends = np.zeros((number, number), bool)
    compared = 0
    with np.errstate(all="ignore"):
        for point in points:
            base = np.asarray(jacobian(point, *problem.args))
            for j in range(number):
                moved = point.copy()
                moved[j] += 0.37 * (abs(point[j]) or 1.0)
                there = np.asarray(jacobian(moved, *problem.args))
                is_known = np.isfinite(base).all(axis=1) & np.isfinite(there).all(axis=1)
                if not is_known.any():
                    continue
                compared += 1
                size = np.max(np.abs(base[is_known]), axis=0)
                change = np.max(np.abs(there[is_known] - base[is_known]), axis=0)
                depends[:, j] |= change > 1e-9 * size
    if compared < number:
        return np.zeros(number, bool)
    return _largest_independent(depends | depends.T)


def _largest_independent(depends: np.ndarray) -> np.ndarray:
    """Return a largest set of parameters none of which depends on another or on itself."""
    number = len(depends)
    able = [i for i in range(number) if not depends[i, i]]
    result = np.zeros(number, bool)
    if number > _MOST_EXHAUSTIVE:
        for i in sorted(able, key=lambda i: int(depends[i].sum())):
            if not depends[i][result].any():
                result[i] = True
        return result
    for size in range(len(able), 0, -1):
        for some in itertools.combinations(able, size):
            if not depends[np.ix_(some, some)].any():
                result[list(some)] = True
                return result
    return result
