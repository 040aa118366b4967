"""Euler angles of rotations, about fixed axes (lower case) or turned ones (upper case)."""

from __future__ import annotations

import itertools
import math
import re
from typing import Any

import numpy as np

from steepest.errors import InputError, UnsupportedError
from steepest.graph.source import at, user_source
from steepest.trace.arrays.dispatch import demand
from steepest.trace.functions.registry import Array
from steepest.trace.functions.scipy.spatial.quaternions import product

_LOCKED = 1e-7
"""Where the middle angle is nearer to its end, the others are not determined."""


def _axes(sequence: str) -> tuple[list[int], bool]:
    """Return the numbers of the axes, and whether they are fixed."""
    if not re.fullmatch("[xyz]{1,3}|[XYZ]{1,3}", sequence):
        raise InputError(
            f"Rotation{at(user_source())}: axes must be up to three of xyz or XYZ, got "
            f"{sequence!r}"
        )
    axes = ["xyz".index(letter) for letter in sequence.lower()]
    if any(a == b for a, b in itertools.pairwise(axes)):
        raise InputError(f"Rotation{at(user_source())}: axes in a row must differ: {sequence!r}")
    return axes, sequence.islower()


def of_euler(sequence: str, angles: Array) -> Array:
    """Return the quaternion of rotations about axes, one after another."""
    axes, are_fixed = _axes(sequence)
    result: Any = None
    for position, axis in enumerate(axes):
        half = 0.5 * angles[..., position]
        zero = np.zeros_like(half)
        parts = [np.sin(half) if i == axis else zero for i in range(3)]
        one = np.stack([*parts, np.cos(half)], axis=-1)
        if result is None:
            result = one
        else:
            result = product(one, result) if are_fixed else product(result, one)
    return result


def euler(sequence: str, q: Array) -> Array:
    """Return three angles by the formula of Bernardes and Viollet (2022)."""
    axes, are_fixed = _axes(sequence)
    if len(axes) != 3:
        raise InputError(f"Rotation.as_euler{at(user_source())} needs three axes")
    i, j, k = axes if are_fixed else axes[::-1]
    first, third = (0, 2) if are_fixed else (2, 0)
    is_symmetric = i == k
    k = 3 - i - j if is_symmetric else k
    sign = (i - j) * (j - k) * (k - i) // 2
    x = [q[..., n] for n in range(4)]
    if is_symmetric:
        a, b, c, d = x[3], x[i], x[j], x[k] * sign
    else:
        a, b, c, d = x[3] - x[j], x[i] + x[k] * sign, x[j] + x[3], x[k] * sign - x[i]
    middle = 2.0 * np.arctan2(np.hypot(c, d), np.hypot(a, b))
    where = at(user_source())
    demand(
        np.all((middle > _LOCKED) & (middle < math.pi - _LOCKED)),
        lambda: UnsupportedError(
            f"Rotation.as_euler{where} at gimbal lock cannot be recorded: two of the angles are "
            "not determined there; use another order of axes, or a rotation vector"
        ),
    )
    total, difference = np.arctan2(b, a), np.arctan2(d, c)
    angles: list[Any] = [None, middle, None]
    angles[first], angles[third] = total - difference, total + difference
    if not is_symmetric:
        angles[third] = angles[third] * sign
        angles[1] = angles[1] - math.pi / 2
    return np.stack([_wrapped(angle) for angle in angles], axis=-1)


def _wrapped(angle: Array) -> Array:
    turn = 2 * math.pi
    return angle + turn * (angle < -math.pi) - turn * (angle > math.pi)
