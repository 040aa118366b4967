# ruff: noqa: E501
"""Calls of SciPy's interpolation, by the function's name."""

import numpy as np
import scipy.interpolate as si

T = np.array([-0.3, 0.05, 0.22, 0.41, 0.66, 0.93, 1.4])
Y = np.array([0.3, -0.2, 0.9, 0.4, 1.3, 0.2, 0.7])
YY = np.stack([Y, np.cos(Y)], axis=1)
MANY = np.linspace(-0.2, 1.2, 60)
KINDS = [
    "linear",
    "nearest",
    "nearest-up",
    "zero",
    "slinear",
    "quadratic",
    "cubic",
    "previous",
    "next",
    4,
]
CONDITIONS = [
    "not-a-knot",
    "natural",
    "clamped",
    ("natural", "clamped"),
    ((1, 0.3), (2, -0.2)),
    ("not-a-knot", (1, 0.5)),
]
GRID = (np.array([-0.2, 0.3, 0.5, 1.1]), np.array([1.0, 0.7, 0.35, -0.1]))
VALUES = np.sin(np.arange(16.0)).reshape(4, 4)
SHAPE = (2, 3)


def ordinates(x):
    return np.concatenate([np.sin(3 * x), x[:1] ** 2])


def periodic(x):
    return np.concatenate([np.sin(3 * x), np.sin(3 * x[:1])])


def positions(x):
    return np.cumsum(x)


def everything(spline, x):
    """Return values, derivatives and integrals of a piecewise polynomial."""
    return (
        spline(x), spline(x, 1), spline(x, 2), spline.derivative()(x),
        spline.antiderivative()(x), spline.integrate(x[0], x[1]),
    )  # fmt: skip


def univariate(spline, x):
    return spline(x), spline.integral(x[0], 2 * x[1]), spline.get_coeffs()


def of_pieces(make, *further):
    """Return cases for an interpolant made outside, made of traced values, and of positions."""
    outside, columns, many = make(T, Y), make(T, YY), make(MANY, np.cos(7 * MANY))
    rows = make(T, YY.T, axis=1)
    return [
        lambda x: everything(outside, x),
        lambda x: columns(x.reshape(SHAPE)),
        lambda x: rows(x.reshape(SHAPE)),
        lambda x: many(x),
        lambda x: outside(x[0]),
        lambda x: outside(3 * x - 1, extrapolate=True),
        lambda x: np.nan_to_num(outside(3 * x - 1, extrapolate=False), nan=7.0),
        lambda x: everything(make(T, ordinates(x)), x),
        lambda x: make(T, np.stack([ordinates(x), ordinates(x[::-1])]), axis=1)(x),
        lambda x: make(positions(x), x)(np.array([0.7, 1.1, 2.1])),
        *(lambda x, n=n: np.nan_to_num(make(T[:n], x[:n])(x)) for n in (2, 3, 4)),
        *further,
    ]  # fmt: skip


KNOTS = np.array([-0.5, -0.5, -0.5, -0.5, 0.3, 0.5, 0.7, 1.5, 1.5, 1.5, 1.5])
MADE = {k: si.make_interp_spline(T, Y, k=k) for k in range(6)}
TCK, SMOOTH = si.splrep(T, Y), si.splrep(MANY, np.cos(7 * MANY) + 0.1 * np.sin(99 * MANY), s=0.2)
CURVE, _ = si.splprep([T, Y], s=0)
UNIVARIATE = {
    ext: si.UnivariateSpline(MANY, np.cos(7 * MANY) + 0.1 * np.sin(99 * MANY), s=0.2, ext=ext)
    for ext in (0, 1, 3)
}
LEAST_SQUARES = si.LSQUnivariateSpline(MANY, np.cos(7 * MANY), [0.0, 0.5, 0.9])
PERIODIC = si.CubicSpline(T, periodic(T[:-1]), bc_type="periodic")

CASES = {
    "PPoly": [
        lambda x: everything(si.PPoly(np.stack([x, x[::-1], x * x]), T), x),
        lambda x: si.PPoly(np.stack([x, x[::-1], x * x]), T, extrapolate="periodic")(9 * x),
        lambda x: si.PPoly(np.stack([x, x[::-1], x * x]), T, extrapolate="periodic").integrate(-x[0], 5 + x[1]),
    ],
    "CubicHermiteSpline": [
        lambda x: everything(si.CubicHermiteSpline(T[:6], x, np.cos(x)), x),
        lambda x: si.CubicHermiteSpline(T, YY, YY * x[0], axis=0)(x),
    ],
    "CubicSpline": of_pieces(
        si.CubicSpline,
        *(lambda x, c=c: si.CubicSpline(T, ordinates(x), bc_type=c)(x) for c in CONDITIONS),
        *(lambda x, c=c: si.CubicSpline(T[:3], x[:3], bc_type=c)(x) for c in CONDITIONS),
        *(lambda x, c=c: si.CubicSpline(T[:2], x[:2], bc_type=c)(x) for c in CONDITIONS[:5]),
        *(lambda x, n=n: si.CubicSpline(T[:n], np.concatenate([x[: n - 1], x[:1]]), bc_type="periodic")(5 * x) for n in (3, 4, 5, 7)),
        lambda x: PERIODIC(9 * x), lambda x: PERIODIC.integrate(-3 * x[0], 7 * x[1]),
        lambda x: si.CubicSpline(T, YY * x[1], bc_type=((1, x[:2]), (2, [0.1, x[3]])))(x),
    ),
    "PchipInterpolator": of_pieces(si.PchipInterpolator, lambda x: si.PchipInterpolator(T, np.cumsum(ordinates(x) ** 2))(x)),
    "pchip_interpolate": [lambda x, der=der: si.pchip_interpolate(T, ordinates(x), x, der=der) for der in (0, 1)],
    "Akima1DInterpolator": of_pieces(
        si.Akima1DInterpolator, lambda x: si.Akima1DInterpolator(T, ordinates(x), method="makima")(x),
    ),
    "BSpline": [
        *(lambda x, spline=spline: (spline(x), spline(x, nu=1), spline.antiderivative()(x), spline.integrate(x[0], x[1])) for spline in MADE.values()),
        *(lambda x, spline=spline: (spline.derivative()(x), spline(4.1 * x - 2), spline.integrate(-x[0], 4 * x[1])) for k, spline in MADE.items() if k),
        *(lambda x, e=e: np.nan_to_num(si.BSpline(KNOTS, ordinates(x), 3, extrapolate=e)(4.1 * x - 2)) for e in (True, False, "periodic")),
        *(lambda x, e=e: si.BSpline(KNOTS, ordinates(x), 3).integrate(-2 * x[0], 3 * x[1], extrapolate=e) for e in (True, False, "periodic")),
        lambda x: si.BSpline(KNOTS, YY * x[0], 3)(x), lambda x: si.BSpline(KNOTS, YY.T * x[0], 3, axis=1)(x.reshape(SHAPE)),
        lambda x: si.make_interp_spline(T, YY.T, axis=1)(x.reshape(SHAPE)) * x[0],
        lambda x: si.BSpline(KNOTS, ordinates(x), 3)(x[0], nu=2),
    ],
    "make_interp_spline": [
        *(lambda x, k=k: si.make_interp_spline(T, ordinates(x), k=k)(x) for k in range(6)),
        *(lambda x, c=c: si.make_interp_spline(T, ordinates(x), bc_type=c)(x) for c in ("natural", "clamped", "not-a-knot")),
        lambda x: si.make_interp_spline(T, ordinates(x), bc_type=([(1, x[0])], [(2, 0.3)]))(x),
        lambda x: si.make_interp_spline(T, ordinates(x), k=5, bc_type=([(2, 0.0), (3, 0.0)], [(1, 0.2), (3, 0.0)]))(x),
        lambda x: si.make_interp_spline(T, YY.T * x[0], axis=1)(x),
        lambda x: si.make_interp_spline(positions(x), x)(np.array([0.7, 1.1, 2.1])),
        lambda x: si.make_interp_spline(T, ordinates(x), t=KNOTS)(x),
    ],
    "splrep": [lambda x, k=k: si.splev(x, si.splrep(T, ordinates(x), k=k)) for k in range(1, 6)] + [lambda x: si.splrep(T, ordinates(x))[:2], lambda x: si.splrep(T, ordinates(x), w=np.ones(7), s=0)[:2]],
    "splev": [
        *(lambda x, der=der, tck=tck: si.splev(x, tck, der=der) for der in (0, 1, 2, 3) for tck in (TCK, SMOOTH)),
        *(lambda x, ext=ext, tck=tck: si.splev(4.1 * x - 2, tck, ext=ext) for ext in (0, 1, 3) for tck in (TCK, SMOOTH)),
        lambda x: si.splev(x[0], TCK), lambda x: si.splev(x, TCK, ext=2), lambda x: si.splev(x, CURVE),
        lambda x: si.splev(x, MADE[3]),
    ],
    "splint": [lambda x, tck=tck: si.splint(-x[0], 3 * x[1], tck) for tck in (TCK, SMOOTH)],
    "splder": [lambda x: si.splev(x, si.splder((TCK[0], TCK[1] * x[0], 3))), lambda x: si.splder((TCK[0], TCK[1] * x[0], 3), 2)[1]],
    "splantider": [lambda x: si.splev(x, si.splantider((TCK[0], TCK[1] * x[0], 3))), lambda x: si.splantider((TCK[0], TCK[1] * x[0], 3))[1]],
    "UnivariateSpline": [
        *(lambda x, s=s: (s(x), s(x, 1), s.derivative()(4.1 * x - 2), s.antiderivative()(x), s.integral(x[0], x[1])) for s in (*UNIVARIATE.values(), LEAST_SQUARES)),
        lambda x: UNIVARIATE[0](x[0]), lambda x: UNIVARIATE[0](4.1 * x - 2, ext=1), lambda x: UNIVARIATE[0].derivatives(x[0]),
        lambda x: si.UnivariateSpline(T, ordinates(x), s=0)(x),
        lambda x: UNIVARIATE[0].get_knots() * x[0],
    ],
    "InterpolatedUnivariateSpline": [
        lambda x, k=k: univariate(si.InterpolatedUnivariateSpline(T, ordinates(x), k=k), x) for k in range(1, 6)
    ],
    "interp1d": [
        *(lambda x, f=f: f(x) for f in [si.interp1d(T, Y, kind) for kind in KINDS]),
        *(lambda x, f=f: f(x.reshape(SHAPE)) for f in [si.interp1d(T, YY.T, kind) for kind in KINDS]),
        *(lambda x, f=f: f(4.1 * x - 2) for f in [si.interp1d(T, Y, kind, fill_value="extrapolate") for kind in KINDS if kind not in ("previous", "next")]),
        *(lambda x, kind=kind: si.interp1d(T, ordinates(x), kind)(x) for kind in KINDS),
        lambda x: np.nan_to_num(si.interp1d(T, Y, "previous", fill_value="extrapolate")(4.1 * x - 2)),
        lambda x: si.interp1d(T, Y, fill_value=(-3.0, x[2]), bounds_error=False)(4.1 * x - 2),
        lambda x: si.interp1d(T[::-1], ordinates(x), fill_value=5.0, bounds_error=False)(4.1 * x - 2),
        lambda x: si.interp1d(T, YY * x[0], axis=0)(x[3]),
    ],
    "RegularGridInterpolator": [
        *(lambda x, f=f: f(x.reshape(3, 2)) for f in [si.RegularGridInterpolator(GRID, VALUES, m) for m in ("linear", "nearest")]),
        *(lambda x, fill=fill: np.nan_to_num(si.RegularGridInterpolator(GRID, VALUES * x[0], bounds_error=False, fill_value=fill)(3 * x.reshape(3, 2) - 1)) for fill in (None, 2.5, np.nan)),
        lambda x: si.RegularGridInterpolator((T,), YY)(x), lambda x: si.RegularGridInterpolator((T,), YY)(x[:, None]) * x[0],
        lambda x: si.RegularGridInterpolator((*GRID, T), np.multiply.outer(VALUES, Y * x[0]))((x[0], x[1:3], 0.3)),
    ],
    "interpn": [lambda x: si.interpn(GRID, VALUES * x[0], x.reshape(3, 2)), lambda x: si.interpn((T,), Y, x, method="nearest") * x],
}  # fmt: skip
CASES = {f"scipy.interpolate.{name}": cases for name, cases in CASES.items()}
