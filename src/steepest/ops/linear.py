"""Linear algebra on the last two axes: LAPACK's factorizations and what follows from them.

An op has one result. Those of NumPy's functions that return several arrays are packed into
one vector for each matrix; tracing takes them out again. Slopes follow Giles (2008), and
Golub and Pereyra (1973) for the pseudo-inverse.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from steepest.graph import Node, Shape
from steepest.ops.row import RECORD, Case, Domain, Kernel, Row, Rule, Zero

_ENTRIES = ((-3.0, 3.0),)


def swap(x):
    """Return a matrix with its axes exchanged."""
    return np.swapaxes(x, -1, -2)


def call(row_of: Callable[[], Row], evaluate: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that records its op on traced arrays, and computes plain ones."""

    def function(*operands: Any, **attributes: Any) -> Any:
        for operand in operands:
            if hasattr(operand, RECORD):
                return getattr(operand, RECORD)(row_of(), *operands, **attributes)
        return evaluate(*operands, **attributes)

    return function


def _square(a: Node) -> tuple[Shape, np.dtype]:
    if a.ndim < 2 or a.shape[-1] != a.shape[-2]:
        raise ValueError(f"the last two axes of the array must be square, got shape {a.shape}")
    return a.shape, a.dtype


# Solving.


def solve_infer(a: Node, b: Node) -> tuple[Shape, np.dtype]:
    """Return shape and dtype of the solution of a system."""
    _square(a)
    if b.ndim < 2 or a.shape[-1] != b.shape[-2]:
        raise ValueError(f"solve: shapes {a.shape} and {b.shape} do not fit")
    batch = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    return (*batch, *b.shape[-2:]), a.dtype


def _solve_pullback(cotangent, x, a, b):
    to_b = np.linalg.solve(swap(a), cotangent)
    return -np.matmul(to_b, swap(x)), to_b


def _solve_pushforward(tangents, x, a, b):
    ta, tb = tangents
    return np.linalg.solve(a, tb - np.matmul(ta, x))


SOLVE = Row(
    name="solve",
    evaluate=np.linalg.solve,
    infer=solve_infer,
    derivative=Rule(_solve_pullback, _solve_pushforward),
    torch=lambda t, a, b: t.linalg.solve(a, b),
    lower=Kernel("host"),
    domain=Domain(
        _ENTRIES,
        (
            Case(((3, 3), (3, 2)), diagonal=7.0),
            Case(((2, 4, 4), (2, 4, 1)), diagonal=9.0),
        ),
        analytic=True,
    ),
    kink="none: a singular matrix raises LinAlgError",
)


# Determinants.


def _cofactors(a):
    """Return the matrix of cofactors, also of a singular matrix: det(a) times inv(a).T."""
    u, s, vh = svd_parts(a)
    others = np.stack(
        [np.prod(np.where(_mask(s.shape[-1], i), s, 1.0), axis=-1) for i in range(s.shape[-1])],
        axis=-1,
    )
    sign = det(u) * det(vh)
    return np.matmul(u * others[..., None, :], vh) * sign[..., None, None]


def _mask(number, without):
    keep = np.ones(number, dtype=bool)
    keep[without] = False
    return keep


def _slopes_of_det(y, a):
    # By the inverse where there is one, which differentiates again without trouble.
    singular = (y == 0)[..., None, None]
    safe = np.where(singular, np.broadcast_to(np.eye(a.shape[-1], dtype=a.dtype), a.shape), a)
    regular = y[..., None, None] * swap(np.linalg.inv(safe))
    return np.where(singular, _cofactors(a), regular)


def _det_pullback(cotangent, y, a):
    return (cotangent[..., None, None] * _slopes_of_det(y, a),)


def _det_pushforward(tangents, y, a):
    return np.sum(tangents[0] * _slopes_of_det(y, a), axis=(-2, -1))


_SQUARE_CASES = (
    Case(((3, 3),), diagonal=7.0),
    Case(((2, 4, 4),), diagonal=9.0),
    Case(((1, 1),), diagonal=5.0),
)

DET = Row(
    name="det",
    evaluate=np.linalg.det,
    infer=lambda a: (_square(a)[0][:-2], a.dtype),
    derivative=Rule(_det_pullback, _det_pushforward),
    torch=lambda t, a: t.linalg.det(a),
    lower=Kernel("host"),
    domain=Domain(_ENTRIES, _SQUARE_CASES, analytic=True),
    kink="the cofactors, also of a singular matrix",
)
det = call(lambda: DET, np.linalg.det)


def _logdet_pullback(cotangent, y, a):
    return (cotangent[..., None, None] * swap(np.linalg.inv(a)),)


def _logdet_pushforward(tangents, y, a):
    return np.sum(tangents[0] * swap(np.linalg.inv(a)), axis=(-2, -1))


LOGABSDET = Row(
    name="logabsdet",
    evaluate=lambda a: np.linalg.slogdet(a)[1],
    infer=lambda a: (_square(a)[0][:-2], a.dtype),
    derivative=Rule(_logdet_pullback, _logdet_pushforward),
    torch=lambda t, a: t.linalg.slogdet(a).logabsdet,
    lower=Kernel("host"),
    domain=Domain(_ENTRIES, _SQUARE_CASES),
    kink="none: the slope at a singular matrix raises LinAlgError",
)
DETSIGN = Row(
    name="detsign",
    evaluate=lambda a: np.linalg.slogdet(a)[0],
    infer=lambda a: (_square(a)[0][:-2], a.dtype),
    derivative=Zero(),
    torch=lambda t, a: t.linalg.slogdet(a).sign,
    lower=Kernel("host"),
    domain=Domain(_ENTRIES, _SQUARE_CASES, smooth=False),
    kink="slope 0 everywhere",
)


# Of symmetric matrices NumPy reads the lower triangle only, and so do their slopes.


def _from_lower(a):
    """Return the symmetric matrix whose lower triangle is that of `a`."""
    lower = np.tril(a)
    return lower + swap(np.tril(a, -1))


def _to_lower(cotangent):
    """Pull a cotangent of the symmetric matrix back to the lower triangle."""
    return np.tril(cotangent) + np.tril(swap(cotangent), -1)


def _half_lower(x):
    """Return the lower triangle with half of the diagonal."""
    return np.tril(x) - 0.5 * x * np.eye(x.shape[-1], dtype=x.dtype)


def _cholesky_pullback(cotangent, lower, a):
    inner = _half_lower(np.matmul(swap(lower), np.tril(cotangent)))
    inverse = np.linalg.inv(lower)
    slopes = np.matmul(np.matmul(swap(inverse), inner), inverse)
    return (_to_lower(0.5 * (slopes + swap(slopes))),)


def _cholesky_pushforward(tangents, lower, a):
    inverse = np.linalg.inv(lower)
    inner = np.matmul(np.matmul(inverse, _from_lower(tangents[0])), swap(inverse))
    return np.matmul(lower, _half_lower(inner))


CHOLESKY = Row(
    name="cholesky",
    evaluate=np.linalg.cholesky,
    infer=_square,
    derivative=Rule(_cholesky_pullback, _cholesky_pushforward),
    torch=lambda t, a: t.linalg.cholesky(t.tril(a) + t.tril(a, -1).mT),
    lower=Kernel("host"),
    domain=Domain(_ENTRIES, _SQUARE_CASES),
    kink="slopes are of the lower triangle, the only one that is read",
)


def _pack(parts: list[Any], ndim: int) -> Any:
    """Return arrays of one batch as one vector for each matrix."""
    return np.concatenate(
        [np.reshape(part, (*part.shape[:ndim], math.prod(part.shape[ndim:]))) for part in parts],
        axis=-1,
    )


def _unpack(packed: Any, shapes: list[Shape]) -> list[Any]:
    parts, start = [], 0
    for shape in shapes:
        size = math.prod(shape)
        part = packed[..., start : start + size]
        parts.append(np.reshape(part, (*packed.shape[:-1], *shape)))
        start += size
    return parts


def _eigh_shapes(a: Any) -> list[Shape]:
    return [a.shape[-1:], a.shape[-2:]]


def eigh_parts(a):
    """Return eigenvalues and eigenvectors of symmetric matrices."""
    return _unpack(eigh(a), _eigh_shapes(a))


def _over_gaps(w):
    """Return 1 / (w_j - w_i), and 0 where the two are equal."""
    gaps = w[..., None, :] - w[..., :, None]
    equal = gaps == 0
    return np.where(equal, 0.0, 1.0 / np.where(equal, 1.0, gaps))


def _eigh_pullback(cotangent, y, a):
    gw, gv = _unpack(cotangent, _eigh_shapes(a))
    w, v = _unpack(y, _eigh_shapes(a))
    inner = _over_gaps(w) * np.matmul(swap(v), gv)
    inner = inner + np.eye(w.shape[-1], dtype=a.dtype) * gw[..., None, :]
    slopes = np.matmul(np.matmul(v, inner), swap(v))
    return (_to_lower(0.5 * (slopes + swap(slopes))),)


def _eigh_pushforward(tangents, y, a):
    w, v = _unpack(y, _eigh_shapes(a))
    inner = np.matmul(np.matmul(swap(v), _from_lower(tangents[0])), v)
    tv = np.matmul(v, _over_gaps(w) * inner)
    return _pack([np.diagonal(inner, 0, -2, -1), tv], a.ndim - 2)


def _torch_pack(t, parts, ndim):
    return t.cat([t.flatten(part, ndim) for part in parts], -1)


def _signs(t, found, a, numpys):
    """Return the signs that turn torch's vectors, as columns, into NumPy's."""
    wanted = t.as_tensor(numpys(a.detach().cpu().numpy()), device=a.device)
    overlap = t.sum(found.detach() * wanted, -2, keepdim=True)
    return t.where(overlap < 0, -1.0, 1.0).to(a.dtype)


def _torch_eigh(t, a):
    w, v = t.linalg.eigh(t.tril(a) + t.tril(a, -1).mT)
    signs = _signs(t, v, a, lambda a: np.linalg.eigh(a)[1])
    return _torch_pack(t, (w, v * signs), a.ndim - 2)


def _torch_svd(t, a):
    u, s, vh = t.linalg.svd(a, full_matrices=False)
    signs = _signs(t, u, a, lambda a: np.linalg.svd(a, full_matrices=False)[0])
    return _torch_pack(t, (u * signs, s, vh * signs.mT), a.ndim - 2)


EIGH = Row(
    name="eigh",
    evaluate=lambda a: _pack(list(np.linalg.eigh(a)), np.ndim(a) - 2),
    infer=lambda a: ((*_square(a)[0][:-2], a.shape[-1] * (1 + a.shape[-1])), a.dtype),
    derivative=Rule(_eigh_pullback, _eigh_pushforward),
    torch=_torch_eigh,
    lower=Kernel("host"),
    domain=Domain(
        _ENTRIES,
        (Case(((3, 3),), rising=5.0), Case(((2, 4, 4),), rising=5.0)),
        oriented=True,
    ),
    kink="eigenvectors of equal eigenvalues have slope 0 within their plane",
)
eigh = call(lambda: EIGH, EIGH.evaluate)


# Singular values.


def _svd_shapes(a: Any) -> list[Shape]:
    m, n = a.shape[-2:]
    k = min(m, n)
    return [(m, k), (k,), (k, n)]


def svd_parts(a):
    """Return the thin singular value decomposition of matrices."""
    return _unpack(svd(a), _svd_shapes(a))


def _svd_inner(s):
    gaps = s[..., None, :] ** 2 - s[..., :, None] ** 2
    equal = gaps == 0
    return np.where(equal, 0.0, 1.0 / np.where(equal, 1.0, gaps))


def _inverse_or_zero(s):
    return np.where(s == 0, 0.0, 1.0 / np.where(s == 0, 1.0, s))


def _svd_pullback(cotangent, y, a):
    gu, gs, gvh = _unpack(cotangent, _svd_shapes(a))
    u, s, vh = _unpack(y, _svd_shapes(a))
    v, gv, f = swap(vh), swap(gvh), _svd_inner(s)
    eye = np.eye(s.shape[-1], dtype=a.dtype)
    left = f * np.matmul(swap(u), gu)
    right = f * np.matmul(vh, gv)
    inner = (left + swap(left)) * s[..., None, :] + s[..., :, None] * (right + swap(right))
    inner = inner + eye * gs[..., None, :]
    slopes = np.matmul(np.matmul(u, inner), vh)
    inverse = _inverse_or_zero(s)
    outside = gu - np.matmul(u, np.matmul(swap(u), gu))
    slopes = slopes + np.matmul(outside * inverse[..., None, :], vh)
    outside = gv - np.matmul(v, np.matmul(vh, gv))
    return (slopes + np.matmul(u, swap(outside * inverse[..., None, :])),)


def _svd_pushforward(tangents, y, a):
    ta = tangents[0]
    u, s, vh = _unpack(y, _svd_shapes(a))
    v, f = swap(vh), _svd_inner(s)
    inner = np.matmul(np.matmul(swap(u), ta), v)
    ts = np.diagonal(inner, 0, -2, -1)
    scaled = inner * s[..., None, :]
    weighted = s[..., :, None] * inner
    tu = np.matmul(u, f * (scaled + swap(scaled)))
    tv = np.matmul(v, f * (weighted + swap(weighted)))
    inverse = _inverse_or_zero(s)
    outside = np.matmul(ta, v)
    tu = tu + (outside - np.matmul(u, np.matmul(swap(u), outside))) * inverse[..., None, :]
    outside = np.matmul(swap(ta), u)
    tv = tv + (outside - np.matmul(v, np.matmul(vh, outside))) * inverse[..., None, :]
    return _pack([tu, ts, swap(tv)], a.ndim - 2)


SVD = Row(
    name="svd",
    evaluate=lambda a: _pack(list(np.linalg.svd(a, full_matrices=False)), np.ndim(a) - 2),
    infer=lambda a: (
        (*a.shape[:-2], sum(math.prod(shape) for shape in _svd_shapes(a))),
        a.dtype,
    ),
    derivative=Rule(_svd_pullback, _svd_pushforward),
    torch=_torch_svd,
    lower=Kernel("host"),
    domain=Domain(
        _ENTRIES,
        (
            Case(((3, 3),), rising=5.0),
            Case(((4, 2),), rising=5.0),
            Case(((2, 2, 3),), rising=5.0),
        ),
        oriented=True,
    ),
    kink="vectors of equal singular values have slope 0 within their plane",
)
svd = call(lambda: SVD, SVD.evaluate)


def _qr_shapes(a: Any) -> list[Shape]:
    m, n = a.shape[-2:]
    return [(m, min(m, n)), (min(m, n), n)]


def _qr_infer(a: Node) -> tuple[Shape, np.dtype]:
    if a.ndim < 2 or a.shape[-2] < a.shape[-1]:
        raise ValueError(f"qr is recorded for matrices with no more columns than rows: {a.shape}")
    return (*a.shape[:-2], sum(math.prod(shape) for shape in _qr_shapes(a))), a.dtype


def _qr_pullback(cotangent, y, a):
    gq, gr = _unpack(cotangent, _qr_shapes(a))
    q, r = _unpack(y, _qr_shapes(a))
    m = np.matmul(r, swap(np.triu(gr))) - np.matmul(swap(gq), q)
    symmetric = np.tril(m) + swap(np.tril(m, -1))
    right = gq + np.matmul(q, symmetric)
    return (swap(np.linalg.solve(r, swap(right))),)


def _qr_pushforward(tangents, y, a):
    q, r = _unpack(y, _qr_shapes(a))
    inner = swap(np.linalg.solve(swap(r), swap(tangents[0])))
    c = np.matmul(swap(q), inner)
    below = np.tril(c, -1)
    rotation = below - swap(below)
    tq = inner + np.matmul(q, rotation - c)
    return _pack([tq, np.matmul(c - rotation, r)], a.ndim - 2)


QR = Row(
    name="qr",
    evaluate=lambda a: _pack(list(np.linalg.qr(a)), np.ndim(a) - 2),
    infer=_qr_infer,
    derivative=Rule(_qr_pullback, _qr_pushforward),
    torch=lambda t, a: _torch_pack(t, t.linalg.qr(a), a.ndim - 2),
    lower=Kernel("host"),
    domain=Domain(_ENTRIES, (Case(((3, 3),), rising=5.0), Case(((2, 4, 2),), rising=5.0))),
    kink="none: a matrix of lower rank raises LinAlgError",
)
qr = call(lambda: QR, QR.evaluate)


# The pseudo-inverse.


def _pinv_tangent(y, a, ta):
    tat, yt = swap(ta), swap(y)
    left = np.eye(y.shape[-2], dtype=a.dtype) - np.matmul(y, a)
    right = np.eye(y.shape[-1], dtype=a.dtype) - np.matmul(a, y)
    return (
        np.matmul(np.matmul(np.matmul(y, yt), tat), right)
        + np.matmul(np.matmul(left, tat), np.matmul(yt, y))
        - np.matmul(np.matmul(y, ta), y)
    )


def _pinv_pullback(cotangent, y, a, *, rcond):
    gt, yt = swap(cotangent), swap(y)
    left = np.eye(y.shape[-2], dtype=a.dtype) - np.matmul(y, a)
    right = np.eye(y.shape[-1], dtype=a.dtype) - np.matmul(a, y)
    slopes = (
        np.matmul(np.matmul(right, gt), np.matmul(y, yt))
        + np.matmul(np.matmul(np.matmul(yt, y), gt), left)
        - np.matmul(np.matmul(yt, cotangent), yt)
    )
    return (slopes,)


PINV = Row(
    name="pinv",
    evaluate=lambda a, *, rcond: np.linalg.pinv(a, rcond),
    infer=lambda a, *, rcond: ((*a.shape[:-2], a.shape[-1], a.shape[-2]), a.dtype),
    derivative=Rule(
        _pinv_pullback, lambda tangents, y, a, *, rcond: _pinv_tangent(y, a, tangents[0])
    ),
    torch=lambda t, a, rcond: t.linalg.pinv(a, rtol=rcond),
    lower=Kernel("host"),
    domain=Domain(
        _ENTRIES,
        (
            Case(((3, 3),), {"rcond": 1e-15}, diagonal=7.0),
            Case(((4, 2),), {"rcond": 1e-15}, rising=5.0),
            Case(((2, 2, 3),), {"rcond": 1e-15}, rising=5.0),
        ),
    ),
    kink="within matrices of the same rank",
)


def _succeeds(*operands: Any, of: str) -> np.ndarray:
    rows = {row.name: row for row in ROWS}
    try:
        rows[of].evaluate(*operands)
    except np.linalg.LinAlgError:
        return np.asarray(False)
    return np.asarray(True)


def _torch_succeeds(t, *operands, of):
    arrays = [operand.detach().cpu().numpy() for operand in operands]
    return t.as_tensor(bool(_succeeds(*arrays, of=of)), device=operands[0].device)


# Whether another op raises no LinAlgError: what ``try`` and ``except`` branch on.
SUCCEEDS = Row(
    name="succeeds",
    evaluate=_succeeds,
    infer=lambda *operands, of: ((), np.dtype(np.bool_)),
    derivative=Zero(),
    torch=_torch_succeeds,
    lower=Kernel("host"),
    domain=Domain(
        _ENTRIES,
        (
            Case(((3, 3),), {"of": "cholesky"}, diagonal=7.0),
            Case(((3, 3),), {"of": "cholesky"}, diagonal=-7.0),
            Case(((3, 3), (3, 1)), {"of": "solve"}, diagonal=7.0),
        ),
        smooth=False,
    ),
)

ROWS: tuple[Row, ...] = (SOLVE, DET, LOGABSDET, DETSIGN, CHOLESKY, EIGH, SVD, QR, PINV, SUCCEEDS)
