"""Functions of fitted parameters, with standard errors by exact derivatives."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from steepest.derivative import Function
from steepest.descent.problem.differencing import with_differences
from steepest.descent.problem.evaluation import call_at, slopes
from steepest.descent.problem.parameters import ParameterLayout
from steepest.descent.problem.transforms import Reparametrization
from steepest.descent.results.covariance import propagate_covariance
from steepest.errors import InputError, SettingError
from steepest.graph import trees
from steepest.trace import as_traced


class Estimate(Protocol):
    """What is needed of estimated parameters."""

    @property
    def x(self) -> Any:
        """The parameters, in their own structure."""

    @property
    def names(self) -> tuple[str, ...]:
        """A name for each number of them."""

    @property
    def vector(self) -> np.ndarray:
        """The free parameters as a vector, shape (n,)."""

    @property
    def layout(self) -> ParameterLayout:
        """The layout of the free parameters."""

    @property
    def expand(self) -> Reparametrization | None:
        """Map from the free parameters to all; None if no start value is marked."""

    @property
    def free_covariance(self) -> np.ndarray:
        """Covariance of the free parameters, shape (n, n)."""


def derive(fit: Estimate, function: Callable[[Any], Any]) -> tuple[Any, Any]:
    """Return a function of the fitted parameters and its standard errors.

    Parameters
    ----------
    fit
        The fit.
    function
        The function, as for :meth:`Fit.derive`.
    """
    value, rates = value_and_rates(fit, function)
    leaves, structure = trees.flatten(rates)
    rows = [np.reshape(leaf, (-1, len(fit.vector))) for leaf in leaves]
    errors = [
        np.sqrt(np.diag(propagate_covariance(fit.free_covariance, row))).reshape(leaf.shape[:-1])
        for row, leaf in zip(rows, leaves, strict=True)
    ]
    as_result = lambda leaf: np.asarray(leaf, np.result_type(leaf, np.float32))[()]
    return (
        trees.map_leaves(as_result, value),
        trees.unflatten(structure, [error[()] for error in errors]),
    )


def value_and_rates(fit: Estimate, function: Callable[[Any], Any]) -> tuple[Any, Any]:
    """Return a function of the fitted parameters, and its derivatives by the free ones.

    Each derivative has the shape of the value, and a last axis for the free parameters.
    """
    by_name = reads_by_name(fit, function)
    expand, layout, names = fit.expand, fit.layout, fit.names

    def evaluate(vector: Any) -> Any:
        read = lambda p: (mapping(names, p) if by_name else p,)
        result = call_at(function, layout, expand, vector, read)
        by = as_traced(vector)
        rate = lambda leaf: slopes(as_traced(leaf * np.ones(())).node, by)
        return result, trees.map_leaves(rate, result)

    solve: Callable[[], tuple[Any, Any]] = lambda: Function(evaluate)(fit.vector)
    return with_differences(function, solve)


def mapping(names: Sequence[str], x: Any) -> dict[str, Any]:
    """Return an array of parameters as numbers by name."""
    return dict(zip(names, np.reshape(x, (-1,)), strict=True))


def reads_by_name(fit: Estimate, function: Callable[[Any], Any]) -> bool:
    """Whether a function reads parameters that are one array by their names.

    The function is called once, to see which of the two.

    Raises
    ------
    SettingError
        If `function` is not a function.
    InputError
        If it fails in both ways, or returns no real numbers.
    """
    if not callable(function):
        raise SettingError(f"derive needs a function of the parameters, got {function!r}")
    x, names, by_name = fit.x, fit.names, False
    try:
        result = function(x)
    except _MISREAD as error:
        if not fit.layout.is_array or fit.expand is not None:
            raise _failed(error, fit) from error
        try:
            result, by_name = function(mapping(names, x)), True
        except _MISREAD as another:
            is_by_number = isinstance(another, KeyError) and not isinstance(another.args[0], str)
            is_by_name = isinstance(error, IndexError) and not is_by_number
            raise _failed(another if is_by_name else error, fit) from error
    if not trees.leaves(result):
        raise InputError(f"a derived quantity must be real numbers, got {result!r}")
    for leaf in trees.leaves(result):
        if np.asarray(leaf).dtype.kind not in "fiub":
            raise InputError(f"a derived quantity must be real numbers, got {leaf!r}")
    return by_name


_MISREAD = (IndexError, KeyError, TypeError, AttributeError)
"""What a function raises that reads parameters in another structure."""


def _failed(error: Exception, fit: Estimate) -> InputError:
    names: Sequence[str] = fit.names
    if isinstance(fit.x, Mapping):
        names = [
            name if np.ndim(value) == 0 else f"{name} (of shape {np.shape(value)})"
            for name, value in fit.x.items()
        ]
    return InputError(
        f"the function raised {type(error).__name__} for the fitted parameters: {error}; their "
        f"names are {', '.join(names)}"
    )
