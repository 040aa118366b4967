"""Eigenvalues and singular values, and the matrix of cofactors.

The derivatives follow Giles (2008) and divide by the gaps between values. Vectors that belong
to equal values have no derivative, because any basis of their space would do. A result that
depends on them has slope NaN; a result that depends on the values alone has its usual slope.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np

from steepest.graph import Node, Shape
from steepest.ops.aliases import Array, Builder, Element, Tensor, Torch
from steepest.ops.derivative_rules import Rule
from steepest.ops.leaves import is_zero
from steepest.ops.linear_algebra.matrices import (
    ENTRIES,
    SQUARE_CASES,
    from_lower,
    pack,
    square,
    swap,
    to_lower,
    torch_pack,
    unpack,
)
from steepest.ops.machine_code import Elementwise, Kernel
from steepest.ops.row import Case, Domain, Row, recorded

NO_EIGENVALUES, NO_SVD = "Eigenvalues did not converge", "SVD did not converge"

_SAME = 10.0
"""Values count as equal if they differ by at most so many roundings for each row."""


# A quotient by a gap that may be closed.


def _over_gap(x: Array, gap: Array) -> Array:
    closed = gap == 0
    quotient = x / np.where(closed, 1, gap)
    return np.where(closed & (x != 0), np.nan, np.where(closed, 0, quotient)).astype(x.dtype)


def _emit_over_gap(b: Builder, x: Element, gap: Element) -> Element:
    nothing, nan = b.constant(0.0, x), b.constant(np.nan, x)
    return b.select(gap == 0, b.select(x == 0, nothing, nan), x / gap)


def _torch_over_gap(t: Torch, x: Tensor, gap: Tensor) -> Tensor:
    closed = gap == 0
    quotient = x / t.where(closed, 1.0, gap)
    return t.where(closed & (x != 0), float("nan"), t.where(closed, 0.0, quotient))


OVER_GAP: Row = Row(
    name="over_gap",
    evaluate=_over_gap,
    infer=lambda x, gap: (np.broadcast_shapes(x.shape, gap.shape), x.dtype),
    derivative=Rule(
        lambda cotangent, y, x, gap: (over_gap(cotangent, gap), -over_gap(cotangent * y, gap)),
        lambda tangents, y, x, gap: over_gap(tangents[0] - y * tangents[1], gap),
    ),
    torch=_torch_over_gap,
    lower=Elementwise(_emit_over_gap),
    domain=Domain(((-3.0, 3.0), (0.3, 3.0)), special=((0.0, 1.0), (1.0, 1e-6))),
    kink="0 / 0 is 0, and all else over 0 is NaN",
    explain=(
        "the vectors that belong to equal eigenvalues or singular values have no derivative: use "
        "what depends on the values alone, or a function of the matrix such as st.matrix_function"
    ),
)
over_gap: Callable[..., Array] = recorded(OVER_GAP)


def _rounding(values: Any) -> Any:
    """Return the largest difference of eigenvalues or singular values that count as equal."""
    number = values.shape[-1]
    relative = _SAME * number * float(np.finfo(values.dtype).eps)
    return relative * np.max(np.abs(values), axis=-1, keepdims=True)


def _gaps(values: Any, rounding: Any) -> Any:
    """Return v_j - v_i, and 0 where the two are equal up to rounding."""
    gaps = values[..., None, :] - values[..., :, None]
    return np.where(np.abs(gaps) <= rounding[..., None], 0, gaps)


def _off_diagonal(x: Any) -> Any:
    return np.where(np.eye(x.shape[-1], dtype=bool), 0, x)


def _on_diagonal(values: Any) -> Any:
    return np.eye(values.shape[-1], dtype=values.dtype) * values[..., None, :]


def _turned(basis: Any, cotangent: Any, gaps: Any) -> Any:
    """Return (x_ij - x_ji) / gap_ij, where x are the products of a basis with a cotangent.

    Where the gap is closed, the result is NaN if the cotangent of either vector is not all 0, even
    if x is 0 there, because x would not be 0 in another basis of the same space.
    """
    sizes = np.sum(np.abs(cotangent), axis=-2, keepdims=True)
    products = np.where(gaps == 0, sizes, np.matmul(swap(basis), cotangent))
    quotient = over_gap(_off_diagonal(products), gaps)
    return quotient + swap(quotient)


def _reach(cotangent: Any) -> tuple[int, int]:
    """Return (start, stop) along the last axis: a cotangent is known to be zero outside."""
    node = getattr(cotangent, "node", None)
    return (0, cotangent.shape[-1]) if node is None else _reach_of(node)


def _reach_of(node: Node) -> tuple[int, int]:
    if node.op.name == "add":
        starts, stops = zip(*map(_reach_of, node.operands), strict=True)
        return min(starts), max(stops)
    if node.op.name == "embed":
        first, number, step = node.attributes["slices"][-1]
        last = first + step * (number - 1)
        return min(first, last), max(first, last) + 1
    if node.op.name == "pack" and node.ndim == 1:
        places = [i for i, element in enumerate(node.operands) if not is_zero(element)]
        return (places[0], places[-1] + 1) if places else (0, 0)
    return 0, node.shape[-1]


# Eigenvalues of symmetric matrices.


def _eigh_shapes(a: Any) -> list[Shape]:
    return [a.shape[-1:], a.shape[-2:]]


def eigh_parts(a: Array, upper: bool = False) -> list[Array]:
    """Return eigenvalues and eigenvectors of symmetric matrices, of which one triangle is read."""
    return unpack(eigh(a, upper=upper), _eigh_shapes(a))


def _eigh_pullback(
    cotangent: Array, y: Array, a: Array, *, upper: bool = False
) -> tuple[Array, ...]:
    gw, gv = unpack(cotangent, _eigh_shapes(a))
    w, v = unpack(y, _eigh_shapes(a))
    start, stop = _reach(cotangent)
    inner = _on_diagonal(gw) if start < w.shape[-1] else 0.0
    if stop > w.shape[-1]:
        inner = inner + 0.5 * _turned(v, gv, _gaps(w, _rounding(w)))
    slopes = np.matmul(np.matmul(v, inner), swap(v))
    lower = to_lower(0.5 * (slopes + swap(slopes)))
    return (swap(lower) if upper else lower,)


def _eigh_pushforward(
    tangents: Sequence[Array], y: Array, a: Array, *, upper: bool = False
) -> Array:
    w, v = unpack(y, _eigh_shapes(a))
    ta = swap(tangents[0]) if upper else tangents[0]
    inner = np.matmul(np.matmul(swap(v), from_lower(ta)), v)
    tv = np.matmul(v, over_gap(_off_diagonal(inner), _gaps(w, _rounding(w))))
    return pack([np.diagonal(inner, 0, -2, -1), tv], a.ndim - 2)


def _triangle_name(upper: bool) -> Literal["L", "U"]:
    return "U" if upper else "L"


def _eigh(a: Array, *, upper: bool = False) -> Array:
    return pack(list(np.linalg.eigh(a, _triangle_name(upper))), np.ndim(a) - 2)


def _signs(
    t: Torch, found: Tensor, a: Tensor, numpys: Callable[[np.ndarray], np.ndarray]
) -> Tensor:
    """Return the signs that turn torch's vectors, as columns, into NumPy's."""
    wanted = t.as_tensor(numpys(a.detach().cpu().numpy()), device=a.device)
    overlap = t.sum(found.detach() * wanted, -2, keepdim=True)
    return t.where(overlap < 0, -1.0, 1.0).to(a.dtype)


def _torch_eigh(t: Torch, a: Tensor, *, upper: bool = False) -> Tensor:
    symmetric = t.triu(a) + t.triu(a, 1).mT if upper else t.tril(a) + t.tril(a, -1).mT
    w, v = t.linalg.eigh(symmetric)
    signs = _signs(t, v, a, lambda a: np.linalg.eigh(a, _triangle_name(upper))[1])
    return torch_pack(t, (w, v * signs), a.ndim - 2)


EIGH = Row(
    name="eigh",
    evaluate=_eigh,
    infer=lambda a, *, upper=False: (
        (*square(a)[0][:-2], a.shape[-1] * (1 + a.shape[-1])),
        a.dtype,
    ),
    derivative=Rule(_eigh_pullback, _eigh_pushforward),
    torch=_torch_eigh,
    lower=Kernel("eigh", may_raise=True, failure=NO_EIGENVALUES),
    domain=Domain(
        ENTRIES,
        (
            Case(((3, 3),), {"upper": False}, rising=5.0),
            Case(((2, 4, 4),), {"upper": False}, rising=5.0),
            Case(((3, 3),), {"upper": True}, rising=5.0),
        ),
        oriented=True,
    ),
    kink="eigenvectors of equal eigenvalues have slope NaN within their plane",
)
eigh = recorded(EIGH)


# Singular values.


def _svd_shapes(a: Any) -> list[Shape]:
    m, n = a.shape[-2:]
    k = min(m, n)
    return [(m, k), (k,), (k, n)]


def svd_parts(a: Array) -> list[Array]:
    """Return the thin singular value decomposition of matrices."""
    return unpack(svd(a), _svd_shapes(a))


def _svd_gaps(s: Any) -> tuple[Any, Any, Any]:
    """Return s_j - s_i, s_j + s_i and s, each 0 where it is zero up to rounding."""
    rounding = _rounding(s)
    sums = s[..., None, :] + s[..., :, None]
    return (
        _gaps(s, rounding),
        np.where(sums <= rounding[..., None], 0, sums),
        np.where(s <= rounding, 0, s),
    )


def _orthogonal(x: Any, basis: Any) -> Any:
    """Return the components of the columns of `x` orthogonal to an orthonormal basis."""
    return x - np.matmul(basis, np.matmul(swap(basis), x))


def _svd_pullback(cotangent: Array, y: Array, a: Array) -> tuple[Array, ...]:
    gu, gs, gvh = unpack(cotangent, _svd_shapes(a))
    u, s, vh = unpack(y, _svd_shapes(a))
    gaps, sums, sizes = _svd_gaps(s)
    # A singular value is never negative: at 0 it has a kink, with slope 0 as abs has there.
    inner = _on_diagonal(np.where(sizes == 0, 0, gs))
    rows, columns = a.shape[-2:]
    start, stop = _reach(cotangent)
    values = rows * s.shape[-1], rows * s.shape[-1] + s.shape[-1]
    if values[0] <= start and stop <= values[1]:
        return (np.matmul(np.matmul(u, inner), vh),)
    v, gv = swap(vh), swap(gvh)
    left, right = np.matmul(swap(u), gu), np.matmul(vh, gv)
    inner = inner + 0.5 * (_turned(u, gu, gaps) + _turned(v, gv, gaps))
    across = (left - swap(left)) - (right - swap(right))
    inner = inner + 0.5 * over_gap(_off_diagonal(across), sums)
    slopes = np.matmul(np.matmul(u, inner), vh)
    if rows > columns:
        slopes = slopes + np.matmul(over_gap(_orthogonal(gu, u), sizes[..., None, :]), vh)
    if columns > rows:
        slopes = slopes + np.matmul(u, swap(over_gap(_orthogonal(gv, v), sizes[..., None, :])))
    return (slopes,)


def _svd_pushforward(tangents: Sequence[Array], y: Array, a: Array) -> Array:
    ta = tangents[0]
    u, s, vh = unpack(y, _svd_shapes(a))
    v = swap(vh)
    gaps, sums, sizes = _svd_gaps(s)
    inner = np.matmul(np.matmul(swap(u), ta), v)
    ts = np.where(sizes == 0, 0, np.diagonal(inner, 0, -2, -1))
    quotient = over_gap(_off_diagonal(inner), gaps)
    along = 0.5 * (quotient - swap(quotient))
    across = 0.5 * over_gap(_off_diagonal(inner - swap(inner)), sums)
    tu, tv = np.matmul(u, along + across), np.matmul(v, along - across)
    rows, columns = a.shape[-2:]
    if rows > columns:
        tu = tu + over_gap(_orthogonal(np.matmul(ta, v), u), sizes[..., None, :])
    if columns > rows:
        tv = tv + over_gap(_orthogonal(np.matmul(swap(ta), u), v), sizes[..., None, :])
    return pack([tu, ts, swap(tv)], a.ndim - 2)


def _torch_svd(t: Torch, a: Tensor) -> Tensor:
    u, s, vh = t.linalg.svd(a, full_matrices=False)
    signs = _signs(t, u, a, lambda a: np.linalg.svd(a, full_matrices=False)[0])
    return torch_pack(t, (u * signs, s, vh * signs.mT), a.ndim - 2)


SVD = Row(
    name="svd",
    evaluate=lambda a: pack(list(np.linalg.svd(a, full_matrices=False)), np.ndim(a) - 2),
    infer=lambda a: (
        (*a.shape[:-2], sum(math.prod(shape) for shape in _svd_shapes(a))),
        a.dtype,
    ),
    derivative=Rule(_svd_pullback, _svd_pushforward),
    torch=_torch_svd,
    lower=Kernel("svd", may_raise=True, failure=NO_SVD),
    domain=Domain(
        ENTRIES,
        (
            Case(((3, 3),), rising=5.0),
            Case(((4, 2),), rising=5.0),
            Case(((2, 2, 3),), rising=5.0),
        ),
        oriented=True,
    ),
    kink="vectors of equal singular values have slope NaN within their plane; slope 0 at 0",
)
svd = recorded(SVD)


# Cofactors.


def _without(s: Any, *positions: int) -> Any:
    """Return the product of all values except those at some positions."""
    keep = np.ones(s.shape[-1], dtype=bool)
    keep[list(positions)] = False
    return np.prod(np.where(keep, s, 1.0), axis=-1)


def _cofactors(a: Array) -> Array:
    u, s, vh = np.linalg.svd(a)
    others = np.stack([_without(s, i) for i in range(s.shape[-1])], axis=-1)
    sign = np.linalg.det(u) * np.linalg.det(vh)
    result = np.matmul(u * others[..., None, :], vh) * np.round(sign)[..., None, None]
    return result.astype(np.asarray(a).dtype)


def _cofactors_along(a: Array, direction: Array) -> Array:
    """Return the slope of the cofactors by products of singular values, without a quotient."""
    u, s, vh = svd_parts(a)
    number = range(s.shape[-1])
    others = np.stack([np.stack([_without(s, i, j) for j in number], -1) for i in number], -1)
    inner = np.matmul(np.matmul(swap(u), direction), swap(vh))
    others = _off_diagonal(others)
    diagonal = np.diagonal(inner, 0, -2, -1)
    along = np.matmul(others, diagonal[..., None])[..., 0]
    turned = _on_diagonal(along) - others * swap(inner)
    sign = np.sign(np.linalg.det(u)) * np.sign(np.linalg.det(vh))
    return np.matmul(np.matmul(u, turned), vh) * sign[..., None, None]


def _torch_cofactors(t: Torch, a: Tensor) -> Tensor:
    u, s, vh = t.linalg.svd(a.double())  # products of singular values lose digits of float32
    number = s.shape[-1]
    alone = t.eye(number, dtype=t.bool, device=a.device)
    others = t.prod(t.where(alone, 1.0, s[..., None, :]), -1)
    sign = t.sign(t.linalg.det(u.detach()) * t.linalg.det(vh.detach()))
    return ((u * others[..., None, :]) @ vh * sign[..., None, None]).to(a.dtype)


COFACTORS = Row(
    name="cofactors",
    evaluate=_cofactors,
    infer=square,
    derivative=Rule(
        lambda cotangent, y, a: (_cofactors_along(a, cotangent),),
        lambda tangents, y, a: _cofactors_along(a, tangents[0]),
    ),
    torch=_torch_cofactors,
    lower=Kernel("cofactors", in_registers=True, may_raise=True),
    domain=Domain(ENTRIES, SQUARE_CASES),
    kink="to second order also of a singular matrix",
)
cofactors = recorded(COFACTORS)

ROWS: tuple[Row, ...] = (OVER_GAP, EIGH, SVD, COFACTORS)
