"""``custom_derivative``: a user's own derivative, for functions that cannot be recorded."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from steepest.derivative.torch_calls import call_in_torch
from steepest.derivative.transform import record_pullback
from steepest.errors import InputError, SettingError
from steepest.graph.source import at, function_source
from steepest.ops import Case, Domain, Row, Rule
from steepest.ops.machine_code import HOST
from steepest.trace import as_traced, current, record
from steepest.trace.arrays.array import holds_traced
from steepest.trace.following.follow import follow
from steepest.trace.recording.dtypes import check_dtype

Pullback = Callable[..., Any]
Pushforward = Callable[..., Any]


class CustomFunction:
    """A function with its own derivative; :func:`custom_derivative` makes it.

    Parameters
    ----------
    function
        Called with plain arrays, whenever its value is needed.
    pullback, pushforward
        Its derivative in reverse and in forward mode; one of them may be None.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        pullback: Pullback | None,
        pushforward: Pushforward | None,
    ) -> None:
        functools.update_wrapper(self, function)
        self.function = function
        name = getattr(function, "__name__", type(function).__name__)
        self._where = f"{name}{at(function_source(function))}"
        self._pullback, self._pushforward = pullback, pushforward
        self._row = Row(
            name=f"custom:{name}",
            evaluate=self._evaluate,
            infer=lambda *operands, shape, dtype: (shape, dtype),
            derivative=Rule(self._pull, self._push),
            torch=self._torch,
            lower=HOST,
            domain=Domain(((-1.0, 1.0),), (Case(((),)),), smooth=False),
            kink="as the user's own rule says",
        )

    def __repr__(self) -> str:
        return f"<steepest custom function {self._where}>"

    def __call__(self, *arguments: Any) -> Any:
        """Compute the function, or record a call of it."""
        if not any(map(holds_traced, arguments)):
            return self.function(*arguments)
        operands = [as_traced(argument) for argument in arguments]
        result = self._checked(self.function(*(_plain(x.value, x) for x in operands)))
        called = record(self._row, *operands, shape=result.shape, dtype=result.dtype)
        called.is_scalar = result.ndim == 0
        return called

    def _checked(self, result: Any) -> np.ndarray:
        array = np.asarray(result)
        check_dtype(array.dtype)
        return array

    def _evaluate(self, *values: Any, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
        result = self._checked(self.function(*(_plain(np.array(v)) for v in values)))
        if result.shape != shape or result.dtype != dtype:
            raise InputError(
                f"{self._where} must return {dtype} of shape {shape}, as it did when it was "
                f"traced, got {result.dtype} of shape {result.shape}"
            )
        return result

    # Derivatives, recorded on traced arrays. Each mode follows from the other, because a
    # pullback is linear in the cotangent, and a pushforward in the tangents.

    def _pull(self, cotangent: Any, output: Any, *operands: Any, **_: Any) -> tuple[Any, ...]:
        if self._pullback is not None:
            given = follow(self._pullback, current())(cotangent, output, *operands)
            return self._as_cotangents(given, operands)
        return _transpose(
            lambda *tangents: self._push(tangents, output, *operands), operands, cotangent
        )

    def _push(self, tangents: Sequence[Any], output: Any, *operands: Any, **_: Any) -> Any:
        if self._pushforward is not None:
            return follow(self._pushforward, current())(tuple(tangents), output, *operands)

        def weighted_sum(cotangent: Any) -> Any:
            pieces = self._pull(cotangent, output, *operands)
            products = zip(pieces, tangents, strict=True)
            return sum((np.sum(piece * tangent) for piece, tangent in products), 0.0)

        (tangent,) = _transpose(weighted_sum, (output,), 1.0)
        return tangent

    def _as_cotangents(self, given: Any, operands: Sequence[Any]) -> tuple[Any, ...]:
        pieces = tuple(given) if isinstance(given, tuple | list) else (given,)
        if len(pieces) != len(operands):
            raise InputError(
                f"the pullback of {self._where} must return a cotangent for each of its "
                f"{len(operands)} arguments, got {len(pieces)}: return None for what has no slope"
            )
        result = []
        for number, (piece, operand) in enumerate(zip(pieces, operands, strict=True)):
            piece = as_traced(np.zeros_like(operand) if piece is None else piece)
            if piece.shape != operand.shape:
                raise InputError(
                    f"the pullback of {self._where} must return cotangents of the shapes of its "
                    f"arguments: number {number} has shape {operand.shape}, got {piece.shape}"
                )
            result.append(piece)
        return tuple(result)

    def _torch(self, t: Any, *tensors: Any, shape: Any, dtype: np.dtype) -> Any:
        evaluate = functools.partial(self._evaluate, shape=shape, dtype=dtype)
        return call_in_torch(t, tensors, evaluate, self._pull)


def _plain(value: np.ndarray, x: Any = None) -> Any:
    if x is not None and x.weak:
        return value.item()
    return value[()] if value.ndim == 0 else np.array(value)


def _transpose(
    function: Callable[..., Any], primals: Sequence[Any], cotangent: Any
) -> tuple[Any, ...]:
    """Return the cotangents of a linear function's arguments, which have the primals' shapes."""
    zeros = tuple(as_traced(np.zeros_like(primal)) for primal in primals)
    return record_pullback(function, zeros, cotangent)


def custom_derivative(
    function: Callable[..., Any] | None = None,
    *,
    pullback: Pullback | None = None,
    pushforward: Pushforward | None = None,
) -> Any:
    """Give a function a derivative of its own; also a decorator.

    The function itself is not recorded: it is called with plain NumPy arrays whenever its
    value is needed, also by compiled code. So it may do anything: call a library, read a
    table, run an iteration. Only its derivative is recorded.

    Parameters
    ----------
    function : callable
        Function of arrays and numbers, returning one array or number, whose shape and dtype
        follow from those of its arguments.
    pullback : callable, optional
        NumPy code of ``(cotangent, value, *arguments)``; returns a tuple with a cotangent
        for each argument, of its shape, or None where there is no slope.
    pushforward : callable, optional
        NumPy code of ``(tangents, value, *arguments)``, where `tangents` is a tuple; returns
        the tangent of the value. One of the two is enough: the other follows from it.

    Returns
    -------
    callable
        Of the same arguments.

    Raises
    ------
    SettingError
        Without any rule.
    InputError
        When a rule returns something of the wrong shape.

    Examples
    --------
    >>> import math, numpy as np, steepest as st
    >>> @st.custom_derivative(pullback=lambda cotangent, y, x: (cotangent * y,))
    ... def exponential(x):
    ...     return np.vectorize(math.exp)(x)
    >>> st.gradient(lambda x: np.sum(exponential(x)))(np.array([0.0, 1.0])).round(3)
    array([1.   , 2.718])
    """
    if pullback is None and pushforward is None:
        raise SettingError("custom_derivative needs a pullback or a pushforward")
    if function is None:
        return lambda f: CustomFunction(f, pullback, pushforward)
    if not callable(function):
        raise SettingError(f"custom_derivative needs a function, got {function!r}")
    return CustomFunction(function, pullback, pushforward)
