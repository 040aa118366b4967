"""Arguments of a distribution's methods: as the user gives them, and as formulas take them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from steepest.errors import REFUSALS, RefusalError, UnsupportedError
from steepest.graph import Shape
from steepest.graph.source import at, user_source
from steepest.trace.functions.registry import Array, ArrayLike
from steepest.trace.functions.scipy.stats.formulas import COMPUTED, Formulas
from steepest.trace.functions.scipy.stats.helpers import as_array


@dataclass(frozen=True)
class Parameters:
    """The parameters of a distribution.

    Attributes
    ----------
    distribution
        Whose methods are followed.
    shapes, loc, scale
        Arrays; the scale of a discrete distribution is 1.
    are_valid
        Where the parameters are allowed.
    """

    distribution: Formulas
    shapes: tuple[Array, ...]
    loc: Array
    scale: Array
    are_valid: Array

    def formula(self, name: str, *arguments: Array, given: tuple[Array, ...] = ()) -> Array:
        """Return a private formula of some arrays and the shape parameters, broadcast.

        As in SciPy, the formula is given arrays of one axis. What has one element is not
        repeated.
        """
        arrays = (*arguments, *(given or self.shapes))
        shape = np.broadcast_shapes(*map(np.shape, arrays))
        return unflat(self.call(name, *(flat(array, shape) for array in arrays)), shape)

    def call(self, name: str, *arguments: Array, **named: Any) -> Any:
        """Call a private formula; refuse the distribution where it cannot be recorded."""
        try:
            with np.errstate(all="ignore"):
                return getattr(self.distribution, name)(*arguments, **named)
        except RefusalError as error:
            raise UnsupportedError(_refusal(self.distribution, name, error)) from error

    def formula_or_scipy(self, name: str, argument: Array) -> Array:
        """Return a formula, or what SciPy computes where its formula cannot be recorded."""
        noted = REFUSALS.get()
        before = len(noted or ())
        try:
            return self.formula(name, argument)
        except UnsupportedError:
            if noted is not None:  # SciPy's search may have met several
                del noted[before:]
        computed = COMPUTED["method"](self.distribution, name.removeprefix("_"))
        shape = np.broadcast_shapes(np.shape(argument), *map(np.shape, self.shapes))
        flattened = [flat(x, shape) for x in (argument, *self.shapes)]
        return unflat(computed(*flattened), shape)

    @property
    def support(self) -> tuple[Array, Array]:
        """The ends of the support, for loc 0 and scale 1."""
        low, high = self.call("_get_support", *self.shapes)
        return as_array(low), as_array(high)

    @property
    def badvalue(self) -> np.ndarray:
        """What SciPy returns for parameters that are not allowed: NaN."""
        return np.asarray(self.distribution.real.badvalue)

    @property
    def is_sample(self) -> bool:
        """Whether the distribution is one of given values."""
        return any(cls.__name__ == "rv_sample" for cls in type(self.distribution.real).__mro__)


def _refusal(distribution: Formulas, name: str, error: Exception) -> str:
    public = f"{distribution.public_name}.{name.removeprefix('_')}".rstrip(".")
    return f"{public}{at(user_source())} cannot be recorded: {error}"


def flat(array: Array, shape: Shape) -> Array:
    """Return an array of one axis; what has one element is not repeated."""
    if np.size(array) == 1:
        return np.reshape(array, (1,))
    return np.reshape(np.broadcast_to(array, shape), (math.prod(shape),))


def unflat(result: ArrayLike, shape: Shape) -> Array:
    """Return the result of a formula in the shape of its arguments."""
    result = as_array(result)
    if np.size(result) != math.prod(shape):
        return np.broadcast_to(np.reshape(result, ()), shape)
    return result if np.shape(result) == shape else np.reshape(result, shape)


def parse(distribution: Formulas, args: Any, kwargs: Any) -> Parameters:
    """Return the parameters of a call, checked as SciPy checks them."""
    try:
        shapes, loc, scale = distribution.real._parse_args(*args, **kwargs)
    except RefusalError as error:
        raise UnsupportedError(_refusal(distribution, "", error)) from error
    shapes, loc, scale = tuple(map(as_array, shapes)), as_array(loc), as_array(scale)
    empty = Parameters(distribution, shapes, loc, scale, are_valid=True)
    are_valid = empty.call("_argcheck", *shapes) & (scale > 0)
    return Parameters(distribution, shapes, loc, scale, are_valid)


def both(first: ArrayLike, second: ArrayLike) -> Array:
    """Return where two conditions hold."""
    return as_array(first).astype(np.bool_) & as_array(second).astype(np.bool_)
