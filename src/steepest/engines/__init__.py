"""Engines, which run graphs: in NumPy, in PyTorch, or as machine code."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from typing import Any

from steepest.derivative import MAX_PATHS, Function
from steepest.engines.batch import DIVERGED, INTERRUPTED, NOT_STARTED, ManyProgram, ManyStart
from steepest.engines.dask import Dask
from steepest.engines.interpreter import Interpreter
from steepest.engines.native import Native, get_num_threads, set_num_threads
from steepest.engines.program import BatchPlan, Iteration, Program
from steepest.engines.protocol import (
    Engine,
    Outcome,
    Recording,
    Run,
    RunInPasses,
    Snapshot,
    Start,
)
from steepest.engines.pytorch import Torch
from steepest.errors import InputError, SettingError

BY_NAME: dict[str, Callable[[], Engine]] = {
    "native": Native,
    "numpy": Interpreter,
    "torch": Torch,
}


_made: dict[str, Engine] = {}


def get_engine(engine: str | Engine) -> Engine:
    """Return an engine by its name, or the engine that is given.

    Raises
    ------
    InputError
        For an unknown name; the message offers the nearest.
    SettingError
        For what is neither a name nor an engine.
    EngineUnavailableError
        If the engine's package is not installed.
    """
    if not isinstance(engine, str):
        if not callable(getattr(engine, "prepare", None)):
            raise SettingError(
                f"engine must be a name such as 'native', or an engine object, got {engine!r}"
            )
        return engine
    if engine not in BY_NAME:
        near = difflib.get_close_matches(engine, BY_NAME, n=1, cutoff=0.4)
        guess = f" (did you mean {near[0]!r}?)" if near else ""
        raise InputError(f"unknown engine {engine!r}{guess}: choose one of {', '.join(BY_NAME)}")
    if engine not in _made:
        _made[engine] = BY_NAME[engine]()
    return _made[engine]


def engine_of_one(engine: str | Engine) -> Engine:
    """Return where one of many problems runs by itself: on this machine, not on a cluster."""
    engine = get_engine(engine)
    alone: Engine = getattr(engine, "alone", engine)
    return alone


def compile(function: Callable[..., Any], *, max_paths: int = MAX_PATHS) -> Function:
    """Return a native version of a function; also a decorator.

    Parameters
    ----------
    function : callable
        Function written in NumPy, or a derivative such as ``st.gradient(f)``.
    max_paths : int, optional
        Most paths that are compiled. Each combination of branches on values is a path, which
        is traced and compiled when it is first taken. Beyond this number, new paths are
        interpreted, with a :class:`PathLimitWarning`.

    Returns
    -------
    Function
        A function of the same arguments. It is compiled at the first call for each
        combination of shapes and dtypes. Its derivatives are native, too.

    Raises
    ------
    UnsupportedError
        When called, if the function cannot be recorded; the message names the line.

    Examples
    --------
    >>> import numpy as np, steepest as st
    >>> @st.compile
    ... def norm2(x):
    ...     return np.sum(x * x)
    >>> float(norm2(np.array([3.0, 4.0])))
    25.0
    >>> st.gradient(norm2)(np.array([3.0, 4.0]))
    array([6., 8.])
    """
    native = Native()
    if isinstance(function, Function):
        inner, name, wrapped = function.function, function.__name__, function.__wrapped__
        return Function(inner, native.compile, name, wrapped, max_paths, function.writes)
    return Function(function, native.compile, max_paths=max_paths, writes=True)


__all__ = [
    "BY_NAME",
    "DIVERGED",
    "INTERRUPTED",
    "NOT_STARTED",
    "BatchPlan",
    "Dask",
    "Engine",
    "Interpreter",
    "Iteration",
    "ManyProgram",
    "ManyStart",
    "Native",
    "Outcome",
    "Program",
    "Recording",
    "Run",
    "RunInPasses",
    "Snapshot",
    "Start",
    "Torch",
    "compile",
    "engine_of_one",
    "get_engine",
    "get_num_threads",
    "set_num_threads",
]
