"""Twenty textbook models with data and random starts, for tests of fits.

All parameters of all truths are positive, so that a lower bound of 0 is never in the way.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Case:
    """A model, the points of its data, and the true parameters.

    Attributes
    ----------
    model
        ``model(x, a, b, ...)``.
    x
        Shape (m,).
    truth
        The parameters that the data are made with.
    noise
        Standard deviation of the data, as a share of the largest value.
    """

    model: Callable
    x: np.ndarray
    truth: tuple[float, ...]
    noise: float = 0.02

    @property
    def name(self):
        return self.model.__name__

    @property
    def y(self):
        """The data: the model at the truth, with normal noise of the case's own seed."""
        clean = self.model(self.x, *self.truth)
        seed = np.random.default_rng([ord(c) for c in self.name])
        return clean + self.noise * np.max(np.abs(clean)) * seed.standard_normal(clean.size)

    def starts(self, number, spread=10.0, seed=0):
        """Return starts within a factor of the truth, evenly in the logarithm: (number, n)."""
        draw = np.random.default_rng([seed, *map(ord, self.name)])
        share = draw.uniform(-np.log(spread), np.log(spread), (number, len(self.truth)))
        return np.array(self.truth) * np.exp(share)


def exponential(t, a, tau):
    return a * np.exp(-t / tau)


def exponential_with_offset(t, a, rate, c):
    return a * np.exp(-rate * t) + c


def biexponential(t, a, fast, b, slow):
    return a * np.exp(-fast * t) + b * np.exp(-slow * t)


def michaelis_menten(s, vmax, km):
    return vmax * s / (km + s)


def hill(s, top, half, n):
    return top * s**n / (half**n + s**n)


def logistic(t, top, rate, middle):
    return top / (1 + np.exp(-rate * (t - middle)))


def gompertz(t, top, b, rate):
    return top * np.exp(-b * np.exp(-rate * t))


def gaussian(x, height, center, width):
    return height * np.exp(-((x - center) ** 2) / (2 * width**2))


def lorentzian(x, height, center, width):
    return height * width**2 / ((x - center) ** 2 + width**2)


def pseudo_voigt(x, height, center, width, share):
    z = ((x - center) / width) ** 2
    return height * (share / (1 + z) + (1 - share) * np.exp(-np.log(2) * z))


def power_law(x, a, b):
    return a * x**b


def damped_sine(t, a, damping, frequency, phase):
    return a * np.exp(-damping * t) * np.sin(frequency * t + phase)


def arrhenius(temperature, a, energy):
    return a * np.exp(-energy / (8.314e-3 * temperature))


def langmuir(p, top, k):
    return top * k * p / (1 + k * p)


def weibull(t, top, scale, shape):
    return top * (1 - np.exp(-((t / scale) ** shape)))


def stretched_exponential(t, a, tau, beta):
    return a * np.exp(-((t / tau) ** beta))


def rational(x, a, b, c):
    return (a + b * x) / (1 + c * x)


def bateman(t, dose, absorption, elimination):
    gap = absorption - elimination
    return dose * absorption * (np.exp(-elimination * t) - np.exp(-absorption * t)) / gap


def morse(r, depth, stiffness, distance):
    return depth * (1 - np.exp(-stiffness * (r - distance))) ** 2


def planck(wavelength, scale, temperature):
    return scale / (wavelength**5 * np.expm1(14.3878 / (wavelength * temperature)))


T = np.linspace(0.1, 10, 40)

CASES = [
    Case(exponential, np.linspace(1, 10, 30), (5.0, 0.8)),
    Case(exponential_with_offset, T, (5.0, 0.7, 1.0)),
    Case(biexponential, T, (3.0, 2.0, 2.0, 0.2), 0.005),
    Case(michaelis_menten, np.array([0.02, 0.06, 0.11, 0.22, 0.56, 1.10] * 2), (212.7, 0.0641)),
    Case(hill, np.geomspace(0.1, 100, 25), (10.0, 4.0, 2.0)),
    Case(logistic, T, (10.0, 1.5, 5.0)),
    Case(gompertz, T, (10.0, 5.0, 0.8)),
    Case(gaussian, T, (4.0, 5.0, 0.8)),
    Case(lorentzian, T, (4.0, 5.0, 0.8)),
    Case(pseudo_voigt, np.linspace(0.1, 10, 60), (4.0, 5.0, 1.0, 0.5), 0.01),
    Case(power_law, np.geomspace(0.5, 50, 25), (2.0, 1.5)),
    Case(damped_sine, np.linspace(0, 10, 60), (3.0, 0.2, 2.0, 0.5)),
    Case(arrhenius, np.linspace(280, 380, 25), (1e6, 40.0)),
    Case(langmuir, np.geomspace(0.05, 20, 20), (5.0, 0.9)),
    Case(weibull, T, (8.0, 4.0, 2.2)),
    Case(stretched_exponential, T, (5.0, 2.0, 0.6)),
    Case(rational, T, (1.0, 2.0, 0.5)),
    Case(bateman, T, (10.0, 1.5, 0.3)),
    Case(morse, np.linspace(0.8, 4, 40), (4.5, 1.9, 1.4)),
    Case(planck, np.linspace(0.2, 3, 40), (3.0, 5.8)),
]
