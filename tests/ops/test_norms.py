"""A root of a sum of squares is a norm, however it is written: its slope at 0 is 0."""

import math

import numpy as np
import pytest

import steepest as st

NORMS = {
    "sum": lambda v: np.sqrt(np.sum(v**2)),
    "power": lambda v: (v[0] ** 2 + v[1] ** 2 + v[2] * v[2]) ** 0.5,
    "math": lambda v: math.sqrt(v[0] ** 2 + math.pow(v[1], 2.0) + abs(v[2]) ** 2),
    "Python's sum": lambda v: math.sqrt(sum((a - 0.0) ** 2 for a in v)),
    "product": lambda v: np.sqrt(v @ v),
    "dot": lambda v: np.sqrt(np.dot(v, v)),
    "einsum": lambda v: np.sqrt(np.einsum("ij,ij->i", v[None], v[None]))[0],
    "mean": lambda v: np.sqrt(3 * np.mean(np.square(v))),
    "factors": lambda v: np.sqrt(np.sum(2.0 * v**2 / 8.0)) * 2.0,
    "weights": lambda v: np.sqrt(np.exp(0.0) * v[0] ** 2 + v[1:] @ v[1:]),
    "lower bound": lambda v: np.sqrt(np.maximum(np.sum(v * v), 0.0)),
    "selection": lambda v: np.sqrt(np.where(v > 9, 0.0, v**2).sum()),
    "stack": lambda v: np.sqrt(np.stack([v[0] ** 2, v[1] ** 2, v[2] ** 2]).sum()),
    "a root's square": lambda v: np.sqrt(np.sqrt(np.sum(v**2)) ** 2),
    "rows": lambda v: np.sqrt(((v[None] - np.zeros((1, 3))) ** 2).sum(axis=1))[0],
}


@pytest.mark.parametrize("name", NORMS)
@pytest.mark.parametrize("at", [[0.0, 0.0, 0.0], [0.3, -0.4, 1.2], [0.0, 0.0, -2.0]])
def test_slopes_are_those_of_a_norm(name, at):
    at = np.array(at)
    expected = st.gradient(np.linalg.norm)(at)
    np.testing.assert_allclose(st.gradient(NORMS[name])(at), expected, rtol=1e-14)
    for i, direction in enumerate(np.eye(3)):
        slope = st.pushforward(NORMS[name], (at,), (direction,))[1]
        np.testing.assert_allclose(slope, expected[i], rtol=1e-14)


EXCESSES = [
    (lambda z: np.abs(z) - z.real, [2.0, 0.0]),
    (lambda z: np.abs(z) + np.real(z), [-2.0, 0.0]),
    (lambda z: abs(z) - z.imag, [0.0, 2.0]),
    (lambda z: np.imag(z) + np.abs(z), [0.0, -2.0]),
]


@pytest.mark.parametrize(("excess", "at"), EXCESSES)
def test_excess_of_an_absolute_value(excess, at):
    """Such as that of which the extinction of a complex permittivity is the root."""
    root = lambda v: np.sqrt(excess(v[0] + 1j * v[1]) / 2)
    np.testing.assert_array_equal(st.gradient(root)(np.array(at)), [0.0, 0.0])


NO_NORMS = {
    "root": (lambda v: np.sqrt(v[0]), [np.inf, 0.0]),
    "difference": (lambda v: np.sqrt(v[0] ** 2 - v[1]), [np.nan, -np.inf]),
    "cube": (lambda v: np.sqrt(v[0] ** 3), [np.nan, 0.0]),
    "a square's square": (lambda v: np.sqrt((v[0] ** 2) ** 2), [np.nan, 0.0]),
    "negative factor": (lambda v: np.sqrt(v[0] ** 2 + -2.0 * v[1] ** 2), [np.nan, np.nan]),
    "cube root": (lambda v: np.cbrt(v[0] ** 3), [np.nan, 0.0]),
}


@pytest.mark.parametrize("name", NO_NORMS)
def test_other_roots_keep_their_slopes(name):
    function, slopes = NO_NORMS[name]
    np.testing.assert_array_equal(st.gradient(function)(np.zeros(2)), slopes)


def test_data_of_unknown_sign_make_no_norm():
    shift = np.array(-1.0)
    f = lambda v: np.sqrt(v[0] ** 2 + shift)
    assert st.gradient(f)(np.array([1.0]))[0] == np.inf


@pytest.mark.parametrize("method", [None, "L-BFGS-B", "SLSQP"])
def test_a_descent_may_start_on_an_anchor(method):
    anchors, distances = [(0, 0), (10, 0), (5, 8)], [5.1, 6.9, 5.0]

    def squares(x):
        return sum(
            (math.sqrt((x[0] - a) ** 2 + (x[1] - b) ** 2) - d) ** 2
            for (a, b), d in zip(anchors, distances, strict=True)
        )

    run = st.minimize(squares, anchors[0], method=method)
    assert run.success
    assert run.fun < 0.01
