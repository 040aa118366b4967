"""The op of a function that is called as it is: its value, and its derivatives as further ops.

Each derivative is a function that is called as well, so that it has a derivative of its own.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple
from weakref import WeakSet

import numpy as np

from steepest.derivative.opaque.differences import (
    Mapper,
    complex_jacobian,
    direction_line,
    jacobian,
    noise_of,
    slope,
    slopes_by_element,
)
from steepest.derivative.torch_calls import call_in_torch
from steepest.graph import Shape
from steepest.ops import Case, Domain, Row, Rule, Zero, is_zero
from steepest.ops.machine_code import HOST
from steepest.trace import TracedArray, as_traced, record

MOST_COLUMNS = 16
"""Largest number of elements whose derivatives are all computed for a derivative along a line."""

Compute = Callable[..., np.ndarray]
"""A function of plain arrays, one for each operand, with values of fixed shape and dtype."""


class Kind(NamedTuple):
    """What is known of a function that is called.

    Attributes
    ----------
    by_element
        Whether each element of the result depends on the elements at its position alone.
    takes_complex
        Whether complex numbers are tried.
    mapper
        Computes several values, perhaps in parallel.
    noise
        Relative noise of the values; None if it is to be estimated.
    given
        Returns the Jacobian by the operand of a number, shape (m, n), from the operands' values;
        None takes differences.
    """

    by_element: bool = False
    takes_complex: bool = True
    mapper: Mapper = map
    noise: float | None = None
    given: Callable[..., np.ndarray] | None = None


_rows: WeakSet[Row] = WeakSet()
"""The ops of functions that are called."""


def is_differenced(op: Row) -> bool:
    """Whether an op calls a function whose derivatives come from differences."""
    return op in _rows


class Called:
    """A function of plain arrays as an op.

    Parameters
    ----------
    name
        Its name.
    compute
        The function.
    shape, dtype
        Of its values.
    kind
        What is known of it.
    """

    def __init__(
        self, name: str, compute: Compute, shape: Shape, dtype: np.dtype, kind: Kind
    ) -> None:
        self.name, self.shape, self.dtype, self.kind = name, shape, dtype, kind
        self.compute = compute
        self.noise = kind.noise
        self._is_analytic: dict[int, bool] = {}
        self._rows: dict[Any, Called] = {}
        self.row = Row(
            name=name,
            evaluate=compute,
            infer=lambda *operands: (shape, dtype),
            derivative=Rule(self._pull, self._push) if dtype.kind == "f" else Zero(),
            torch=lambda t, *tensors: call_in_torch(t, tensors, compute, self._pull),
            lower=HOST,
            domain=Domain(((-1.0, 1.0),), (Case(((),)),), smooth=False),
            kink="as the function's own differences say",
        )
        if kind.given is None:
            _rows.add(self.row)

    def __repr__(self) -> str:
        return f"<called {self.name}>"

    def __call__(self, *operands: TracedArray) -> TracedArray:
        """Record a call."""
        return record(self.row, *operands)

    # Derivatives, recorded on traced arrays.

    def _pull(self, cotangent: Any, output: Any, *operands: Any) -> tuple[Any, ...]:
        return tuple(
            self._pulled(cotangent, i, operands) if x.dtype.kind == "f" else np.zeros_like(x)
            for i, x in enumerate(operands)
        )

    def _pulled(self, cotangent: Any, i: int, operands: Sequence[Any]) -> Any:
        if self._is_by_element(operands[i].shape):
            return cotangent * self._slopes(i, operands)
        flat = np.matmul(np.reshape(cotangent, (-1,)), self._jacobian(i, operands))
        return np.reshape(flat, operands[i].shape)

    def _push(self, tangents: Sequence[Any], output: Any, *operands: Any) -> Any:
        moved = [
            i
            for i, (x, tangent) in enumerate(zip(operands, tangents, strict=True))
            if x.dtype.kind == "f" and not is_zero(tangent.node)
        ]
        if all(self._is_by_element(operands[i].shape) for i in moved):
            terms = [self._slopes(i, operands) * tangents[i] for i in moved]
        elif self.kind.given or sum(operands[i].size for i in moved) <= MOST_COLUMNS:
            terms = [
                np.matmul(self._jacobian(i, operands), np.reshape(tangents[i], (-1,)))
                for i in moved
            ]
        else:
            along = [tangents[i] for i in moved]
            terms = [self._along(tuple(moved), len(operands))(*operands, *along)]
        total: Any = np.zeros(self.shape, self.dtype)
        for term in terms:
            total = total + np.reshape(term, self.shape)
        return as_traced(total)

    def _is_by_element(self, shape: Shape) -> bool:
        return self.kind.by_element and self.kind.given is None and shape in (self.shape, ())

    # Derivatives as functions that are called.

    def _slopes(self, i: int, operands: Sequence[Any]) -> Any:
        compute = functools.partial(self._compute_slopes, i)
        return self._derived(("slopes", i), compute, self.shape)(*operands)

    def _jacobian(self, i: int, operands: Sequence[Any]) -> Any:
        size = int(np.prod(self.shape, dtype=int))
        compute = functools.partial(self._compute_jacobian, i)
        return self._derived(("jacobian", i), compute, (size, operands[i].size))(*operands)

    def _along(self, moved: tuple[int, ...], count: int) -> Called:
        compute = functools.partial(self._compute_along, moved, count)
        return self._derived(("along", moved), compute, self.shape)

    def _derived(self, key: Any, compute: Compute, shape: Shape) -> Called:
        if key not in self._rows:
            noise = None if self.kind.given is None else self.noise
            kind = Kind(mapper=self.kind.mapper, takes_complex=False, noise=noise)
            name = f"{key[0]}:{self.name}"
            self._rows[key] = Called(name, compute, shape, self.dtype, kind)
        return self._rows[key]

    def _compute_slopes(self, i: int, *values: np.ndarray) -> np.ndarray:
        x = np.broadcast_to(values[i], self.shape)

        def moved(now: np.ndarray) -> np.ndarray:
            return self.compute(*values[:i], now, *values[i + 1 :])

        value = self.compute(*values)
        found = self._analytic(i, lambda: self._by_complex_element(moved, x, value))
        if found is not None:
            return found
        return slopes_by_element(moved, value, x, self._noise_at(values))

    def _analytic(self, i: int, compute: Callable[[], np.ndarray | None]) -> np.ndarray | None:
        """Return a derivative by complex steps; None if the function is not analytic here.

        If it is not where this is asked first, it is not asked again.
        """
        if not self.kind.takes_complex or not self._is_analytic.get(i, True):
            return None
        found: np.ndarray | None = _tried(compute)
        self._is_analytic.setdefault(i, found is not None)
        return found

    def _by_complex_element(
        self, moved: Callable[[np.ndarray], np.ndarray], x: np.ndarray, value: np.ndarray
    ) -> np.ndarray | None:
        """Return the slopes by a complex step; None unless differences agree."""
        step = 1e-30 * np.where(x == 0, 1.0, np.abs(x))
        found = _tried(lambda: moved(x + 1j * step))
        if found is None or found.dtype.kind != "c" or not np.isfinite(found).all():
            return None
        slopes = found.imag / step
        expected = slopes_by_element(moved, value, x, np.finfo(self.dtype).eps)
        gap = np.abs(slopes - expected)
        if (np.abs(found.real - value) > 1e-10 * np.abs(value)).any():
            return None
        scale = np.abs(expected) + np.abs(value) / np.where(x == 0, 1.0, np.abs(x))
        result: np.ndarray | None = slopes if (gap <= 1e-6 * scale).all() else None
        return result

    def _compute_jacobian(self, i: int, *values: np.ndarray) -> np.ndarray:
        if self.kind.given is not None:
            return np.asarray(self.kind.given(i, *values), self.dtype)
        shape = values[i].shape

        def moved(x: np.ndarray) -> np.ndarray:
            inside = self.compute(*values[:i], x.reshape(shape), *values[i + 1 :])
            return inside.reshape(-1)

        value, x = self.compute(*values).reshape(-1), np.array(values[i]).reshape(-1)
        noise = self._noise_at(values)
        found = self._analytic(
            i, lambda: complex_jacobian(moved, x, value, noise, self.kind.mapper)
        )
        if found is not None:
            return found
        return jacobian(moved, x, value, noise, self.kind.mapper)

    def _compute_along(self, moved: tuple[int, ...], count: int, *given: np.ndarray) -> np.ndarray:
        values, tangents = given[:count], given[count:]
        x, direction = (_joined(x) for x in ([values[i] for i in moved], tangents))
        line, size = direction_line(lambda now: self._at(values, moved, now), x, direction)
        noise = self._noise_at(values)
        return slope(line, self.compute(*values).reshape(-1), size, noise).reshape(self.shape)

    def _at(self, values: Sequence[np.ndarray], moved: Sequence[int], x: np.ndarray) -> np.ndarray:
        """Return the value where some operands are replaced by the pieces of a vector."""
        now, start = list(values), 0
        for i in moved:
            now[i] = x[start : start + now[i].size].reshape(now[i].shape)
            start += now[i].size
        return self.compute(*now).reshape(-1)

    def _noise_at(self, values: Sequence[np.ndarray]) -> float:
        """Return the noise of the values; it is estimated where it is needed first."""
        if self.noise is None:
            real = [i for i, x in enumerate(values) if x.dtype.kind == "f" and x.size]
            epsilon = max([float(np.finfo(values[i].dtype).eps) for i in real], default=0.0)
            epsilon = max(epsilon, float(np.finfo(self.dtype).eps))
            x = np.concatenate([np.reshape(values[i], -1) for i in real])
            size = np.where(x == 0, 1.0, np.abs(x))
            line = lambda step: self._at(values, real, x + step * size)
            self.noise = noise_of(line, 1.0, epsilon)
        return self.noise


def _joined(parts: Sequence[np.ndarray]) -> np.ndarray:
    return np.concatenate([np.reshape(part, -1) for part in parts])


def _tried(compute: Callable[[], Any]) -> Any:
    """Return a value for complex numbers; None if they are not taken."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", np.exceptions.ComplexWarning)
            return compute()
    except Exception:
        return None
