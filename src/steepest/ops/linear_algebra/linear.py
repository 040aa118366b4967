"""Linear algebra on the last two axes: LAPACK's factorizations and what follows from them.

An op has one result. Where NumPy's function returns several arrays, the op packs them into one
vector for each matrix, and tracing unpacks them. The derivatives follow Giles (2008), and Golub
and Pereyra (1973) for the pseudo-inverse.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from steepest.graph import Node, Shape
from steepest.ops.aliases import Array, Tensor, Torch
from steepest.ops.derivative_rules import Rule, Zero
from steepest.ops.linear_algebra.cholesky import ROWS as OF_CHOLESKY
from steepest.ops.linear_algebra.factors import SINGULAR, SYSTEMS, inverse, outer, solve_infer
from steepest.ops.linear_algebra.matrices import (
    ENTRIES,
    SQUARE_CASES,
    pack,
    square,
    swap,
    torch_pack,
    unpack,
)
from steepest.ops.linear_algebra.spectral import NO_SVD, cofactors, svd_parts
from steepest.ops.linear_algebra.spectral import ROWS as SPECTRAL
from steepest.ops.linear_algebra.structure import product_of, traced
from steepest.ops.machine_code import Kernel
from steepest.ops.row import Case, Domain, Row, recorded

# Solving.


def _solve_pullback(cotangent: Array, x: Array, a: Array, b: Array) -> tuple[Array, ...]:
    factors = product_of(cotangent.node) if a.ndim == 2 else None
    if factors is not None:  # few columns are solved for, and no matrices multiplied
        left, right = (traced(factor, cotangent) for factor in factors)
        solved = np.linalg.solve(swap(a), left)
        return -outer(solved, np.matmul(x, swap(right))), outer(solved, swap(right))
    to_b = np.linalg.solve(swap(a), cotangent)
    return -outer(to_b, x), to_b


def _solve_pushforward(tangents: Sequence[Array], x: Array, a: Array, b: Array) -> Array:
    ta, tb = tangents
    return np.linalg.solve(a, tb - np.matmul(ta, x))


SOLVE = Row(
    name="solve",
    evaluate=np.linalg.solve,
    infer=solve_infer,
    derivative=Rule(_solve_pullback, _solve_pushforward),
    torch=lambda t, a, b: t.linalg.solve(a, b),
    lower=Kernel("solve", in_registers=True, may_raise=True, failure=SINGULAR),
    domain=Domain(ENTRIES, SYSTEMS, analytic=True),
    kink="none: a singular matrix raises LinAlgError",
)


# Determinants.


def _slopes_of_det(y: Array, a: Array) -> Array:
    # Use the inverse where it exists, because it can be differentiated to any order.
    singular = (y == 0)[..., None, None]
    safe = np.where(singular, np.broadcast_to(np.eye(a.shape[-1], dtype=a.dtype), a.shape), a)
    # Of the same factors as y, whose rounding errors cancel where the matrix is nearly singular.
    regular = y[..., None, None] * swap(inverse(safe))
    return np.where(singular, cofactors(a), regular)


def _det_pullback(cotangent: Array, y: Array, a: Array) -> tuple[Array, ...]:
    return (cotangent[..., None, None] * _slopes_of_det(y, a),)


def _det_pushforward(tangents: Sequence[Array], y: Array, a: Array) -> Array:
    return np.sum(tangents[0] * _slopes_of_det(y, a), axis=(-2, -1))


DET = Row(
    name="det",
    evaluate=np.linalg.det,
    infer=lambda a: (square(a)[0][:-2], a.dtype),
    derivative=Rule(_det_pullback, _det_pushforward),
    torch=lambda t, a: t.linalg.det(a),
    lower=Kernel("det", in_registers=True),
    domain=Domain(ENTRIES, SQUARE_CASES, analytic=True),
    kink="the cofactors, also of a singular matrix",
)
det = recorded(DET)


def _logdet_pullback(cotangent: Array, y: Array, a: Array) -> tuple[Array, ...]:
    return (cotangent[..., None, None] * swap(inverse(a)),)


def _logdet_pushforward(tangents: Sequence[Array], y: Array, a: Array) -> Array:
    return np.sum(tangents[0] * swap(inverse(a)), axis=(-2, -1))


LOGABSDET = Row(
    name="logabsdet",
    evaluate=lambda a: np.linalg.slogdet(a)[1],
    infer=lambda a: (square(a)[0][:-2], a.dtype),
    derivative=Rule(_logdet_pullback, _logdet_pushforward),
    torch=lambda t, a: t.linalg.slogdet(a).logabsdet,
    lower=Kernel("logabsdet", in_registers=True),
    domain=Domain(ENTRIES, SQUARE_CASES),
    kink="none: the slope at a singular matrix raises LinAlgError",
)
DETSIGN = Row(
    name="detsign",
    evaluate=lambda a: np.linalg.slogdet(a)[0],
    infer=lambda a: (square(a)[0][:-2], a.dtype),
    derivative=Zero(),
    torch=lambda t, a: t.linalg.slogdet(a).sign,
    lower=Kernel("detsign", in_registers=True),
    domain=Domain(ENTRIES, SQUARE_CASES, smooth=False),
    kink="slope 0 everywhere",
)


def _qr_shapes(a: Any) -> list[Shape]:
    m, n = a.shape[-2:]
    return [(m, min(m, n)), (min(m, n), n)]


def _qr_infer(a: Node) -> tuple[Shape, np.dtype]:
    if a.ndim < 2 or a.shape[-2] < a.shape[-1]:
        raise ValueError(f"qr is recorded for matrices with no more columns than rows: {a.shape}")
    return (*a.shape[:-2], sum(math.prod(shape) for shape in _qr_shapes(a))), a.dtype


def _divisor(r: Array, is_square: bool) -> Array:
    """Return the factor that slopes divide by, NaN where columns are not independent.

    The last column of a square matrix may depend on the others, because the other columns alone
    determine the last column of Q, up to its sign.
    """
    size = r.shape[-1]
    sizes = np.abs(np.diagonal(r, 0, -2, -1))
    if is_square:
        sizes = sizes[..., :-1] if size > 1 else np.ones_like(sizes)
    least, largest = (f(sizes, axis=-1, keepdims=True)[..., None] for f in (np.min, np.max))
    is_dependent = least <= 10 * size * np.finfo(r.dtype).eps * largest
    if is_square:
        last = np.arange(size) == size - 1
        r = np.where(last[:, None] & last, largest, r)
    return np.where(is_dependent, np.nan, r).astype(r.dtype)


def _qr_pullback(cotangent: Array, y: Array, a: Array) -> tuple[Array, ...]:
    gq, gr = unpack(cotangent, _qr_shapes(a))
    q, r = unpack(y, _qr_shapes(a))
    gr, is_square = np.triu(gr), a.shape[-2] == a.shape[-1]
    along = np.matmul(swap(q), gq)
    turned = along - np.matmul(gr, swap(r))
    right = np.matmul(q, np.tril(turned - swap(turned), -1))
    if not is_square:
        right = right + gq - np.matmul(q, along)
    return (swap(np.linalg.solve(_divisor(r, is_square), swap(right))) + np.matmul(q, gr),)


def _qr_pushforward(tangents: Sequence[Array], y: Array, a: Array) -> Array:
    q, r = unpack(y, _qr_shapes(a))
    is_square = a.shape[-2] == a.shape[-1]
    inner = swap(np.linalg.solve(swap(_divisor(r, is_square)), swap(tangents[0])))
    c = np.matmul(swap(q), inner)
    below = np.tril(c, -1)
    rotation = below - swap(below)
    tq = np.matmul(q, rotation) if is_square else inner + np.matmul(q, rotation - c)
    tr = np.triu(np.matmul(swap(q), tangents[0]) - np.matmul(rotation, r))
    return pack([tq, tr], a.ndim - 2)


QR = Row(
    name="qr",
    evaluate=lambda a: pack(list(np.linalg.qr(a)), np.ndim(a) - 2),
    infer=_qr_infer,
    derivative=Rule(_qr_pullback, _qr_pushforward),
    torch=lambda t, a: torch_pack(t, t.linalg.qr(a), a.ndim - 2),
    lower=Kernel("qr", may_raise=True, failure="QR factorization failed"),
    domain=Domain(ENTRIES, (Case(((3, 3),), rising=5.0), Case(((2, 4, 2),), rising=5.0))),
    kink="slopes are nan where the columns are not independent",
)
qr = recorded(QR)


# The pseudo-inverse.


def _pinv_pushforward(tangents: Sequence[Array], y: Array, a: Array, *, rcond: float) -> Array:
    (ta,) = tangents
    tat, yt = swap(ta), swap(y)
    left = np.eye(y.shape[-2], dtype=a.dtype) - np.matmul(y, a)
    right = np.eye(y.shape[-1], dtype=a.dtype) - np.matmul(a, y)
    slopes = (
        np.matmul(np.matmul(np.matmul(y, yt), tat), right)
        + np.matmul(np.matmul(left, tat), np.matmul(yt, y))
        - np.matmul(np.matmul(y, ta), y)
    )
    return slopes if _drops_nothing(a, rcond) else slopes + _dropped_terms(a, tat, rcond)


def _drops_nothing(a: Array | Tensor, rcond: float) -> bool:
    """Return whether all singular values below the cutoff are zeros up to rounding."""
    epsilon = float(np.finfo(str(a.dtype).removeprefix("torch.")).eps)
    return bool(rcond <= max(a.shape[-2:]) * epsilon)


def _dropped_terms(a: Array, other: Array, rcond: float) -> Array:
    """Return the part of a slope that comes from nonzero singular values below the cutoff.

    The usual formulas take these values for zero. `other` is a transposed tangent, or a cotangent:
    the form is symmetric, and the result has its shape.
    """
    u, s, vh = svd_parts(a)
    kept = s > rcond * s[..., :1]
    one, two = s[..., :, None], s[..., None, :]
    chosen = kept[..., :, None] & ~kept[..., None, :]
    one, two = np.where(chosen, one, 1), np.where(chosen, two, 0)
    gap = one * one - two * two
    same = np.where(chosen, 1 / gap - 1 / (one * one), 0)
    turned = np.where(chosen, two / (one * gap), 0)
    inner = np.matmul(np.matmul(vh, other), u)
    added = (same + swap(same)) * inner + (turned + swap(turned)) * swap(inner)
    return np.matmul(np.matmul(swap(vh), added), swap(u))


def _pinv_pullback(cotangent: Array, y: Array, a: Array, *, rcond: float) -> tuple[Array, ...]:
    gt, yt = swap(cotangent), swap(y)
    left = np.eye(y.shape[-2], dtype=a.dtype) - np.matmul(y, a)
    right = np.eye(y.shape[-1], dtype=a.dtype) - np.matmul(a, y)
    slopes = (
        np.matmul(np.matmul(right, gt), np.matmul(y, yt))
        + np.matmul(np.matmul(np.matmul(yt, y), gt), left)
        - np.matmul(np.matmul(yt, cotangent), yt)
    )
    if not _drops_nothing(a, rcond):
        slopes = slopes + swap(_dropped_terms(a, cotangent, rcond))
    return (slopes,)


def _torch_pinv(t: Torch, a: Tensor, *, rcond: float) -> Tensor:
    if _drops_nothing(a, rcond):
        return t.linalg.pinv(a, rtol=rcond)
    u, s, vh = t.linalg.svd(a, full_matrices=False)
    kept = s > rcond * s[..., :1]
    inverse = t.where(kept, 1 / t.where(kept, s, 1.0), 0.0)
    return (vh.mT * inverse[..., None, :]) @ u.mT


PINV = Row(
    name="pinv",
    evaluate=lambda a, *, rcond: np.linalg.pinv(a, rcond),
    infer=lambda a, *, rcond: ((*a.shape[:-2], a.shape[-1], a.shape[-2]), a.dtype),
    derivative=Rule(_pinv_pullback, _pinv_pushforward),
    torch=_torch_pinv,
    lower=Kernel("pinv", may_raise=True, failure=NO_SVD),
    domain=Domain(
        ENTRIES,
        (
            Case(((3, 3),), {"rcond": 1e-15}, diagonal=7.0),
            Case(((4, 2),), {"rcond": 1e-15}, rising=5.0),
            Case(((2, 2, 3),), {"rcond": 1e-15}, rising=5.0),
            Case(((4, 2),), {"rcond": 0.7}, rising=5.0),
            Case(((2, 3, 3),), {"rcond": 0.5}, rising=5.0),
        ),
    ),
    kink="within matrices of the same rank",
)


def _succeeds(*operands: Any, of: str) -> np.ndarray:
    rows = {row.name: row for row in (*ROWS, *OF_CHOLESKY, *SPECTRAL)}
    try:
        rows[of].evaluate(*operands)
    except np.linalg.LinAlgError:
        return np.asarray(False)
    return np.asarray(True)


def _torch_succeeds(t: Torch, *operands: Tensor, of: str) -> Tensor:
    arrays = [operand.detach().cpu().numpy() for operand in operands]
    return t.as_tensor(bool(_succeeds(*arrays, of=of)), device=operands[0].device)


# Whether another op succeeds without LinAlgError: ``try`` and ``except`` branch on it.
SUCCEEDS = Row(
    name="succeeds",
    evaluate=_succeeds,
    infer=lambda *operands, of: ((), np.dtype(np.bool_)),
    derivative=Zero(),
    torch=_torch_succeeds,
    lower=Kernel("succeeds", may_raise=True),
    domain=Domain(
        ENTRIES,
        (
            Case(((3, 3),), {"of": "cholesky"}, diagonal=7.0),
            Case(((3, 3),), {"of": "cholesky"}, diagonal=-7.0),
            Case(((3, 3), (3, 1)), {"of": "solve"}, diagonal=7.0),
        ),
        smooth=False,
    ),
)

ROWS: tuple[Row, ...] = (SOLVE, DET, LOGABSDET, DETSIGN, QR, PINV, SUCCEEDS)
