"""NumPy's and Python's functions of complex numbers that are not elementwise ufuncs."""

from __future__ import annotations

import cmath
from collections.abc import Callable
from typing import Any

import numpy as np

from steepest.trace.arrays.array import as_traced
from steepest.trace.arrays.assignment import freeze
from steepest.trace.arrays.complex import (
    FUNCTIONS,
    UFUNCS,
    TracedComplex,
    as_complex,
    is_complex,
    refuse_complex,
)
from steepest.trace.arrays.numbers import python_number
from steepest.trace.arrays.registries import FUNCTIONS as REAL_FUNCTIONS
from steepest.trace.following.stand_ins import seen_type
from steepest.trace.functions.numpy.complex.elementwise import Parts, log
from steepest.trace.functions.python import sees
from steepest.trace.functions.registry import Array, ArrayLike, DType, as_array, implements

# Linear functions act on real and imaginary parts.

_LINEAR = (
    np.sum, np.mean, np.cumsum, np.reshape, np.ravel, np.transpose, np.swapaxes, np.moveaxis,
    np.expand_dims, np.squeeze, np.broadcast_to, np.flip, np.fliplr, np.flipud, np.roll, np.take,
    np.repeat, np.tile, np.diagonal, np.trace, np.diff, np.copy, np.tril, np.triu, np.diag,
    np.atleast_1d, np.atleast_2d, np.pad, np.zeros_like, np.empty_like, np.average,
)  # fmt: skip


def _on_parts(function: Any) -> Callable[..., Any]:
    def implementation(z: ArrayLike, *args: Any, **kwargs: Any) -> Array:
        dtype = kwargs.pop("dtype", None)
        if dtype is not None and np.dtype(dtype) != as_complex(z).dtype:
            refuse_complex(f"np.{function.__name__} with dtype={dtype}")
        return as_complex(z).on_parts(REAL_FUNCTIONS[function], *args, **kwargs)

    return implementation


_function: Any
for _function in _LINEAR:
    FUNCTIONS[_function] = _on_parts(_function)


def _joined(function: Any) -> Callable[..., Any]:
    def implementation(arrays: ArrayLike, *args: Any, **kwargs: Any) -> Parts:
        parts = [as_complex(array) for array in arrays]
        real = REAL_FUNCTIONS[function]([part.real for part in parts], *args, **kwargs)
        return Parts(real, REAL_FUNCTIONS[function]([p.imag for p in parts], *args, **kwargs))

    return implementation


for _function in (np.concatenate, np.stack, np.hstack, np.vstack, np.column_stack):
    FUNCTIONS[_function] = _joined(_function)


# Products.


def _bilinear(function: Callable[..., Any]) -> Callable[..., Any]:
    def implementation(a: ArrayLike, b: ArrayLike, *args: Any, **kwargs: Any) -> Parts:
        a, b = as_complex(a), as_complex(b)

        def product(x: ArrayLike, y: ArrayLike) -> Array:
            return function(x, y, *args, **kwargs)

        return Parts(
            product(a.real, b.real) - product(a.imag, b.imag),
            product(a.real, b.imag) + product(a.imag, b.real),
        )

    return implementation


UFUNCS[np.matmul] = _bilinear(np.matmul)
for _function in (np.dot, np.inner, np.outer, np.tensordot, np.kron, np.convolve):
    FUNCTIONS[_function] = _bilinear(_function)


def _stacked(a: TracedComplex) -> Array:
    """Return the real matrix that acts on stacked real and imaginary parts as a does."""
    above = np.concatenate([a.real, -a.imag], -1)
    return np.concatenate([above, np.concatenate([a.imag, a.real], -1)], -2)


def _solve(a: ArrayLike, b: ArrayLike) -> Array:
    a, b = as_complex(a), as_complex(b)
    is_vector = b.ndim == 1
    columns = b[:, None] if is_vector else b
    right = np.concatenate([columns.real, columns.imag], -2)
    x = np.linalg.solve(_stacked(a), right)
    size = a.shape[-1]
    made = Parts(x[..., :size, :], x[..., size:, :])
    return made[..., 0] if is_vector else made


FUNCTIONS[np.linalg.solve] = _solve
FUNCTIONS[np.linalg.inv] = lambda a: _solve(a, np.eye(as_complex(a).shape[-1]) + 0j)


@implements(np.imag, attribute="imag")
def imag(val: ArrayLike) -> Array:
    val = as_traced(val)
    if val.weak:
        return as_traced(0.0 if val.dtype.kind == "f" else 0)
    zeros = np.zeros_like(val)
    return zeros if zeros.is_scalar else freeze(zeros, "the imaginary part of reals is read-only")


@implements(np.angle)
def angle(z: ArrayLike, deg: bool = False) -> Array:
    z = as_complex(z) if is_complex(z) else as_array(z)
    radians = np.arctan2(z.imag if is_complex(z) else 0, z.real)
    return np.degrees(radians) if deg else radians


@implements(np.real_if_close)
def real_if_close(a: ArrayLike, tol: float = 100) -> Array:
    """Return the real part where all imaginary parts are small; whether they are is a guard."""
    if not is_complex(a):
        return as_array(a)
    z = as_complex(a)
    most = np.finfo(z.dtype).eps * tol if tol > 1 else tol
    return z.real if bool(np.all(np.abs(z.imag) < most)) else z


FUNCTIONS[np.real_if_close] = real_if_close
FUNCTIONS[np.angle] = angle
FUNCTIONS[np.real] = lambda z: as_complex(z).real
FUNCTIONS[np.imag] = lambda z: as_complex(z).imag
FUNCTIONS[np.vdot] = lambda a, b: FUNCTIONS[np.dot](
    np.conjugate(FUNCTIONS[np.ravel](a)), FUNCTIONS[np.ravel](b)
)
FUNCTIONS[np.iscomplexobj] = lambda z: True
FUNCTIONS[np.isrealobj] = lambda z: False
FUNCTIONS[np.shape] = lambda z: as_complex(z).shape
FUNCTIONS[np.ndim] = lambda z: as_complex(z).ndim
FUNCTIONS[np.size] = lambda z: as_complex(z).size
FUNCTIONS[np.ones_like] = lambda z: as_complex(np.ones_like(as_complex(z).real))


def _where(condition: ArrayLike, a: ArrayLike, b: ArrayLike) -> Parts:
    a, b = as_complex(a), as_complex(b)
    return Parts(np.where(condition, a.real, b.real), np.where(condition, a.imag, b.imag))


def _array(value: ArrayLike, dtype: DType = None, **options: Any) -> Array:
    made = as_complex(value)
    if dtype is not None and np.dtype(dtype) not in (made.dtype, complex):
        refuse_complex(f"np.array with dtype={dtype}")
    return made.on_parts(np.array, **options)


def _as_array(value: ArrayLike, dtype: DType = None, **options: Any) -> Array:
    if isinstance(value, TracedComplex) and dtype is None and not options:
        return value
    return _array(value, dtype, **options)


FUNCTIONS[np.where] = _where
FUNCTIONS[np.array], FUNCTIONS[np.asarray] = _array, _as_array


# Python's complex numbers.


def _to_complex(real: ArrayLike = 0.0, imag: ArrayLike = 0.0) -> TracedComplex:
    made = as_complex(real)
    return Parts(made.real - as_complex(imag).imag, made.imag + as_complex(imag).real)


def _polar(z: ArrayLike) -> Any:
    return np.abs(as_complex(z)), angle(z)


def _to_python_complex(real: ArrayLike = 0.0, imag: ArrayLike = 0.0) -> TracedComplex:
    """Return a Python complex number, whose parts are Python floats."""
    return _to_complex(real, imag).on_parts(python_number)


def _of_complex(implementation: Callable[..., Any]) -> Callable[..., Any]:
    return lambda z: implementation(as_complex(z)).on_parts(python_number)


def _to_single(*parts: Any) -> TracedComplex:
    return _to_complex(*parts).on_parts(np.astype, np.float32)


seen_type(complex, _to_python_complex)
seen_type(np.complex64, _to_single)
seen_type(np.complex128, _to_complex)
for _name in ("exp", "log10", "sqrt", "sin", "cos", "tan", "sinh", "cosh", "tanh"):
    sees(getattr(cmath, _name))(_of_complex(UFUNCS[getattr(np, _name)]))
sees(cmath.log)(lambda z: log(as_complex(z)))
sees(cmath.phase)(angle)
sees(cmath.polar)(_polar)
sees(cmath.rect)(lambda r, phi: Parts(r * np.cos(phi), r * np.sin(phi)))
