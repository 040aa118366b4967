"""A function whose branches may be merged, compared with the same function, path by path."""

import linecache
import sys

import numpy as np

import steepest as st
import steepest.trace.branching

retrace = sys.modules["steepest.trace.branching.retrace"]


def count_paths(function):
    """Return how many paths of a compiled function are known, for its one kind of arguments."""
    (paths,) = function._paths.values()
    return len(paths.traces)


def outcome(function, *arguments):
    """Return what a function returns, or the type of the error that it raises."""
    with np.errstate(all="ignore"):
        try:
            return function(*arguments)
        except Exception as error:
            return type(error)


def value_and_slopes_of_one_path(function, x, monkeypatch):
    """Return value and gradient at a point, recorded without merging."""
    with monkeypatch.context() as patch:
        patch.setattr(retrace, "LEAST_REPEATED", 10**9)
        patch.setattr(retrace, "_known", {})
        return outcome(st.value_and_gradient(function), x)


def defined(text, name, file, names=None):
    """Return a function from the text of its definition, whose lines are known to Python.

    `names` are its globals besides ``np``.
    """
    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
    namespace = {"np": np, **(names or {})}
    exec(compile(text, file, "exec"), namespace)
    return namespace[name]
