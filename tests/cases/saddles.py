"""Problems with constraints whose starts are saddle points, or lead to one by symmetry."""

import numpy as np


def on_disc(x):
    return 1.0 - np.sum(x**2)


def apart(x):
    return np.stack([on_disc(x[:2]), on_disc(x[2:])])


DISC = {"type": "ineq", "fun": on_disc}
SPHERE = {"type": "eq", "fun": on_disc}
DIAGONAL = np.arange(1.0, 14.0)
SADDLES = {
    "on the way": (lambda x: x[0] * x[1], [1.0, 1.0], DISC, -0.5),
    "at the start": (lambda x: x[0] * x[1], [0.0, 0.0], DISC, -0.5),
    "maximum": (lambda x: -np.sum(x**2), [0.0, 0.0, 0.0], DISC, -1.0),
    "without a constraint": (lambda x: x[0] ** 2 - x[1] ** 2 + x[1] ** 4, [1.0, 0.0], (), -0.25),
    "bent by a constraint": (lambda x: x[2] - x[0] ** 2, [0.0, 0.0, 1.0], SPHERE, -1.25),
    "second eigenvector": (lambda x: np.sum([1, 2, 3] * x**2), [0.0, 1.0, 0.0], SPHERE, 1.0),
    "one of many": (lambda x: np.sum(DIAGONAL * x**2), np.eye(13)[7], SPHERE, 1.0),
    "several": (
        lambda x: -np.sum((x[:2] - x[2:]) ** 2),
        np.zeros(4),
        {"type": "ineq", "fun": apart},
        -4.0,
    ),
}
"""Losses, starts that lead to a saddle point or are one, constraints, and least losses."""
