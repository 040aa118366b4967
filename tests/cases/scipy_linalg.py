# ruff: noqa: E501, B008
"""Calls of SciPy's linear algebra, by the function's name."""

import itertools

import numpy as np
import scipy.linalg as sl


def square(x):
    return np.array([[x[0] + 3, x[1], x[2]], [x[1] * 2, x[3] + 4, 0.3], [x[4], 0.1, x[5] + 5]])


def swapped(x):
    return square(x)[np.array([2, 0, 1])]


def symmetric(x):
    a = square(x)
    return a + a.T


def batch(x):
    return np.stack([symmetric(x), symmetric(x[::-1])])


def tall(x):
    return np.concatenate([square(x), np.stack([x[:3] * x[3:], np.sin(x[3:])])])


def wide(x):
    return tall(x[::-1]).T


def band(x, rows):
    diagonals = np.stack([np.sin(x * (i + 1)) for i in range(rows)])
    return diagonals + 9.0 * (np.arange(rows) == rows // 2)[:, None]


def positive_band(x, lower):
    rows = np.stack([x + 4.0, np.sin(x), 0.5 * x * x])
    return rows if lower else np.stack([rows[i, np.arange(6) - i] for i in (2, 1, 0)])


def right(x):
    return np.stack([x[:3], x[3:]], axis=1)


STRUCTURED = {
    None: square, "general": swapped, "gen": square, "sym": symmetric, "symmetric": symmetric,
    "her": symmetric, "hermitian": symmetric, "pos": symmetric, "positive definite": symmetric,
    "upper triangular": lambda x: np.triu(square(x)), "lower triangular": lambda x: np.tril(square(x)),
    "diagonal": lambda x: np.diag(x[:3] + 1), "tridiagonal": lambda x: np.triu(np.tril(square(x), 1), -1),
}  # fmt: skip
FLAGS = (False, True)


def without_signs(parts):
    """Return the values, and of the vectors what does not depend on their signs."""
    *values, vectors = parts
    return (*values, vectors[..., :, None, :] * vectors[..., None, :, :])


def product(u, s, vh):
    return (u * s) @ vh


def triangle_of(pair):
    """Return the triangle of a factor that SciPy determines."""
    factor, lower = pair
    return np.tril(factor) if lower else np.triu(factor)


def used_band(rows, lower):
    """Return the elements of a band that lie inside the matrix."""
    number = len(rows)
    return [row[: 6 - i] if lower else row[number - 1 - i :] for i, row in enumerate(rows)]


CASES = {
    "cholesky": [lambda x, lower=lower, make=make: sl.cholesky(make(x), lower=lower) for lower in FLAGS for make in (symmetric, batch, square)],
    "cho_factor": [lambda x, lower=lower: triangle_of(sl.cho_factor(symmetric(x), lower=lower)) for lower in FLAGS],
    "cho_solve": [
        *(lambda x, lower=lower, b=b: sl.cho_solve(sl.cho_factor(symmetric(x), lower=lower), b(x)) for lower in FLAGS for b in (right, lambda x: x[:3])),
        lambda x: sl.cho_solve((np.tril(square(x)), True), x[:3]),
    ],
    "solve": [
        *(lambda x, a=a, make=make: sl.solve(make(x), x[:3], assume_a=a) for a, make in STRUCTURED.items()),
        *(lambda x, a=a, lower=lower: sl.solve(square(x), right(x), assume_a=a, lower=lower) for a in ("sym", "pos") for lower in FLAGS),
        lambda x: sl.solve(square(x), right(x), transposed=True),
        lambda x: sl.solve(np.tril(square(x)), x[3:], assume_a="lower triangular", transposed=True),
        lambda x: sl.solve(batch(x), right(x)),
    ],
    "solve_triangular": [
        lambda x, trans=trans, lower=lower, unit=unit: sl.solve_triangular(square(x), right(x), trans, lower, unit)
        for trans, lower, unit in itertools.product((0, 1, "T"), FLAGS, FLAGS)
    ] + [lambda x: sl.solve_triangular(square(x), x[:3], lower=True)],
    "inv": [lambda x: sl.inv(square(x)), lambda x: sl.inv(batch(x)), lambda x: sl.inv(square(x), assume_a="upper triangular"), lambda x: sl.inv(symmetric(x), assume_a="pos")],
    "det": [lambda x: sl.det(square(x)), lambda x: sl.det(batch(x)), lambda x: sl.det(swapped(x))],
    "lu": [
        *(lambda x, make=make: sl.lu(make(x)) for make in (square, swapped, tall, wide, batch)),
        lambda x: sl.lu(swapped(x), permute_l=True), lambda x: sl.lu(tall(x)[::-1], p_indices=True),
    ],
    "lu_factor": [lambda x, make=make: sl.lu_factor(make(x)) for make in (square, swapped, tall, wide)],
    "lu_solve": [
        lambda x, trans=trans, b=b: sl.lu_solve(sl.lu_factor(swapped(x)), b(x), trans)
        for trans in (0, 1, 2) for b in (right, lambda x: x[:3])
    ],
    "qr": [
        *(lambda x, make=make: sl.qr(make(x)) for make in (square, wide)),
        *(lambda x, mode=mode, make=make: sl.qr(make(x), mode=mode) for mode in ("r", "economic") for make in (square, tall, wide)),
    ],
    "svd": [
        lambda x: without_signs(sl.svd(square(x))[1:2] + sl.svd(square(x))[:1]),
        lambda x: sl.svd(tall(x), compute_uv=False),
        lambda x: product(*sl.svd(wide(x), full_matrices=False)),
    ],
    "svdvals": [lambda x, make=make: sl.svdvals(make(x)) for make in (square, tall, wide)],
    "eigh": [
        *(lambda x, lower=lower, make=make: without_signs(sl.eigh(make(x), lower=lower)) for lower in FLAGS for make in (symmetric, square, batch)),
        *(lambda x, kind=kind: without_signs(sl.eigh(symmetric(x), symmetric(x[::-1]), type=kind)) for kind in (1, 2, 3)),
        lambda x: sl.eigh(symmetric(x), eigvals_only=True, subset_by_index=[1, 2]),
    ],
    "eigvalsh": [lambda x: sl.eigvalsh(symmetric(x)), lambda x: sl.eigvalsh(symmetric(x), symmetric(x[::-1])), lambda x: sl.eigvalsh(square(x), lower=False, subset_by_index=(0, 1))],
    **{name: [lambda x, f=getattr(sl, name): f(square(x) / 4)] for name in ("sinm", "cosm", "tanm", "sinhm", "coshm", "tanhm")},
    "expm": [lambda x: sl.expm(square(x) - 4), lambda x: sl.expm(batch(x) / 9)],
    "sqrtm": [lambda x: sl.sqrtm(square(x)), lambda x: sl.sqrtm(symmetric(x))],
    "logm": [lambda x: sl.logm(square(x)), lambda x: sl.logm(symmetric(x))],
    "norm": [
        *(lambda x, order=order: sl.norm(square(x), order) for order in (None, "fro", 1, -1, 2, -2, np.inf, "nuc")),
        *(lambda x, order=order: sl.norm(x, order) for order in (None, 1, 2, 3, np.inf)),
        lambda x: sl.norm(square(x), axis=0), lambda x: sl.norm(square(x), axis=1, keepdims=True),
    ],
    "pinv": [lambda x: sl.pinv(tall(x)), lambda x: sl.pinv(wide(x), return_rank=True), lambda x: sl.pinv(square(x), rtol=0.1)],
    "lstsq": [
        *(lambda x, b=b: sl.lstsq(tall(x), b(x)) for b in (lambda x: x[:5], lambda x: np.outer(x[:5], x[:2]))),
        lambda x: sl.lstsq(wide(x), x[:3]), lambda x: sl.lstsq(tall(x), x[:5], lapack_driver="gelsy")[:3],
    ],
    "block_diag": [lambda x: sl.block_diag(square(x), x[:2], x[3]), lambda x: sl.block_diag(np.eye(2), x[:, None])],
    "toeplitz": [lambda x: sl.toeplitz(x), lambda x: sl.toeplitz(x[:2], x[2:])],
    "hankel": [lambda x: sl.hankel(x), lambda x: sl.hankel(x[:2], x[2:])],
    "circulant": [lambda x: sl.circulant(x), lambda x: sl.circulant(right(x))],
    "companion": [lambda x: sl.companion(x)],
    "khatri_rao": [lambda x: sl.khatri_rao(right(x), right(x[::-1]))],
    "solve_sylvester": [lambda x: sl.solve_sylvester(square(x), symmetric(x)[:2, :2], right(x))],
    "solve_continuous_lyapunov": [lambda x: sl.solve_continuous_lyapunov(square(x), symmetric(x))],
    "solve_discrete_lyapunov": [lambda x, method=method: sl.solve_discrete_lyapunov(square(x) / 9, symmetric(x), method) for method in (None, "direct", "bilinear")],
    "solve_banded": [
        lambda x, bands=bands, b=b: sl.solve_banded(bands, band(x, sum(bands) + 1), b(x))
        for bands, b in itertools.product(((1, 1), (2, 2), (1, 0)), (lambda x: x, lambda x: np.outer(x, x)))
    ],
    "solveh_banded": [lambda x, lower=lower: sl.solveh_banded(positive_band(x, lower), x, lower=lower) for lower in FLAGS],
    "cholesky_banded": [lambda x, lower=lower: used_band(sl.cholesky_banded(positive_band(x, lower), lower=lower), lower) for lower in FLAGS],
}  # fmt: skip
CASES = {f"scipy.linalg.{name}": cases for name, cases in CASES.items()}
