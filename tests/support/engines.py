"""The engines, and calls of a function on each of them."""

import numpy as np

from steepest.engines import Interpreter, Native, Torch
from steepest.graph.trees import leaves
from steepest.trace import trace_function

ENGINES = {"numpy": Interpreter(), "native": Native(), "torch": Torch()}


def on_every_engine(function, *arguments):
    """Return what a function returns for its arguments, by engine."""
    trace = trace_function(function, arguments)
    arrays = [np.asarray(leaf) for leaf in leaves(arguments)] + trace.captured_arrays()
    found = {}
    for name, engine in ENGINES.items():
        _, values = engine.compile([trace.graph])(arrays)
        found[name] = trace.graph.result(values)
    return found
