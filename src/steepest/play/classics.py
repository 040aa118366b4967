"""Classic functions that descents are tried on."""

from __future__ import annotations

from typing import Any

import numpy as np

from steepest.play.subject import Subject, of_numbers


def rosenbrock(x: Any, y: Any) -> Any:
    """Return Rosenbrock's banana: a curved valley with a flat floor."""
    return (1 - x) ** 2 + 100 * (y - x**2) ** 2


def bowl(x: Any, y: Any) -> Any:
    """Return a quadratic that is 25 times as steep in one direction as in the other."""
    return 0.5 * x**2 + 12.5 * y**2


def himmelblau(x: Any, y: Any) -> Any:
    """Return Himmelblau's function, which has four minima."""
    return (x**2 + y - 11) ** 2 + (x + y**2 - 7) ** 2


def beale(x: Any, y: Any) -> Any:
    """Return Beale's function: plains between steep walls."""
    return (1.5 - x + x * y) ** 2 + (2.25 - x + x * y**2) ** 2 + (2.625 - x + x * y**3) ** 2


def camel(x: Any, y: Any) -> Any:
    """Return the six-hump camel."""
    return (4 - 2.1 * x**2 + x**4 / 3) * x**2 + x * y + 4 * (y**2 - 1) * y**2


def rastrigin(x: Any, y: Any) -> Any:
    """Return Rastrigin's function: a bowl full of dents."""
    waves = np.cos(2 * np.pi * x) + np.cos(2 * np.pi * y)
    return 20 + x**2 + y**2 - 10 * waves


def saddle(x: Any, y: Any) -> Any:
    """Return a function with a saddle between two minima."""
    return x**4 / 4 - x**2 / 2 + y**2 / 2


def two_wells(x: Any) -> Any:
    """Return a function of one number with two minima."""
    return x**4 - 3 * x**2 + x


def valley(x: Any, y: Any, z: Any) -> Any:
    """Return Rosenbrock's function of three numbers."""
    return 100 * (y - x**2) ** 2 + (1 - x) ** 2 + 100 * (z - y**2) ** 2 + (1 - y) ** 2


CLASSICS: tuple[Subject, ...] = (
    of_numbers(
        rosenbrock, (-0.7, 2.4), ((-2.0, 2.0), (-1.0, 3.0)), step=8e-4, lowest=0.0, fine=0.02,
        title="classic_rosenbrock",
    ),
    of_numbers(
        bowl, (-8.0, 2.0), ((-10.0, 10.0), (-4.0, 4.0)), step=0.06, lowest=0.0,
        title="classic_bowl",
    ),
    of_numbers(
        himmelblau, (0.5, -0.5), ((-5.0, 5.0), (-5.0, 5.0)), step=8e-3, lowest=0.0,
        title="classic_himmelblau",
    ),
    of_numbers(
        beale, (1.0, 1.5), ((-1.0, 4.5), (-2.0, 2.0)), step=8e-3, lowest=0.0,
        title="classic_beale",
    ),
    of_numbers(
        camel, (-1.8, 0.3), ((-2.1, 2.1), (-1.3, 1.3)), step=0.02, lowest=-1.0316284534898774,
        title="classic_camel",
    ),
    of_numbers(
        rastrigin, (-3.4, 2.6), ((-4.5, 4.5), (-4.5, 4.5)), step=2e-3, lowest=0.0,
        title="classic_rastrigin",
    ),
    of_numbers(
        saddle, (0.02, 1.6), ((-2.0, 2.0), (-2.0, 2.0)), step=0.1, lowest=-0.25,
        title="classic_saddle",
    ),
    of_numbers(
        two_wells, (1.9,), ((-2.4, 2.4),), step=0.02, lowest=-3.513905,
        title="classic_two_wells",
    ),
    of_numbers(
        valley, (-1.0, 1.5, 0.5), ((-2.0, 2.0), (-1.0, 3.0), (-1.0, 3.0)), step=5e-4, lowest=0.0,
        title="classic_valley",
    ),
)  # fmt: skip
"""The functions of the menu."""
