# ruff: noqa: E501
"""Calls of SciPy's integration of samples, by the function's name."""

import numpy as np
import scipy.integrate as sg

T = np.array([0.0, 0.3, 0.5, 1.1, 1.3, 2.0])


def rows(x):
    return np.stack([x, x[::-1] ** 2])


def of_samples(rule, sizes=(2, 3, 4, 5, 6)):
    return [
        *(lambda x, n=n: rule(x[:n]) for n in sizes),
        *(lambda x, n=n: rule(x[:n], x=T[:n]) for n in sizes),
        lambda x: rule(rows(x), x=np.cumsum(x)), lambda x: rule(rows(x).T, x=T, axis=0),
        lambda x: rule(rows(x), dx=0.3 * x[0]), lambda x: rule(rows(x), x=np.cumsum(rows(x), axis=1)),
    ]  # fmt: skip


CASES = {
    "trapezoid": of_samples(sg.trapezoid),
    "simpson": of_samples(sg.simpson),
    "cumulative_trapezoid": [*of_samples(sg.cumulative_trapezoid), lambda x: sg.cumulative_trapezoid(rows(x), initial=0)],
    "cumulative_simpson": [
        *of_samples(sg.cumulative_simpson), lambda x: sg.cumulative_simpson(rows(x), initial=x[0]),
        lambda x: sg.cumulative_simpson(rows(x), dx=x[:2, None], x=None), lambda x: sg.cumulative_simpson(rows(x), initial=x[:2, None]),
    ],
    "romb": [lambda x: sg.romb(x[:5], dx=x[5]), lambda x: sg.romb(rows(x)[:, :3]), lambda x: sg.romb(rows(x)[:, :3], axis=0 - 1), lambda x: sg.romb(np.concatenate([x, x[:3]]))],
    "fixed_quad": [
        lambda x: sg.fixed_quad(lambda t: np.sin(x[0] * t) * x[1], x[2], 2.0)[0],
        lambda x: sg.fixed_quad(lambda t, a: np.exp(-a[:, None] * t), 0.0, x[0], args=(x,), n=7)[0],
        lambda x: sg.fixed_quad(np.cos, 0.0, x[0])[0],
    ],
}  # fmt: skip
CASES = {f"scipy.integrate.{name}": cases for name, cases in CASES.items()}
