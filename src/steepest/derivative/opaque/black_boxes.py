"""Functions that are called as they are: ``black_box``, and what a fit cannot record."""

from __future__ import annotations

import functools
import types
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from steepest.derivative.opaque.called import Called, Kind
from steepest.derivative.opaque.differences import Mapper
from steepest.derivative.opaque.given_jacobians import given_jacobian, positions_of
from steepest.errors import RandomnessError, SettingError, UnsupportedError
from steepest.graph.source import at, user_source
from steepest.trace import current, is_tracing
from steepest.trace.arrays.registries import CALLS
from steepest.trace.following.opaque.calls import followed_callers, is_by_element
from steepest.trace.following.opaque.lifting import Lifted, lift
from steepest.trace.following.opaque.names import name_of
from steepest.trace.following.opaque.results import Returned, returned
from steepest.trace.recording.session import not_recording

CALL = "call:"
"""How the names of ops begin that call a function as it is."""


class ChangedResultError(UnsupportedError):
    """A function whose results do not always have the same shape or kind.

    Attributes
    ----------
    callers
        The code of the user's functions that called it when it was recorded.
    """

    def __init__(self, message: str, callers: Sequence[types.CodeType]) -> None:
        super().__init__(message)
        self.callers = callers


class BlackBox:
    """A function that is called as it is; :func:`black_box` makes it.

    Parameters
    ----------
    function
        Called with plain arrays.
    jac
        Its Jacobian, as in SciPy; None takes differences.
    kind
        What is known of the function.
    """

    def __init__(
        self, function: Callable[..., Any], jac: Callable[..., Any] | None, kind: Kind
    ) -> None:
        functools.update_wrapper(self, function)
        self.function, self._jac, self._kind = function, jac, kind

    def __repr__(self) -> str:
        return f"<steepest black box {name_of(self.function)}>"

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        """Return the bound method, where the function is one of a class."""
        return self if instance is None else functools.partial(self, instance)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the function, or record a call of it."""
        if not is_tracing():
            return self.function(*args, **kwargs)
        lifted = lift((self.function, args, kwargs, self._jac))
        name = name_of(self.function)
        if not lifted.operands:
            function, args, kwargs, _ = lifted.build(())
            return function(*args, **kwargs)
        return record_call(lifted, name, self._kind, has_jac=self._jac is not None)


def record_call(lifted: Lifted, name: str, kind: Kind, has_jac: bool = False) -> Any:
    """Record a call of a function as it is, and return its results.

    Parameters
    ----------
    lifted
        The function, its arguments, its arguments by name, and perhaps its Jacobian.
    name
        The name of the function.
    kind
        What is known of it.
    has_jac
        Whether its Jacobian is there.

    Raises
    ------
    RandomnessError
        If a second call with the same arguments gives something else.
    UnsupportedError
        If the results are no numbers, or an argument is changed in place.
    """
    session, where = current(), at(user_source())
    values = [np.array(session.value(x.node)) for x in lifted.operands]
    with not_recording():
        given = [x.copy() for x in values]
        found = _called(lifted, given)
        if not all(map(_are_same, given, values)):
            raise UnsupportedError(
                f"{name}{where} changes its arguments, which cannot be recorded: return new arrays"
            )
        second = _called(lifted, [x.copy() for x in values])
    result, again = returned(found, name), returned(second, name)
    if not (result.takes(again) and _are_same(result.joined(), again.joined())):
        raise RandomnessError(
            f"{name}{where} gives different values for the same arguments, so it has no "
            "derivative: draw random numbers outside, or make a generator from a seed inside it"
        )
    compute = functools.partial(_compute, lifted, result, name + where, followed_callers())
    if has_jac:
        positions = positions_of(lifted)
        given_by = functools.partial(given_jacobian, lifted, positions, result.shape, name + where)
        kind = kind._replace(given=given_by)
    called = Called(f"{CALL}{name}", compute, result.shape, result.dtype, kind)
    return result.rebuilt(called(*lifted.operands))


def _called(lifted: Lifted, values: Sequence[np.ndarray]) -> Any:
    function, args, kwargs, *_ = lifted.build(values)
    return function(*args, **kwargs)


def _are_same(a: np.ndarray, b: np.ndarray) -> bool:
    return a.shape == b.shape and bool(np.array_equal(a, b, equal_nan=a.dtype.kind == "f"))


def _compute(
    lifted: Lifted,
    like: Returned,
    what: str,
    callers: Sequence[types.CodeType],
    *values: np.ndarray,
) -> np.ndarray:
    """Return the function's results as one array of the shape that they had at first."""
    is_complex = any(x.dtype.kind == "c" for x in values)
    with not_recording():
        found = _called(lifted, [np.array(x) for x in values])
    result = returned(found, what, in_parts=not is_complex)
    if not like.takes(result):
        raise ChangedResultError(
            f"{what} must return {like}, as it did when it was recorded, and returns {result}",
            callers,
        )
    joined = result.joined()
    return joined if is_complex else joined.astype(like.dtype, copy=False)


def _record_unrecorded(function: Callable[..., Any], lifted: Lifted) -> Any:
    """Record a call of a function that a fit cannot record otherwise."""
    return record_call(lifted, name_of(function), Kind(by_element=is_by_element(function)))


CALLS["black box"] = _record_unrecorded


def black_box(
    function: Callable[..., Any] | None = None,
    *,
    derivative: str | Callable[..., Any] = "differences",
    workers: int | Callable[..., Any] | None = None,
) -> Any:
    """Call a function as it is, and take its derivative from differences; also a decorator.

    The function is not recorded. It is called with plain values whenever its value is needed,
    also by compiled code, so it may be compiled itself, or run a simulator. Everything around it
    stays exact.

    Parameters
    ----------
    function : callable
        Function of any arguments, which may be nested. It returns numbers or arrays, or
        containers of them, whose shapes follow from those of the arguments.
    derivative : {"differences"} or callable, optional
        By default a complex step if the function is analytic and takes complex numbers, else
        central differences. The step is chosen by the noise of the values, and by how much they
        bend. SciPy's ``"2-point"``, ``"3-point"`` and ``"cs"`` mean the same. A function is
        SciPy's `jac`: called with the same arguments, it returns the Jacobian by the first one,
        of shape ``value.shape + argument.shape``, or, as for ``curve_fit``, a column for each of
        the others; or a tuple with a Jacobian for each argument.
    workers : int or callable, optional
        How many threads compute values for differences at a time, or a function like ``map``,
        such as that of a pool of processes.

    Returns
    -------
    callable
        Of the same arguments.

    Raises
    ------
    SettingError
        If an argument has the wrong type.
    RandomnessError
        When the function is recorded, if it gives different values for the same arguments.
    UnsupportedError
        When the function is recorded, if it returns something else than numbers or changes its
        arguments.

    See Also
    --------
    custom_derivative : Give a derivative that is NumPy code and is recorded itself.

    Notes
    -----
    A difference needs two values for each number that the function is differentiated by, and some
    more where it bends or hardly changes. The noise is estimated once, from seven values or
    fourteen, by a table of differences [1]_. A complex step needs one value, and is checked by a
    difference at each point.

    References
    ----------
    .. [1] J. J. Moré and S. M. Wild, "Estimating computational noise", SIAM Journal on Scientific
       Computing 33(3), 1292-1314, 2011.

    Examples
    --------
    >>> import math, numpy as np, steepest as st
    >>> @st.black_box
    ... def simulate(rate):
    ...     value = 1.0
    ...     for _ in range(10):
    ...         value += 0.1 * math.sin(rate) * value
    ...     return value
    >>> st.gradient(lambda x: simulate(x[0]) * x[1])(np.array([0.0, 2.0])).round(6)
    array([2., 1.])
    """
    mapper = _mapper(workers)
    jac = derivative if callable(derivative) else None
    if jac is None and derivative not in ("differences", "2-point", "3-point", "cs"):
        raise SettingError(
            f"derivative must be 'differences' or a function that returns the Jacobian, got "
            f"{derivative!r}"
        )

    def boxed(f: Callable[..., Any]) -> BlackBox:
        if not callable(f):
            raise SettingError(f"black_box needs a function, got {f!r}")
        return BlackBox(f, jac, Kind(by_element=is_by_element(f), mapper=mapper))

    return boxed if function is None else boxed(function)


def _mapper(workers: Any) -> Mapper:
    if workers is None:
        return map
    if callable(workers):
        mapper: Mapper = workers
        return mapper
    is_number = isinstance(workers, int) and not isinstance(workers, bool)
    if not is_number or not (workers == -1 or workers > 0):
        raise SettingError(
            f"workers must be a number of threads, -1 for all, or a function like map, got "
            f"{workers!r}"
        )
    if workers == 1:
        return map
    pool = ThreadPoolExecutor(None if workers == -1 else workers)
    return pool.map
