"""What a function computes when it is recorded and run on each engine."""

import warnings

import numpy as np

from steepest.errors import UnsupportedError
from steepest.trace import trace_function
from tests.cases.ops import ENGINES


def outcomes(function, *arguments, engines=tuple(ENGINES)):
    """Return the results of a function on engines, or the error of recording it."""
    try:
        trace = trace_function(function, arguments)
    except Exception as error:
        return [error]
    arrays = [*map(np.asarray, arguments), *trace.captured_arrays()]
    results = []
    for name in engines:
        try:
            number, values = ENGINES[name].compile([trace.graph])(arrays)
        except UnsupportedError:
            if name != "torch" or np.uint64 not in [array.dtype for array in arrays]:
                raise
            continue
        assert number == 0
        results.append(trace.graph.result(values))
    return results


def plain(function, *arguments):
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return function(*arguments)
        except Exception as error:
            return error
