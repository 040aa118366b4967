"""One call of every function that can be recorded, with plain arguments."""

import warnings

import numpy as np
import optree

from steepest.trace.arrays.registries import FUNCTIONS, METHODS
from tests.cases.functions import CASES, X, table


class Spy(np.ndarray):
    """An array that notes which of NumPy's functions it is given to, and with what."""

    calls: list = []

    def __array_function__(self, function, types, args, kwargs):
        args, kwargs = optree.tree_map(plain, (args, kwargs))
        Spy.calls.append((function, args, kwargs))
        result = function(*args, **kwargs)
        return result.view(Spy) if isinstance(result, np.ndarray) else result


def plain(value):
    return np.array(value) if isinstance(value, Spy) else value


def calls():
    """Return one call of every function that the coverage cases call, with plain arguments."""
    Spy.calls = []
    for cases in CASES.values():
        for case in cases:
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")
                try:
                    case(X.copy().view(Spy))
                except (TypeError, ValueError):  # of functions that take no such array
                    continue
    found = {}
    matrix = table(X).copy()
    more = [
        (np.zeros, ((2, 3),), {}), (np.ones, ((2, 3),), {}), (np.empty, ((0, 3),), {}),
        (np.full, ((2, 3), 0.5), {}), (np.array, (matrix,), {}), (np.asarray, (matrix,), {}),
        (np.asanyarray, (matrix,), {}), (np.ascontiguousarray, (matrix,), {}),
        (np.arange, (np.float64(0.5), np.float64(3.0)), {}),
        (np.linspace, (np.float64(-3.0), np.float64(5.3), 7), {}),
        (np.logspace, (np.float64(0.5), np.float64(2.0), 5), {}),
        (np.geomspace, (np.float64(0.5), np.float64(2.0), 5), {}),
        (np.sum, (matrix,), {}), (np.mean, (matrix,), {}), (np.std, (matrix,), {}),
        (np.median, (matrix,), {}), (np.sort, (matrix,), {}), (np.cumsum, (matrix,), {}),
        (np.nanmax, (matrix,), {}), (np.nanmedian, (np.where(matrix > 0.8, np.nan, matrix),), {}),
        (np.average, (matrix,), {"weights": matrix}), (np.unwrap, (7 * matrix,), {}),
        (np.cov, (matrix,), {}), (np.corrcoef, (matrix,), {}), (np.ravel, (matrix.T,), {}),
        (np.polymul, (np.array([0.0, 1.0]), np.array([0.0, 0.0, 2.0, 1.0])), {}),
    ]  # fmt: skip
    for function, args, kwargs in [*Spy.calls, *more]:
        if not isinstance(function, np.ufunc) and function in FUNCTIONS:
            found[function] = (args, kwargs)
    return found


CALLS = calls()

REDUCERS = {
    name: getattr(np.ndarray, name)
    for name in METHODS
    if hasattr(np, name) and hasattr(np.ndarray, name)
}
