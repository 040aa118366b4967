# ruff: noqa: E501
"""Calls of SciPy's functions of images, by the function's name."""

import itertools

import numpy as np
import scipy.ndimage as sn

AXES = ((0,), (1,), (-1,), (1, 0))
MODES = (
    "reflect",
    "mirror",
    "nearest",
    "constant",
    "wrap",
    "grid-mirror",
    "grid-constant",
    "grid-wrap",
)
IMAGE = np.sin(np.arange(30.0) ** 1.3).reshape(5, 6)
ORDERS = (0, 1, 3)


def table(x):
    return np.stack([x, x[::-1] ** 2, np.sin(3 * x), x * x[0]])


def inner(x):
    """Return points inside an image of 5 by 6."""
    return np.stack([x * 3.9 + 0.03, x[::-1] * 4.7 + 0.07])


def around(x):
    """Return points inside and beyond an image of 5 by 6."""
    return np.stack([x * 17 - 5.21, x[::-1] * 23 - 7.43])


def turn(x):
    return np.array([[np.cos(x[0]), -np.sin(x[0])], [np.sin(x[0]), np.cos(x[0])]])


CASES = {
    **{
        name: [
            *(lambda x, f=f, m=m, n=n: f(table(x), np.cos(np.arange(n)) * x[1], mode=m, cval=0.7) for m in MODES for n in (3, 4)),
            *(lambda x, f=f, o=o: f(table(x), np.arange(1.0, 5.0), axis=0, origin=o) for o in (-2, -1, 0, 1)),
            lambda x, f=f: f(x[:3], np.arange(7.0)),
        ]
        for name, f in (("correlate1d", sn.correlate1d), ("convolve1d", sn.convolve1d))
    },
    **{
        name: [
            *(lambda x, f=f, m=m: f(table(x), np.outer([1.0, 0.5, 0.2], [0.3, 1.0, 0.5, 0.1]) + x[0], mode=m, cval=x[1]) for m in MODES),
            lambda x, f=f: f(table(x), np.outer([1.0, 0.5, 0.2], [0.3, 1.0, 0.5, 0.1]), origin=(1, -1)),
            lambda x, f=f: f(table(x), np.array([1.0, 0.5, 0.2]), axes=(1,)),
        ]
        for name, f in (("correlate", sn.correlate), ("convolve", sn.convolve))
    },
    "uniform_filter1d": [lambda x, n=n, m=m: sn.uniform_filter1d(table(x), n, mode=m, axis=0) for n in (2, 3) for m in MODES],
    "uniform_filter": [lambda x: sn.uniform_filter(table(x)), lambda x: sn.uniform_filter(table(x), (2, 3), mode=("wrap", "mirror")), lambda x: sn.uniform_filter(table(x), 2, origin=-1), lambda x: sn.uniform_filter(table(x), 3, axes=(1,))],
    "gaussian_filter1d": [
        *(lambda x, m=m: sn.gaussian_filter1d(table(x), 1.1, mode=m) for m in MODES),
        *(lambda x, o=o: sn.gaussian_filter1d(table(x), 1.1 + x[0], axis=0, order=o, truncate=3.1) for o in range(4)),
        lambda x: sn.gaussian_filter1d(x, 0.7, radius=2),
        *(lambda x, a=a: sn.gaussian_filter1d(np.outer(x, np.ones(5)), 60.0 + x[0], a, mode="nearest") for a in (0, 1)),
    ],
    "gaussian_filter": [lambda x: sn.gaussian_filter(table(x), 1.3), lambda x: sn.gaussian_filter(table(x), (0.8, x[0]), order=(0, 1), mode="wrap"), lambda x: sn.gaussian_filter(IMAGE, x[0]), lambda x: sn.gaussian_filter(table(x), (0, 1.0))],
    "laplace": [*(lambda x, m=m: sn.laplace(table(x), mode=m, cval=x[0]) for m in MODES), lambda x: sn.laplace(x)],
    "gaussian_laplace": [*(lambda x, m=m: sn.gaussian_laplace(table(x), 0.9 + x[0], mode=m) for m in MODES[:5]), lambda x: sn.gaussian_laplace(table(x), (0.8, 1.1), truncate=3.0), *(lambda x, a=a: sn.gaussian_laplace(table(x), 0.9, axes=a) for a in AXES)],
    "gaussian_gradient_magnitude": [*(lambda x, m=m: sn.gaussian_gradient_magnitude(table(x), 0.9 + x[0], mode=m) for m in MODES[:5]), *(lambda x, a=a: sn.gaussian_gradient_magnitude(table(x), 0.9, axes=a) for a in (*AXES, ()))],
    **{name: [lambda x, f=f, m=m, a=a: f(table(x), axis=a, mode=m, cval=0.3) for m in MODES for a in (0, -1)] for name, f in (("sobel", sn.sobel), ("prewitt", sn.prewitt))},
    "map_coordinates": [
        *(lambda x, o=o, m=m, p=p: sn.map_coordinates(IMAGE, p(x), order=o, mode=m, cval=0.3) for o, m, p in itertools.product(ORDERS, MODES, (inner, around))),
        *(lambda x, m=m: sn.map_coordinates(table(x), np.array([[0.2, 2.7, 1.1], [0.4, 4.3, 2.2]]), mode=m) for m in MODES),
        lambda x: sn.map_coordinates(IMAGE, inner(x).reshape(2, 2, 3), prefilter=False),
        lambda x: sn.map_coordinates(x, 4.9 * x[None, ::-1]),
        *(lambda x, m=m: sn.map_coordinates(np.tile(x, 7), 49.3 * x[None] - 3.1, mode=m) for m in MODES),
    ],
    "shift": [
        *(lambda x, o=o, m=m: sn.shift(table(x), (x[0] - 0.2, 1.6 * x[1]), order=o, mode=m, cval=0.3) for o, m in itertools.product(ORDERS, MODES)),
        lambda x: sn.shift(IMAGE, x[:2]), lambda x: sn.shift(x, x[0], mode="nearest"),
    ],
    "affine_transform": [
        *(lambda x, o=o, m=m: sn.affine_transform(IMAGE, turn(x), offset=x[:2] + 0.1, order=o, mode=m, cval=0.3) for o, m in itertools.product(ORDERS, MODES)),
        lambda x: sn.affine_transform(IMAGE, np.concatenate([turn(x), x[:2, None]], axis=1), output_shape=(3, 4)),
        lambda x: sn.affine_transform(IMAGE, np.array([0.7, 0.6]) + x[:2] / 7, offset=0.3),
    ],
    "spline_filter": [lambda x, m=m: sn.spline_filter(table(x), mode=m) for m in ("mirror", "reflect", "grid-wrap")],
}  # fmt: skip
CASES = {f"scipy.ndimage.{name}": cases for name, cases in CASES.items()}
