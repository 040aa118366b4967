# ruff: noqa: E501
"""Calls of SciPy's solvers, by the function's name; tolerances are tight enough for differences."""

import numpy as np
import scipy.optimize as so

TIGHT = {"xtol": 1e-14, "rtol": 1e-14}


def equation(u, a, b):
    return np.tanh(u) + a * u**3 - b


def slope(u, a, b):
    return 1 / np.cosh(u) ** 2 + 3 * a * u**2


def curvature(u, a, b):
    return -2 * np.tanh(u) / np.cosh(u) ** 2 + 6 * a * u


def system(u, a):
    return [u[0] ** 2 + a[0] * u[1] - 2.0, np.sin(u[1]) + a[1] * u[0] - 1.0]


def energy(u, a, b):
    return np.exp(a * u) - 3 * b * u + u**2


def found(result):
    return result.x, result.fun


def brackets(name):
    solver = getattr(so, name)
    return [
        lambda x: solver(lambda u: equation(u, x[0], x[1]), -3.0, 2.0, **TIGHT),
        lambda x: solver(equation, -3.0, 2.0, args=(x[0], x[1]), **TIGHT),
        lambda x: solver(equation, -x[4], x[5] + 2, (x[0], 0.4), full_output=True, **TIGHT)[0],
        lambda x: (
            solver(lambda u: equation(u, 0.5, x[2]), -3.0, 2.0, full_output=True, **TIGHT)[1].root
        ),
        lambda x: sum(solver(equation, -3.0, 2.0, (x[i], x[i + 1]), **TIGHT) for i in range(3)),
    ]


CASES = {
    **{name: brackets(name) for name in ("brentq", "brenth", "bisect", "ridder", "toms748")},
    "newton": [
        lambda x: so.newton(lambda u: equation(u, x[0], x[1]), 0.3, tol=1e-14),
        lambda x: so.newton(equation, 0.3, slope, (x[0], x[1]), tol=1e-14),
        lambda x: so.newton(equation, 0.3, slope, (x[0], x[1]), tol=1e-14, fprime2=curvature),
        lambda x: so.newton(equation, 0.3, args=(x[0], x[1]), x1=0.5, tol=1e-14),
        lambda x: so.newton(equation, np.full(6, 0.2), args=(x, x[::-1]), tol=1e-14, maxiter=90),
        lambda x: so.newton(equation, np.full(3, 0.2), slope, (x[:3], x[0]), tol=1e-14),
    ],
    "root_scalar": [
        *(lambda x, m=m: so.root_scalar(equation, (x[0], x[1]), method=m, bracket=[-3, 2], **TIGHT).root for m in ("brentq", "bisect", "toms748", "ridder", "brenth", None)),
        lambda x: so.root_scalar(equation, (x[0], x[1]), x0=0.3, fprime=slope, xtol=1e-14).root,
        lambda x: so.root_scalar(equation, (x[0], x[1]), x0=0.3, fprime=slope, fprime2=curvature, method="halley", xtol=1e-14).root,
        lambda x: so.root_scalar(equation, (x[0], x[1]), x0=0.3, x1=x[3], method="secant", xtol=1e-14).root,
    ],
    "fsolve": [
        lambda x: so.fsolve(system, [1.0, 0.5], args=(x[:2],), xtol=1e-13),
        lambda x: so.fsolve(lambda u: np.array(system(u, x[2:4])) * x[5], np.array([1.0, 0.5]), xtol=1e-13),
        lambda x: so.fsolve(lambda u: equation(u, x[0], x[1]), 0.3, xtol=1e-13),
        lambda x: so.fsolve(lambda u: u + 0.1 * np.roll(u, 1) ** 2 - x, x, xtol=1e-13),
        lambda x: so.fsolve(system, [1.0, 0.5], args=(x[:2],), xtol=1e-13, full_output=True)[0],
    ],
    "root": [
        *(lambda x, m=m: so.root(system, [1.0, 0.5], args=(x[:2],), method=m, tol=1e-13).x for m in ("hybr", "lm")),
        lambda x: so.root(lambda u: equation(u, x[0], x[1]), 0.3, tol=1e-13).x,
        lambda x: so.root(lambda u: u + 0.1 * np.roll(u, 1) ** 2 - x, x, tol=1e-13)["x"],
    ],
    "fixed_point": [
        lambda x: so.fixed_point(lambda u: np.cos(u) * x[0], 0.4, xtol=1e-14),
        lambda x: so.fixed_point(lambda u, a: np.cos(u) * a, x, args=(x,), xtol=1e-13),
        lambda x: so.fixed_point(lambda u: 0.4 * np.cos(u) * x[0], 0.4, xtol=1e-14, method="iteration"),
    ],
    "minimize_scalar": [
        lambda x: found(so.minimize_scalar(lambda u: energy(u, x[0], x[1]), tol=1e-12))[1],
        lambda x: so.minimize_scalar(energy, args=(x[0], x[1]), bounds=(-1, 1), options={"xatol": 1e-13}).fun,
        lambda x: so.minimize_scalar(lambda u: u**2 + x[0] * u, bounds=(x[1], 2.0), options={"xatol": 1e-11}).fun,
    ],
    "nnls": [
        lambda x: so.nnls(np.outer(x, [1.0, -1.0, 0.5]) + np.eye(6, 3), x[::-1]),
        lambda x: so.nnls(np.eye(6, 4) + 0.1, np.concatenate([x[:3], -x[3:]])),
    ],
}  # fmt: skip
CASES = {f"scipy.optimize.{name}": cases for name, cases in CASES.items()}
