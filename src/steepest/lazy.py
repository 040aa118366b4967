"""Values computed once: attributes of an object, and results kept for the same key."""

from __future__ import annotations

import functools
import types
import weakref
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Generic, TypeVar, overload

_T = TypeVar("_T")


class lazy(Generic[_T]):  # noqa: N801 - used as functools.cached_property is
    """Decorate a method: an attribute that is computed when it is first asked for.

    Before Python 3.12, ``functools.cached_property`` takes a lock each time. That costs more
    than most of what is computed here.
    """

    def __init__(self, function: Callable[[Any], _T]) -> None:
        self._function, self._name = function, function.__name__
        self.__doc__ = function.__doc__

    @overload
    def __get__(self, instance: None, owner: type) -> lazy[_T]: ...

    @overload
    def __get__(self, instance: object, owner: type) -> _T: ...

    def __get__(self, instance: object | None, owner: type) -> lazy[_T] | _T:
        if instance is None:
            return self
        value = instance.__dict__[self._name] = self._function(instance)
        return value


def keep_recent(cache: OrderedDict[Any, Any], key: Any, value: Any, limit: int) -> None:
    """Put a value last in a cache, and drop the first ones if there are more than `limit`."""
    cache[key] = value
    cache.move_to_end(key)
    while len(cache) > limit:
        cache.popitem(last=False)


def cached_by_args(function: Callable[..., Any]) -> Callable[..., Any]:
    """Decorate a function: it returns the same object for the same arguments.

    Results for arguments without a hash are computed each time. Functions among the arguments
    are not kept alive.
    """

    @functools.lru_cache(maxsize=256)
    def cached(*keys: Any) -> Any:
        return function(*[key() if isinstance(key, weakref.ref) else key for key in keys])

    @functools.wraps(function)
    def call(*args: Any) -> Any:
        keys = [weakref.ref(arg) if type(arg) is types.FunctionType else arg for arg in args]
        try:
            hash(tuple(keys))
        except TypeError:
            return function(*args)
        return cached(*keys)

    return call
