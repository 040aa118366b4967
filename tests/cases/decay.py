"""An exponential decay: its model, noisy data, and the residuals."""

import numpy as np

T = np.linspace(0, 4, 25)
RANDOM = np.random.default_rng(7)
Y = 3.0 * np.exp(-1.3 * T) + 0.5 + 0.05 * RANDOM.normal(size=T.size)


def decay(t, amplitude, rate, offset):
    return amplitude * np.exp(-rate * t) + offset


def residuals(p):
    return decay(T, *p) - Y
