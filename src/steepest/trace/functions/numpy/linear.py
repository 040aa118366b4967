"""NumPy's linear algebra."""

from __future__ import annotations

from typing import Any

import numpy as np

from steepest.errors import InputError
from steepest.graph.source import at, is_within_try, user_source
from steepest.ops import TABLE
from steepest.ops.arrays.reduction import keep_axes
from steepest.ops.linear_algebra.matrices import from_lower
from steepest.ops.linear_algebra.spectral import eigh_parts, svd_parts
from steepest.trace.arrays.array import TracedArray, as_traced, record
from steepest.trace.arrays.complex import FUNCTIONS as COMPLEX_FUNCTIONS
from steepest.trace.arrays.complex import TracedComplex
from steepest.trace.arrays.numbers import python_number
from steepest.trace.arrays.refusals import refuse
from steepest.trace.functions.numpy.reductions.sums import root
from steepest.trace.functions.registry import (
    Array,
    ArrayLike,
    Axes,
    MatrixError,
    demand_no_list,
    demand_square,
    implements,
    node_cast,
    normalize_axes,
)
from steepest.trace.recording.session import current


def _vector_norm(x: ArrayLike, ord: float | str | None, axis: Axes) -> Array:
    if ord in (None, 2):
        return root(np.sum(np.square(x), axis=axis))
    if ord == np.inf:
        return np.max(np.abs(x), axis=axis)
    if ord == -np.inf:
        return np.min(np.abs(x), axis=axis)
    if ord == 0:
        return np.sum((x != 0).astype(x.dtype), axis=axis)
    if ord == 1:
        return np.sum(np.abs(x), axis=axis)
    if isinstance(ord, str):
        raise InputError(
            f"np.linalg.norm{at(user_source())}: invalid norm order {ord!r} for vectors"
        )
    total = np.sum(np.abs(x) ** ord, axis=axis)
    is_zero = total == 0
    return np.where(is_zero, 0, np.where(is_zero, 1, total) ** (1.0 / ord))


@implements(np.linalg.norm)
def norm(
    x: ArrayLike, ord: float | str | None = None, axis: Axes = None, keepdims: bool = False
) -> Array:
    x, axis = as_traced(x), demand_no_list(axis)
    x = x if x.dtype.kind == "f" else x.astype(np.float64)
    if axis is None and (ord is None or (x.ndim == 2 and ord == "fro")):
        result = root(np.sum(np.square(x)))
        return keep_axes(result, tuple(range(x.ndim)), x.ndim) if keepdims else result
    axes = normalize_axes(axis, x.ndim)
    if len(axes) == 1:
        result = _vector_norm(x, ord, axes[0])
    elif len(axes) == 2:
        result = _matrix_norm(_matrices(x, axis), ord)
    else:
        raise InputError(f"np.linalg.norm{at(user_source())}: improper number of dimensions")
    return keep_axes(result, axes, x.ndim) if keepdims else result


def _matrices(x: ArrayLike, axis: Axes) -> Array:
    """Move the two axes of matrices to the end."""
    return x if axis is None else np.moveaxis(x, axis, (-2, -1))


def _norm_of_complex(
    x: TracedComplex, ord: float | str | None = None, axis: Axes = None, keepdims: bool = False
) -> Array:
    if ord not in (2, -2, "nuc") or len(normalize_axes(axis, x.ndim)) != 2:
        return norm(np.abs(x), ord, axis, keepdims)
    parts = _matrices(x.real, axis), _matrices(x.imag, axis)
    result = _norm_of_singular_values(_complex_svdvals(*parts), ord)
    return keep_axes(result, normalize_axes(axis, x.ndim), x.ndim) if keepdims else result


def _complex_svdvals(real: ArrayLike, imag: ArrayLike) -> Array:
    """Return the singular values of complex matrices.

    The real matrix [[real, -imag], [imag, real]] has the same ones, each twice.
    """
    upper = np.concatenate([real, np.negative(imag)], axis=-1)
    lower = np.concatenate([imag, real], axis=-1)
    twice = svdvals(np.concatenate([upper, lower], axis=-2))
    return 0.5 * (twice[..., ::2] + twice[..., 1::2])


def _norm_of_singular_values(values: ArrayLike, ord: float | str | None) -> Array:
    """Return a matrix norm from the singular values."""
    if ord == "nuc":
        return np.sum(values, axis=-1)
    return np.max(values, axis=-1) if ord == 2 else np.min(values, axis=-1)


def _matrix_norm(x: ArrayLike, ord: float | str | None) -> Array:
    if ord in (None, "fro"):
        return root(np.sum(np.square(x), axis=(-2, -1)))
    if ord in (1, -1):
        totals = np.sum(np.abs(x), axis=-2)
    elif ord in (np.inf, -np.inf):
        totals = np.sum(np.abs(x), axis=-1)
    elif ord in (2, -2, "nuc"):
        return _norm_of_singular_values(svdvals(x), ord)
    else:
        raise InputError(f"np.linalg.norm{at(user_source())}: invalid norm order {ord!r}")
    return np.max(totals, axis=-1) if ord in (1, np.inf) else np.min(totals, axis=-1)


COMPLEX_FUNCTIONS[np.linalg.norm] = _norm_of_complex
COMPLEX_FUNCTIONS[np.linalg.matrix_norm] = lambda x, /, *, keepdims=False, ord="fro": (
    _norm_of_complex(x, ord, (-2, -1), keepdims)
)


@implements(np.linalg.vector_norm)
def vector_norm(
    x: ArrayLike, /, *, axis: Axes = None, keepdims: bool = False, ord: float | str | None = 2
) -> Array:
    x = _floating(x)
    axes = normalize_axes(demand_no_list(axis), x.ndim)
    if len(axes) == 1:
        return norm(x, ord, axes[0], keepdims)
    rest = tuple(i for i in range(x.ndim) if i not in axes)
    flat = np.reshape(np.transpose(x, (*rest, *axes)), (*(x.shape[i] for i in rest), -1))
    result = _vector_norm(flat, ord, -1)
    return keep_axes(result, axes, x.ndim) if keepdims else result


COMPLEX_FUNCTIONS[np.linalg.vector_norm] = lambda x, /, **options: vector_norm(
    np.abs(x), **options
)


@implements(np.linalg.matrix_norm)
def matrix_norm(
    x: ArrayLike, /, *, keepdims: bool = False, ord: float | str | None = "fro"
) -> Array:
    return norm(x, ord, (-2, -1), keepdims)


def _floating(a: ArrayLike) -> Array:
    a = as_traced(a)
    return a if a.dtype.kind == "f" else a.astype(np.float64)


def _raising(name: str, message: str, *operands: Any) -> Array:
    """Record an op that may raise LinAlgError. Inside a ``try``, its success becomes a guard."""
    if is_within_try():
        fine: Any = record(TABLE["succeeds"], *operands, of=name)
        if not current().decide(fine.node):
            raise np.linalg.LinAlgError(message)
    return record(TABLE[name], *operands)


def _square(name: str, a: ArrayLike) -> Array:
    a = _floating(a)
    demand_square(name, a)
    return a


@implements(np.linalg.solve)
def solve(a: ArrayLike, b: ArrayLike) -> Array:
    a, b = _square("solve", a), _floating(b)
    dtype = np.result_type(a.dtype, b.dtype)
    column = b[:, None] if b.ndim == 1 else b
    if column.shape[-2] != a.shape[-1]:
        raise InputError(
            f"np.linalg.solve{at(user_source())}: shapes {a.shape} and {b.shape} do not fit"
        )
    x = _raising("solve", "Singular matrix", node_cast(a, dtype), node_cast(column, dtype))
    return x[..., 0] if b.ndim == 1 else x


@implements(np.linalg.inv)
def inv(a: ArrayLike) -> Array:
    a = _square("inv", a)
    return solve(a, np.broadcast_to(as_traced(np.eye(a.shape[-1], dtype=a.dtype)), a.shape))


@implements(np.linalg.det)
def det(a: ArrayLike) -> TracedArray:
    return record(TABLE["det"], _square("det", a))


@implements(np.linalg.slogdet)
def slogdet(a: ArrayLike) -> tuple[Array, Array]:
    a = _square("slogdet", a)
    kind = type(np.linalg.slogdet(np.eye(1)))
    return kind(record(TABLE["detsign"], a), record(TABLE["logabsdet"], a))


@implements(np.linalg.cholesky)
def cholesky(a: ArrayLike, /, *, upper: bool = False) -> Array:
    a = _square("cholesky", a)
    message = "Matrix is not positive definite"
    if upper:
        return np.swapaxes(_raising("cholesky", message, np.swapaxes(a, -1, -2)), -1, -2)
    return _raising("cholesky", message, a)


@implements(np.linalg.eigh)
def eigh(a: ArrayLike, UPLO: str = "L") -> tuple[Array, Array]:
    a = _square("eigh", a)
    if UPLO.upper() not in ("L", "U"):
        raise InputError(f"np.linalg.eigh{at(user_source())}: UPLO={UPLO!r} must be 'L' or 'U'")
    kind = type(np.linalg.eigh(np.eye(1)))
    return kind(*eigh_parts(a, UPLO.upper() == "U"))


@implements(np.linalg.eigvalsh)
def eigvalsh(a: ArrayLike, UPLO: str = "L") -> Array:
    return eigh(a, UPLO)[0]


def _hermitian_svd(a: ArrayLike) -> tuple[Any, Any, Any]:
    """Return the SVD of symmetric matrices from their eigenvalues, as NumPy does."""
    w, u = eigh_parts(_square("svd", a))
    falling = np.argsort(np.abs(w), axis=-1)[..., ::-1]
    w = np.take_along_axis(w, falling, axis=-1)
    u = np.take_along_axis(u, falling[..., None, :], axis=-1)
    return u, np.abs(w), np.swapaxes(u * np.copysign(1.0, w)[..., None, :], -1, -2)


@implements(np.linalg.svd)
def svd(
    a: ArrayLike, full_matrices: bool = True, compute_uv: bool = True, hermitian: bool = False
) -> Array | tuple[Array, Array, Array]:
    a = _floating(a)
    u, s, vh = _hermitian_svd(a) if hermitian else svd_parts(a)
    if not compute_uv:
        return s
    if full_matrices and a.shape[-1] != a.shape[-2]:
        refuse("np.linalg.svd with full_matrices=True of a matrix that is not square")
    return type(np.linalg.svd(np.eye(1)))(u, s, vh)


@implements(np.linalg.svdvals)
def svdvals(x: ArrayLike, /) -> Array:
    return svd_parts(_floating(x))[1]


@implements(np.linalg.qr)
def qr(a: ArrayLike, mode: str = "reduced") -> Array:
    a = _floating(a)
    if a.ndim < 2:
        raise MatrixError(f"np.linalg.qr{at(user_source())}: a number or vector is no matrix")
    rows, columns = a.shape[-2:]
    if mode not in ("reduced", "r") or rows < columns:
        refuse(f"np.linalg.qr with mode={mode!r} of a matrix of shape {a.shape}")
    if mode == "r":
        return record(TABLE["triangle"], a)
    packed = record(TABLE["qr"], a)
    r = np.reshape(packed[..., rows * columns :], (*a.shape[:-2], columns, columns))
    q = np.reshape(packed[..., : rows * columns], a.shape)
    return type(np.linalg.qr(np.eye(1)))(q, r)


@implements(np.linalg.pinv)
def pinv(
    a: ArrayLike, rcond: float | None = None, hermitian: bool = False, *,
    rtol: ArrayLike = np._NoValue,
) -> TracedArray:  # fmt: skip
    a = _floating(a)
    if a.ndim < 2:
        raise MatrixError(f"np.linalg.pinv{at(user_source())}: a number or vector is no matrix")
    if rcond is not None and rtol is not np._NoValue:
        raise InputError(f"np.linalg.pinv{at(user_source())}: give rcond= or rtol=, not both")
    if rcond is None:
        rcond = 1e-15 if rtol is np._NoValue else rtol
    a = from_lower(_square("pinv", a)) if hermitian else a
    return record(TABLE["pinv"], a, rcond=_cutoff("pinv", rcond, a))


def _cutoff(name: str, rcond: Any, a: TracedArray) -> float:
    """Return the relative cutoff: smaller singular values count as zero."""
    if rcond is None:
        return float(np.finfo(a.dtype).eps) * max(a.shape[-2:])
    if np.ndim(rcond):
        refuse(f"np.linalg.{name} with an array of shape {np.shape(rcond)} for rcond=")
    return float(rcond)


@implements(np.linalg.lstsq)
def lstsq(
    a: ArrayLike, b: ArrayLike, rcond: float | None = None
) -> tuple[Array, Array, Array, Array]:
    a, b = _floating(a), _floating(b)
    if a.ndim != 2 or b.ndim not in (1, 2):
        raise MatrixError(
            f"np.linalg.lstsq{at(user_source())}: shapes {a.shape} and {b.shape}: the first must "
            "be a matrix, the second a vector or a matrix"
        )
    rcond = _cutoff("lstsq", rcond, a)
    x = np.matmul(record(TABLE["pinv"], a, rcond=rcond), b)
    values = svdvals(a)
    rank = np.sum(values > rcond * values[0]).astype(np.int32)
    rows, columns = a.shape
    left = np.sum(np.square(b - np.matmul(a, x)), axis=0)
    # The rank sets the shape of the residuals, so that it becomes a guard.
    has_residuals = rows > columns and bool(np.equal(rank, columns))
    residuals = np.atleast_1d(left) if has_residuals else as_traced(np.empty(0, a.dtype))
    return x, residuals, rank, values


@implements(np.linalg.cond)
def cond(x: ArrayLike, p: float | str | None = None) -> Array:
    x = _floating(x)
    if p in (None, 2, -2):
        values = svdvals(x)
        ratio = values[..., 0] / values[..., -1]
        ratio = 1 / ratio if p == -2 else ratio
        is_zero = np.isnan(ratio) & ~np.any(np.isnan(x), axis=(-2, -1))
        return np.where(is_zero, np.inf, ratio).astype(x.dtype)
    is_singular = np.linalg.slogdet(x)[0] == 0
    regular = np.where(is_singular[..., None, None], np.eye(x.shape[-1], dtype=x.dtype), x)
    number = norm(x, p, (-2, -1)) * norm(inv(regular), p, (-2, -1))
    return np.where(is_singular, np.inf, number)


@implements(np.linalg.matrix_rank)
def matrix_rank(
    A: ArrayLike, tol: ArrayLike = None, hermitian: bool = False, *, rtol: ArrayLike = None
) -> Array:
    if tol is not None and rtol is not None:
        raise InputError(f"np.linalg.matrix_rank{at(user_source())}: give tol= or rtol=, not both")
    A = _floating(A)
    if A.ndim < 2:
        return python_number(np.any(A != 0), np.int64)
    values = np.abs(eigvalsh(A)) if hermitian else svdvals(A)
    if tol is not None:
        tol = as_traced(tol)[..., None]
    else:
        rtol = _cutoff("matrix_rank", None, A) if rtol is None else as_traced(rtol)[..., None]
        tol = np.max(values, axis=-1, keepdims=True, initial=0) * rtol
    return np.sum(values > tol, axis=-1)
