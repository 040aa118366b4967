"""Quaternions of rotations, with the scalar last: products, and other forms of a rotation."""

from __future__ import annotations

from typing import Any

import numpy as np

from steepest.errors import UnsupportedError
from steepest.graph.source import at, user_source
from steepest.trace.arrays.dispatch import demand
from steepest.trace.functions.registry import Array

_SMALL = 1e-6
"""Below this square of an angle its functions are summed as series."""


def product(p: Array, q: Array) -> Array:
    """Return the product of quaternions: first `q` rotates, then `p`."""
    px, py, pz, pw = (p[..., i] for i in range(4))
    qx, qy, qz, qw = (q[..., i] for i in range(4))
    return np.stack(
        [
            pw * qx + px * qw + py * qz - pz * qy,
            pw * qy - px * qz + py * qw + pz * qx,
            pw * qz + px * qy - py * qx + pz * qw,
            pw * qw - px * qx - py * qy - pz * qz,
        ],
        axis=-1,
    )


def conjugate(q: Array) -> Array:
    """Return the quaternion of the inverse rotation."""
    return np.concatenate([-q[..., :3], q[..., 3:]], axis=-1)


def normalized(q: Array) -> Array:
    """Return quaternions divided by their sizes."""
    return q / np.sqrt(np.sum(np.square(q), axis=-1, keepdims=True))


def _square(v: Array) -> tuple[Array, Array, Array]:
    """Return the squared lengths of vectors, whether they are small, and lengths with no zeros."""
    square = np.sum(np.square(v), axis=-1, keepdims=True)
    is_small = square <= _SMALL
    return square, is_small, np.sqrt(np.where(is_small, 1.0, square))


def of_rotation_vector(v: Array) -> Array:
    """Return the quaternion of a rotation by a vector's length around it."""
    a2, is_small, angle = _square(v)
    series = 0.5 - a2 / 48.0 + a2 * a2 / 3840.0 - a2**3 / 645120.0
    scale = np.where(is_small, series, np.sin(0.5 * angle) / angle)
    near = 1.0 - a2 / 8.0 + a2 * a2 / 384.0 - a2**3 / 46080.0
    return np.concatenate([scale * v, np.where(is_small, near, np.cos(0.5 * angle))], axis=-1)


def rotation_vector(q: Array) -> Array:
    """Return the rotation vector, no longer than pi."""
    q = canonical(q)
    v, w = q[..., :3], q[..., 3:]
    s2, is_small, length = _square(v)
    w = np.where(is_small, w, np.where(is_small, 1.0, w))
    ratio = s2 / np.where(is_small, w * w, 1.0)
    series = 2.0 * (1.0 - ratio / 3.0 + ratio**2 / 5.0 - ratio**3 / 7.0)
    near = series / np.where(is_small, w, 1.0)
    return np.where(is_small, near, 2.0 * np.arctan2(length, w) / length) * v


def magnitude(q: Array) -> Array:
    """Return the angle of a rotation, from 0 to pi."""
    size = np.linalg.norm(q[..., :3], axis=-1)
    return 2.0 * np.arctan2(size, np.abs(q[..., 3]))


def canonical(q: Array) -> Array:
    """Return the one of both quaternions whose first nonzero part, from w on, is positive."""
    x, y, z, w = (q[..., i] for i in range(4))
    turns = (w < 0) | ((w == 0) & ((x < 0) | ((x == 0) & ((y < 0) | ((y == 0) & (z < 0))))))
    return np.where(turns[..., None], -q, q)


def matrix(q: Array) -> Array:
    """Return rotation matrices."""
    x, y, z, w = (q[..., i] for i in range(4))
    rows = [
        [x * x - y * y - z * z + w * w, 2 * (x * y - z * w), 2 * (x * z + y * w)],
        [2 * (x * y + z * w), -x * x + y * y - z * z + w * w, 2 * (y * z - x * w)],
        [2 * (x * z - y * w), 2 * (y * z + x * w), -x * x - y * y + z * z + w * w],
    ]
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)


_NEAR = 1e-3
"""Matrices that are further from orthogonal are refused; nearer ones are made orthogonal."""


def _orthogonal(m: Array) -> Array:
    """Return the nearest orthogonal matrix to one that is nearly orthogonal, by a series."""
    away = np.matmul(np.swapaxes(m, -1, -2), m) - np.eye(3)
    where = at(user_source())
    demand(
        np.all(np.abs(away) < _NEAR),
        lambda: UnsupportedError(
            f"Rotation.from_matrix{where} of a matrix that is not orthogonal cannot be recorded: "
            "make it orthogonal first, with np.linalg.svd or np.linalg.qr"
        ),
    )
    square = np.matmul(away, away)
    factor = np.eye(3) - 0.5 * away + 0.375 * square - 0.3125 * np.matmul(square, away)
    return np.matmul(m, factor)


def of_matrix(m: Array, assume_valid: bool) -> Array:
    """Return the quaternion of a matrix, from its largest component."""
    m = m if assume_valid else _orthogonal(m)
    diagonal = [m[..., i, i] for i in range(3)]
    trace: Any = diagonal[0] + diagonal[1] + diagonal[2]
    choice = np.argmax(np.stack([*diagonal, trace], axis=-1), axis=-1)
    found: Any = _by_scalar(m, trace)
    for i in range(3):
        found = np.where((choice == i)[..., None], _by_axis(m, i, trace), found)
    # Of quaternions that are not chosen, the parts may be zero: they are not divided.
    return normalized(found)


def _by_axis(m: Array, i: int, trace: Array) -> Array:
    j, k = (i + 1) % 3, (i + 2) % 3
    parts: dict[int, Any] = {
        i: 1.0 - trace + 2.0 * m[..., i, i],
        j: m[..., j, i] + m[..., i, j],
        k: m[..., k, i] + m[..., i, k],
        3: m[..., k, j] - m[..., j, k],
    }
    return np.stack([parts[n] for n in range(4)], axis=-1)


def _by_scalar(m: Array, trace: Array) -> Array:
    pairs = ((2, 1), (0, 2), (1, 0))
    parts = [m[..., a, b] - m[..., b, a] for a, b in pairs]
    return np.stack([*parts, 1.0 + trace], axis=-1)
