"""Covariance and rank from the triangular factor of a Jacobian."""

from __future__ import annotations

from typing import Any

import numpy as np

from steepest.descent.iteration.fit_report import tolerance


def covariance_from_r(r: np.ndarray, observations: int) -> tuple[np.ndarray, int]:
    """Return the inverse of ``J.T @ J``, and the rank of J.

    Parameters
    ----------
    r
        R of the QR decomposition of J, shape (m, n).
    observations
        Number of rows of J.

    Returns
    -------
    inverse : ndarray
        Shape (n, n); infinite if the rank is less than n.
    rank : int
        Rank of J with its columns scaled to length 1; 0 if they are not finite.
    """
    number = r.shape[1]
    if not np.isfinite(r).all():
        return np.full((number, number), np.inf), 0
    scale = column_scales(r)
    _, values, rows = np.linalg.svd(r / scale, full_matrices=False)
    tiny = tolerance(r.dtype, observations)
    rank = int(np.sum(values > tiny * values.max(initial=0.0)))
    if rank < number:
        return np.full((number, number), np.inf), rank
    half = rows.T / values / scale[:, None]
    with np.errstate(over="ignore", under="ignore"):  # of parameters of extreme sizes
        return half @ half.T, rank


def column_scales(matrices: np.ndarray) -> np.ndarray:
    """Return the norms of the columns of finite matrices, shape (..., n); 1 for columns of zeros.

    The squares of large or small elements are not formed, which would overflow or vanish.
    """
    largest = np.max(np.abs(matrices), axis=-2, initial=0.0, keepdims=True)
    largest = np.where(largest > 0, largest, 1.0)
    norms = np.sqrt(np.sum(np.square(matrices / largest), axis=-2, keepdims=True))
    with np.errstate(over="ignore"):
        scales = np.minimum(largest * norms, np.finfo(largest.dtype).max)
    return np.asarray(np.where(norms > 0, scales, 1.0))[..., 0, :]


def rank_of(jacobian: np.ndarray, share: float) -> int:
    """Return the rank of a Jacobian with its columns scaled to length 1.

    Singular values above the fraction `share` of the largest one count; none if the Jacobian is
    not finite.
    """
    return int(ranks_of(jacobian[None], share)[0])


def ranks_of(jacobians: np.ndarray, share: Any) -> np.ndarray:
    """Return the ranks of Jacobians, shape (N, m, n), as :func:`rank_of` does for one."""
    finite = np.isfinite(jacobians).all(axis=(1, 2))
    jacobians = np.where(finite[:, None, None], jacobians, 0.0)
    scaled = jacobians / column_scales(jacobians)[:, None]
    values = np.linalg.svd(scaled, compute_uv=False)
    largest = values.max(axis=1, initial=0.0)
    ranks: np.ndarray = np.sum(values > (share * largest)[:, None], axis=1)
    return ranks


def propagate_covariance(covariance: np.ndarray, slopes: np.ndarray) -> np.ndarray:
    """Return the covariance of functions of the parameters, given their derivatives.

    Functions of a parameter with infinite or NaN covariance have the same.
    """
    known: np.ndarray = slopes @ np.where(np.isfinite(covariance), covariance, 0.0) @ slopes.T
    touched = (slopes != 0).astype(float)
    for missing, sign in ((np.isinf(covariance), np.inf), (np.isnan(covariance), np.nan)):
        known[touched @ missing.astype(float) @ touched.T > 0] = sign
    return known


def covariances_from_r(
    factor: np.ndarray, free: np.ndarray, observations: np.ndarray
) -> np.ndarray:
    """Return the inverses of ``J.T @ J`` by the free parameters, for the R of each J."""
    number = len(free)
    if number < factor.shape[1]:
        finite = np.isfinite(factor).all(axis=(1, 2))
        some = np.where(finite[:, None, None], factor[:, :, free], 0.0)
        r = np.where(finite[:, None, None], np.linalg.qr(some, "r"), np.nan)
    else:
        r = factor
    with np.errstate(all="ignore"):
        scale = column_scales(r)
        scaled = r / scale[:, None, :]
        inverse = _inverse(scaled)
        squares = np.sum(np.square(scaled), (1, 2)) * np.sum(np.square(inverse), (1, 2))
        half = inverse / scale[:, :, None]
        result: np.ndarray = half @ np.swapaxes(half, 1, 2)
    tiny = tolerance(r.dtype, observations)
    finite = np.isfinite(r).all(axis=(1, 2))
    for i in np.flatnonzero(finite & ~(np.sqrt(squares) * tiny < 0.1)):  # few are ill-conditioned
        result[i], _ = covariance_from_r(r[i], observations[i])
    result[~finite] = np.nan
    return result


def _inverse(r: np.ndarray) -> np.ndarray:
    """Return the inverses of upper triangular matrices, shape (N, n, n)."""
    number = r.shape[1]
    result = np.zeros_like(r)
    for j in range(number):
        result[:, j, j] = 1.0 / r[:, j, j]
        for i in reversed(range(j)):
            total = np.einsum("nk,nk->n", r[:, i, i + 1 : j + 1], result[:, i + 1 : j + 1, j])
            result[:, i, j] = -total / r[:, i, i]
    return result
