# ruff: noqa: E501
"""Calls of SciPy's signal processing, by the function's name."""

import itertools

import numpy as np
import scipy.signal as ss

MODES = ("full", "same", "valid")
B, A = ss.butter(3, 0.3)
SOS = ss.butter(4, 0.3, output="sos")
LONG = np.sin(np.arange(160.0) ** 1.1)


def table(x):
    return np.stack([x, x[::-1] ** 2, np.sin(3 * x), x * x[0]])


def kernel(x):
    return np.outer(x[:2], [1.0, -0.5, 0.3])


def many(x):
    return np.concatenate([x, x[::-1] ** 2, np.sin(5 * x), x])


def of_two(f, longest=True):
    return [
        *(lambda x, m=m, a=a, b=b: f(a(x), b(x), mode=m) for m in MODES for a, b in (
            (lambda x: x, lambda x: x[:3] ** 2), (lambda x: x[:2], lambda x: x[::-1]),
            (lambda x: x, lambda x: np.array([1.0, 0.2, 0.5, -1.0])), (table, kernel), (kernel, table),
        )),
        *([lambda x: f(LONG * x[0], LONG[::-1] + x[1])] if longest else []),
    ]  # fmt: skip


CASES = {
    **{name: of_two(getattr(ss, name)) for name in ("convolve", "fftconvolve", "oaconvolve", "correlate")},
    **{
        name: [lambda x, f=f, m=m, b=b, a=a, v=v: f(a(x), v(x), m, b, 0.3) for m in MODES for b in ("fill", "wrap", "symm") for a, v in ((table, kernel), (kernel, table), (lambda x: LONG.reshape(10, 16) * x[0], lambda x: np.outer(np.arange(9.0), LONG[:15]) * x[1]))]
        + [lambda x, f=f: f(table(x), kernel(x))]
        for name, f in (("convolve2d", ss.convolve2d), ("correlate2d", ss.correlate2d))
    },
    "lfilter": [
        lambda x: ss.lfilter(B, A, many(x)), lambda x: ss.lfilter(B, A, table(x)), lambda x: ss.lfilter(B, A, table(x), axis=0),
        lambda x: ss.lfilter(x[:3], [1.0, x[3], 0.2], LONG[:9]), lambda x: ss.lfilter([1.0], [2.0, x[0]], x),
        lambda x: ss.lfilter(x[:4], 2.0, x), lambda x: ss.lfilter([x[0]], [2.0], x), lambda x: ss.lfilter(x[:2], [1.0, 0.1, x[2], 0.3], x),
        lambda x: ss.lfilter(B, A, x, zi=x[:3]), lambda x: ss.lfilter(B, A, table(x), axis=0, zi=table(x)[:3]),
    ],
    "lfilter_zi": [lambda x: ss.lfilter_zi(B * x[0], A), lambda x: ss.lfilter_zi(x[:2], [2.0, x[3], 0.1])],
    "sosfilt": [
        lambda x: ss.sosfilt(SOS, many(x)), lambda x: ss.sosfilt(SOS * np.concatenate([x[:3], np.ones(3)]), table(x), axis=0),
        lambda x: ss.sosfilt(SOS, x, zi=x[:4].reshape(2, 2)),
    ],
    "filtfilt": [
        *(lambda x, p=p: ss.filtfilt(B, A, many(x), padtype=p) for p in ("odd", "even", "constant", None)),
        lambda x: ss.filtfilt(B, A, table(x), padlen=4), lambda x: ss.filtfilt(B * x[0], A, np.stack([many(x), many(x[::-1])], axis=1), axis=0),
    ],
    "savgol_filter": [
        *(lambda x, m=m, w=w, d=d: ss.savgol_filter(many(x), w, 3, deriv=d, delta=0.5, mode=m, cval=0.4) for m, w, d in itertools.product(("interp", "mirror", "constant", "nearest", "wrap"), (5, 7), (0, 1, 2))),
        lambda x: ss.savgol_filter(table(x), 3, 1, axis=0), lambda x: ss.savgol_filter(many(x), 6, 2), lambda x: ss.savgol_filter(x, 5, 2),
    ],
    "detrend": [
        *(lambda x, kind=kind: ss.detrend(table(x), type=kind) for kind in ("linear", "constant")),
        lambda x: ss.detrend(many(x), bp=[5, 11]), lambda x: ss.detrend(table(x), axis=0),
    ],
    "hilbert": [lambda x: np.abs(ss.hilbert(x)), lambda x: ss.hilbert(table(x), axis=0).imag, lambda x: ss.hilbert(x, N=9).imag, lambda x: ss.hilbert(x[:5], N=3).real],
}  # fmt: skip
CASES = {f"scipy.signal.{name}": cases for name, cases in CASES.items()}
