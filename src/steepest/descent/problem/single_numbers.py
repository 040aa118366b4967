"""Start values that are a single number, which SciPy makes an array of one element."""

from __future__ import annotations

import functools
import numbers
from collections.abc import Callable, Iterator
from typing import Any, ParamSpec, TypeVar

import numpy as np

_P = ParamSpec("_P")
_R = TypeVar("_R")


def _as_array(number: np.generic) -> np.ndarray:
    return np.reshape(np.array(number), 1)


def _item(number: Any, key: Any) -> Any:
    return _as_array(number)[key]


def _items(number: Any) -> Iterator[Any]:
    return iter(_as_array(number))


# NumPy takes them for its own numbers only if its class is the first base.


class Number64(np.float64):
    """A float64 that is a parameter. It can be indexed, as in ``result.x[0]``."""

    __slots__ = ()
    __getitem__, __iter__, __len__ = _item, _items, lambda number: 1


class Number32(np.float32):
    """A float32 that is a parameter. It can be indexed, as in ``result.x[0]``."""

    __slots__ = ()
    __getitem__, __iter__, __len__ = _item, _items, lambda number: 1


def as_parameter(value: Any) -> Any:
    """Return a number of NumPy's that can also be indexed."""
    kinds = {np.float64: Number64, np.float32: Number32}
    kind = kinds.get(type(value))
    return value if kind is None else kind(value)


def numbers_as_arrays(fit: Callable[_P, _R]) -> Callable[_P, _R]:
    """Decorate ``fit(function, x0, ...)``, for functions that take a number as SciPy gives it.

    A function of a number gets a number. If it then fails because it expects an array, as
    ``x[0]`` does, it gets an array of one element.
    """

    @functools.wraps(fit)
    def call(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        try:
            return fit(*args, **kwargs)
        except (IndexError, TypeError) as error:
            x0 = args[1] if len(args) > 1 else kwargs.get("x0")
            if not (isinstance(x0, numbers.Real) or (isinstance(x0, np.ndarray) and x0.ndim == 0)):
                raise
            first = error
        array = np.reshape(np.asarray(x0), 1)
        with_array: Callable[..., _R] = fit
        try:
            if len(args) > 1:
                return with_array(args[0], array, *args[2:], **kwargs)
            return with_array(*args, **{**kwargs, "x0": array})
        except (IndexError, TypeError):
            raise first from None

    return call
