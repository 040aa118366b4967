# ruff: noqa: E501
"""Calls of SciPy's Fourier transforms, by the function's name."""

import itertools

import numpy as np
import scipy.fft as sf
import scipy.fftpack as older

NORMS = (None, "ortho", "forward", "backward")


def table(x):
    return np.stack([x, x[::-1] ** 2, np.sin(x)])


def parts(z):
    return (z.real, z.imag) if np.iscomplexobj(z) else z


def complex_table(x):
    return table(x) + 1j * np.cos(table(x))


def of_one(name):
    f = getattr(sf, name)
    make = table if name == "rfft" else complex_table
    return [
        *(lambda x, norm=norm: parts(f(make(x), norm=norm)) for norm in NORMS),
        *(lambda x, n=n, axis=axis: parts(f(make(x), n, axis)) for n in (2, 5, 9) for axis in (0, 1)),
        lambda x: parts(f(x)),
    ]  # fmt: skip


def of_several(name):
    f = getattr(sf, name)
    make = table if name.startswith("rfft") else complex_table
    return [
        *(lambda x, norm=norm: parts(f(make(x), norm=norm)) for norm in NORMS),
        lambda x: parts(f(make(x), (2, 4))),
        lambda x: parts(f(make(x), axes=(1, 0))),
    ]


def of_real(name):
    f = getattr(sf, name)
    return [
        *(
            lambda x, kind=kind, norm=norm: f(table(x), kind, norm=norm)
            for kind, norm in itertools.product((1, 2, 3, 4), NORMS)
        ),
        *(lambda x, n=n, kind=kind: f(x, kind, n) for n in (3, 9) for kind in (1, 2, 3, 4)),
        *(lambda x, kind=kind: f(table(x), kind, axis=0) for kind in (1, 2, 3, 4)),
        *(
            lambda x, kind=kind, o=o: f(table(x), kind, orthogonalize=o)
            for kind in (1, 2, 3, 4)
            for o in (True, False)
        ),
    ]


def of_several_real(name):
    f = getattr(sf, name)
    return [
        *(
            lambda x, kind=kind, norm=norm: f(table(x), kind, norm=norm)
            for kind, norm in itertools.product((1, 2, 3, 4), NORMS)
        ),
        lambda x: f(table(x), s=(2, 8)),
        lambda x: f(table(x), axes=[1]),
    ]


CASES = {
    **{name: of_one(name) for name in ("fft", "ifft", "rfft", "irfft")},
    **{
        name: of_several(name)
        for name in ("fft2", "ifft2", "rfft2", "irfft2", "fftn", "ifftn", "rfftn", "irfftn")
    },
    **{name: of_real(name) for name in ("dct", "idct", "dst", "idst")},
    **{name: of_several_real(name) for name in ("dctn", "idctn", "dstn", "idstn")},
    "fftshift": [lambda x: sf.fftshift(table(x)), lambda x: sf.fftshift(table(x), axes=1)],
    "ifftshift": [lambda x: sf.ifftshift(table(x)), lambda x: sf.ifftshift(x)],
}
CASES = {f"scipy.fft.{name}": cases for name, cases in CASES.items()}


def of_older(name):
    f = getattr(older, name)
    if name.endswith(("2", "n")):
        return [
            lambda x: parts(f(complex_table(x))),
            lambda x: parts(f(complex_table(x), (2, 4))),
            lambda x: parts(f(complex_table(x), axes=(1, 0))),
        ]
    if name.endswith("fft"):
        return [
            lambda x: parts(f(complex_table(x))),
            lambda x: parts(f(table(x), 5, 1)),
            lambda x: parts(f(table(x), axis=0)),
        ]
    return [
        *(
            lambda x, kind=kind, norm=norm: f(table(x), kind, norm=norm)
            for kind, norm in itertools.product((1, 2, 3, 4), (None, "ortho"))
        ),
        lambda x: f(table(x)),
        *(lambda x, kind=kind: f(table(x), kind, 3, 0) for kind in (2, 3)),
    ]


OLDER = (
    *("fft", "ifft", "fft2", "ifft2", "fftn", "ifftn"),
    *("dct", "idct", "dst", "idst"),
)
CASES |= {f"scipy.fftpack.{name}": of_older(name) for name in OLDER}
