"""`scipy.spatial.transform.Rotation`, of traced quaternions, vectors, matrices and angles."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from steepest.errors import InputError
from steepest.graph.source import at, user_source
from steepest.trace.arrays.array import as_traced
from steepest.trace.following.namespaces import SEEN_BY_NAME
from steepest.trace.following.stand_ins import MADE_OUTSIDE, LibraryObject
from steepest.trace.functions.registry import Array, ArrayLike
from steepest.trace.functions.scipy.registry import floating
from steepest.trace.functions.scipy.spatial import euler, quaternions

_DEGREE = math.pi / 180.0


def _doubles(x: ArrayLike) -> Array:
    return floating(x).astype(np.float64)


def _demand_last(name: str, x: Array, extent: int) -> None:
    if not x.ndim or x.shape[-1] != extent:
        raise InputError(
            f"Rotation.{name}{at(user_source())}: the last axis of an array of shape {x.shape} "
            f"must have {extent} elements"
        )


class Rotation(LibraryObject):
    """Rotations of traced quaternions, with the scalar last."""

    def __init__(self, quat: ArrayLike, normalize: bool = True, copy: bool = True) -> None:
        q = _doubles(quat)
        _demand_last("from_quat", q, 4)
        self._q = quaternions.normalized(q) if normalize else q

    @classmethod
    def from_quat(cls, quat: ArrayLike, *, scalar_first: bool = False) -> Rotation:
        """Return the rotations of quaternions, which are normalized."""
        q = _doubles(quat)
        _demand_last("from_quat", q, 4)
        return cls(np.roll(q, -1, axis=-1) if scalar_first else q)

    @classmethod
    def from_rotvec(cls, rotvec: ArrayLike, degrees: bool = False) -> Rotation:
        """Return the rotations around vectors, by their lengths."""
        v = _doubles(rotvec)
        _demand_last("from_rotvec", v, 3)
        return cls(quaternions.of_rotation_vector(v * _DEGREE if degrees else v), False)

    @classmethod
    def from_matrix(cls, matrix: ArrayLike, *, assume_valid: bool = False) -> Rotation:
        """Return the rotations of matrices."""
        m = _doubles(matrix)
        if m.ndim < 2 or m.shape[-2:] != (3, 3):
            raise InputError(
                f"Rotation.from_matrix{at(user_source())}: matrices of shape {m.shape} must be 3 "
                "by 3"
            )
        return cls(quaternions.of_matrix(m, assume_valid), False)

    @classmethod
    def from_euler(cls, seq: str, angles: ArrayLike, degrees: bool = False) -> Rotation:
        """Return the rotations by angles about axes."""
        given = _doubles(angles)
        if not given.ndim:
            given = given[..., None]
        _demand_last("from_euler", given, len(seq))
        return cls(euler.of_euler(seq, given * _DEGREE if degrees else given), False)

    @classmethod
    def identity(cls, num: int | None = None) -> Rotation:
        """Return rotations that leave everything where it is."""
        q = np.array([0.0, 0.0, 0.0, 1.0])
        return cls(q if num is None else np.tile(q, (num, 1)), False)

    @classmethod
    def concatenate(cls, rotations: Any) -> Rotation:
        """Return the rotations of several objects in one."""
        given = [rotations] if isinstance(rotations, Rotation) else list(rotations)
        return cls(np.concatenate([np.atleast_2d(r._q) for r in given]), False)

    @property
    def single(self) -> bool:
        """Whether this is one rotation, and no sequence of them."""
        return bool(self._q.ndim == 1)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the sequence of rotations."""
        shape: tuple[int, ...] = self._q.shape[:-1]
        return shape

    def __len__(self) -> int:
        if self.single:
            raise TypeError(f"a single rotation has no length{at(user_source())}")
        return int(self._q.shape[0])

    def __getitem__(self, key: Any) -> Rotation:
        if self.single:
            raise TypeError(f"a single rotation has no items{at(user_source())}")
        return Rotation(self._q[key], False)

    def __iter__(self) -> Any:
        return (self[i] for i in range(len(self)))

    def as_quat(self, canonical: bool = False, *, scalar_first: bool = False) -> Array:
        """Return quaternions."""
        q = quaternions.canonical(self._q) if canonical else self._q
        return np.roll(q, 1, axis=-1) if scalar_first else q

    def as_matrix(self) -> Array:
        """Return matrices."""
        return quaternions.matrix(self._q)

    def as_rotvec(self, degrees: bool = False) -> Array:
        """Return rotation vectors."""
        v = quaternions.rotation_vector(self._q)
        return v / _DEGREE if degrees else v

    def as_euler(
        self, seq: str, degrees: bool = False, *, suppress_warnings: bool = False
    ) -> Array:
        """Return angles about axes; gimbal lock is refused, not warned of."""
        angles = euler.euler(seq, self._q)
        return angles / _DEGREE if degrees else angles

    def magnitude(self) -> Array:
        """Return the angles of the rotations."""
        return quaternions.magnitude(self._q)

    def inv(self) -> Rotation:
        """Return the inverse rotations."""
        return Rotation(quaternions.conjugate(self._q), False)

    def apply(self, vectors: ArrayLike, inverse: bool = False) -> Array:
        """Return rotated vectors."""
        v = _doubles(vectors)
        _demand_last("apply", v, 3)
        matrix = quaternions.matrix(quaternions.conjugate(self._q) if inverse else self._q)
        return np.sum(matrix * v[..., None, :], axis=-1)

    def __mul__(self, other: Any) -> Any:
        if not isinstance(other, Rotation):
            return NotImplemented
        # SciPy normalizes products, so that rounding does not add up.
        return Rotation(quaternions.product(self._q, other._q))

    def __pow__(self, n: Any, modulus: None = None) -> Rotation:
        if modulus is not None:
            return NotImplemented
        return Rotation.from_rotvec(self.as_rotvec() * as_traced(n))


MADE_OUTSIDE["scipy.spatial.transform.Rotation"] = lambda value, see: Rotation(
    np.asarray(value.as_quat()), False
)
SEEN_BY_NAME["scipy.spatial.transform.Rotation"] = Rotation
