"""Initial value problems, each with parameters that it can be differentiated by."""

import functools
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.integrate import solve_ivp


@dataclass(frozen=True, eq=False)
class Ivp:
    """A right-hand side of (t, y, p), a start of p, a span, parameters, and times.

    Lengths are those of differences by the logarithm of parameters.
    """

    rhs: Any
    start: Any
    span: tuple[float, float]
    p: np.ndarray
    number: int = 9

    @property
    def times(self):
        return np.linspace(*self.span, self.number)[1:]

    def solve(self, p, method="RK45", **options):
        return solve_ivp(
            lambda t, y: self.rhs(t, y, p),
            self.span,
            self.start(p),
            method=method,
            **{"t_eval": self.times, **options},
        )

    def loss(self, method="RK45", **options):
        """Return a function of the parameters: a sum of the solution with weights."""
        weights = self.weights  # an array, not a computation that is recorded with the loss
        return lambda p: np.sum(weights * self.solve(p, method, **options).y)

    @functools.cached_property
    def weights(self):
        """Weights of the solution, each divided by its size."""
        number = np.arange(self.solution.size).reshape(self.solution.shape)
        return np.cos(number) / self.scale

    @functools.cached_property
    def solution(self):
        return self.exact(self.p)

    @functools.cached_property
    def scale(self):
        return np.abs(self.solution).max(axis=1, keepdims=True)

    def exact(self, p):
        if self in STIFF.values():
            return self.solve(p, "LSODA", rtol=1e-12, atol=1e-15).y
        return self.solve(p, "DOP853", rtol=1e-11, atol=1e-14).y

    @functools.cache  # noqa: B019
    def exact_gradient(self):
        """Return the gradient of the loss by the logarithms of the parameters, by differences."""
        loss = lambda q: np.sum(self.weights * self.exact(self.p * np.exp(q)))
        h = 2e-3
        return np.array([
            (8 * (loss(h * e) - loss(-h * e)) - (loss(2 * h * e) - loss(-2 * h * e))) / (12 * h)
            for e in np.eye(self.p.size)
        ])  # fmt: skip


def _robertson(t, y, p):
    first, second, third = p[0] * y[0], p[1] * y[1] * y[2], p[2] * y[1] ** 2
    return [second - first, first - second - third, third]


def _network(t, y, p):
    rates = np.exp(np.sin(np.arange(20)) * 4) * p[0]
    flow = rates * y
    back = p[1] * np.arange(20) * y**2
    return np.roll(flow, 1) - flow - back + np.roll(back, -1)


SMOOTH = {
    "lotka_volterra": Ivp(
        lambda t, z, p: [p[0] * z[0] - p[1] * z[0] * z[1], -p[2] * z[1] + p[3] * z[0] * z[1]],
        lambda p: np.array([10.0, 5.0]), (0.0, 4.0), np.array([1.5, 1.0, 3.0, 1.0]),
    ),
    "pendulum": Ivp(
        lambda t, y, p: (y[1], -p[0] * np.sin(y[0]) - p[1] * y[1]),
        lambda p: np.array([p[2], 0.0]), (0.0, 3.0), np.array([9.81, 0.2, 1.0]),
    ),
    "forced, backwards in time": Ivp(
        lambda t, y, p: p[0] * np.cos(p[1] * t) - 0.3 * y,
        lambda p: np.array([1.0, p[0], 0.0]), (2.0, -1.0), np.array([0.7, 4.0]),
    ),
    "one equation": Ivp(
        lambda t, y, p: -p[0] * y**2 + t, lambda p: np.array([2.0]), (0.5, 3.0), np.array([0.8]),
    ),
}  # fmt: skip

STIFF = {
    "robertson": Ivp(
        _robertson, lambda p: np.array([1.0, 0.0, 0.0]), (0.0, 300.0), np.array([0.04, 1e4, 3e7]),
        5,
    ),
    "twenty species": Ivp(
        _network, lambda p: np.ones(20), (0.0, 20.0), np.array([1.0, 0.3]), 5
    ),
}  # fmt: skip

ALL = SMOOTH | STIFF
