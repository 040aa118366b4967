"""Load functions from files: ``FILE:FUNCTION`` on the command line."""

from __future__ import annotations

import difflib
import importlib.util
import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from steepest.errors import InputError
from steepest.graph.source import PACKAGE
from steepest.trace import current, is_tracing
from steepest.trace.tracing import call_traced


class Spread:
    """A function of several numbers, called with one vector.

    Parameters
    ----------
    function
        The function.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.__name__ = getattr(function, "__name__", "function")
        self.__wrapped__ = function

    def __call__(self, x: Any) -> Any:
        """Call the function with the vector's numbers."""
        numbers = tuple(x[i] for i in range(len(x)))
        if is_tracing():
            return call_traced(self.function, current(), numbers)
        return self.function(*numbers)


class SpreadGradient(Spread):
    """The same for a hand-written gradient: its parts become one vector."""

    def __call__(self, x: Any) -> Any:
        """Return the parts of the gradient as one vector."""
        return np.stack(super().__call__(x))


def load(target: str) -> Callable[..., Any]:
    """Return the function that ``FILE:FUNCTION`` names.

    Raises
    ------
    InputError
        If there is no such file or function; the message offers the nearest names.
    """
    file, separator, name = target.rpartition(":")
    if not separator or not name:
        raise InputError(f"write FILE:FUNCTION, such as model.py:loss; got {target!r}")
    path = Path(file)
    if not path.is_file():
        siblings = [p.name for p in path.parent.glob("*.py")] if path.parent.is_dir() else []
        raise InputError(f"there is no file {file}{_nearest(path.name, siblings)}")
    module = _import(path)
    functions = [n for n, v in vars(module).items() if callable(v) and not n.startswith("_")]
    if name not in vars(module):
        raise InputError(f"{file} has no function {name}{_nearest(name, functions)}")
    function: object = vars(module)[name]
    if not callable(function):
        raise InputError(f"{name} in {file} is no function but a {type(function).__name__}")
    return function


def _nearest(name: str, names: list[str]) -> str:
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.4) or sorted(names)[:5]
    return f"; there is {', '.join(near)}" if near else ""


def _import(path: Path) -> ModuleType:
    if str(path.resolve()).startswith(PACKAGE):
        module_name = "steepest." + ".".join(
            path.resolve().relative_to(PACKAGE).with_suffix("").parts
        )
        return importlib.import_module(module_name)
    specification = importlib.util.spec_from_file_location(path.stem, path.absolute())
    if specification is None or specification.loader is None:
        raise InputError(f"{path} is not a Python file")
    module = importlib.util.module_from_spec(specification)
    sys.path.insert(0, str(path.absolute().parent))
    sys.modules.setdefault(path.stem, module)
    try:
        specification.loader.exec_module(module)
    except SyntaxError as error:
        raise InputError(f"{path}:{error.lineno} is not valid Python: {error.msg}") from error
    return module


def parameters_of(function: Callable[..., Any]) -> int:
    """Return the number of positional parameters without default values."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except ValueError:
        return 1
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return sum(p.kind in positional and p.default is p.empty for p in parameters)


def of_vector(function: Callable[..., Any], start: np.ndarray) -> Callable[..., Any]:
    """Return a function of one vector: as it is with one parameter, else one number each.

    Raises
    ------
    InputError
        If the start does not have a number for each parameter.
    """
    count = parameters_of(function)
    name = getattr(function, "__name__", "the function")
    if count == 0:
        raise InputError(f"{name} takes no parameter: there is nothing to vary")
    if count == 1:
        return function
    if count != len(start):
        raise InputError(f"{name} takes {count} numbers, got {len(start)}")
    return Spread(function)


def gradient_of_vector(gradient: Callable[..., Any]) -> Callable[..., Any]:
    """Return a hand-written gradient as a function of one vector."""
    return gradient if parameters_of(gradient) == 1 else SpreadGradient(gradient)
