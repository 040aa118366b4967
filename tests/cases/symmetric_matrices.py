"""Symmetric matrices whose eigenvalues are equal, nearly equal or apart."""

import numpy as np

SPECTRA = {
    "identity": (1.0, 1.0, 1.0),
    "two equal": (1.0, 1.0, 2.0),
    "equal but for rounding": (1.0, 1.0 + 2e-16, 2.0),
    "nearly equal": (1.0, 1.0 + 1e-7, 1.0 + 1e-4),
    "apart": (0.5, 1.0, 4.0),
}


def matrix(values, random):
    basis = np.linalg.qr(random.normal(size=(len(values), len(values))))[0]
    a = basis @ np.diag(values) @ basis.T
    return (a + a.T) / 2


def symmetric(random, number=3):
    a = random.normal(size=(number, number))
    return a + a.T
