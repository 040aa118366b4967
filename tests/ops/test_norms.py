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


STEEP = {
    "arccos": (np.arccos, 1.0),
    "arcsin": (np.arcsin, -1.0),
    "root": (np.sqrt, 0.0),
    "cube root": (np.cbrt, 0.0),
    "power": (lambda x: x**0.3, 0.0),
    "of an infinite value": (lambda x: np.exp(np.log(x)), 0.0),
    "reciprocals": (lambda x: 1 / (1 / x), 0.0),
    "difference of roots": (lambda x: 2 * np.sqrt(x) - np.sqrt(0.0 * x), 0.0),
    "inside": (lambda x: np.sin(np.sqrt(x)), 0.0),
}
SQUARES = {
    "square": lambda v: np.sum(v**2),
    "product": lambda v: np.sum(v * v),
    "dot": lambda v: v @ v,
    "Python's sum": lambda v: sum(a**2 for a in v),
    "absolute": lambda v: np.sum(np.abs(v + 1j * v) ** 2),
}


@pytest.mark.parametrize("square", SQUARES)
@pytest.mark.parametrize("name", STEEP)
def test_squares_of_what_is_steep_make_no_norm(name, square):
    """Their root has an infinite slope, or none, and never 0."""
    steep, at = STEEP[name]
    root = lambda v: np.sqrt(SQUARES[square](steep(v)))
    with np.errstate(all="ignore"):
        assert not np.isfinite(st.gradient(root)(np.full(2, at))).any()
        slope = st.pushforward(root, (np.full(2, at),), (np.ones(2),))[1]
    assert not np.isfinite(slope)


TARGET, MATRIX = np.array([1.0, 2.0, 0.5]), np.diag([2.0, 3.0, 4.0]) + 1.0
MODELS = {
    "logarithm": np.log1p,
    "logarithm of a ratio": lambda v: np.log(v / TARGET),
    "scaled": lambda v: (v - TARGET) / (1.0 + TARGET),
    "product": lambda v: MATRIX @ v,
    "solution": lambda v: np.linalg.solve(MATRIX, v),
    "powers": lambda v: v**3 + v**1.5 + 1 / v + v**-2,
    "softmax": lambda v: np.exp(v) / np.sum(np.exp(v)),
    "norm": lambda v: np.sqrt(np.sum(v**2)),
    "selection": lambda v: np.where(v > 0.9, np.sin(v), np.tanh(v)),
    "moves": lambda v: np.cumsum(np.concatenate([v[::-1], v]).reshape(2, 3), axis=1),
    "data": lambda v: (v - np.sqrt(np.arccos(TARGET / 4))) ** 3,
    "bounds": lambda v: np.maximum(np.clip(v, 0.7, 9.0), np.abs(v)),
}


@pytest.mark.parametrize("name", MODELS)
def test_models_that_fit_have_no_slope(name):
    model = MODELS[name]
    miss = lambda v: np.sqrt(np.mean((model(v) - model(TARGET)) ** 2))
    np.testing.assert_array_equal(st.gradient(miss)(TARGET), np.zeros(3))


SECOND = {
    **{name: root for name, root in NORMS.items() if name != "power"},
    "np.linalg.norm": np.linalg.norm,
    "np.hypot": lambda v: np.hypot(v[0], np.hypot(v[1], v[2])),
    "two factors": lambda v: np.sqrt(np.sum(v**2) * np.sum((2.0 * v) ** 2)),
}


@pytest.mark.parametrize("name", SECOND)
def test_second_derivatives_at_0_are_nan(name):
    """Where functions of a norm have one, it is NaN rather than wrong."""
    for f in (SECOND[name], lambda v: np.cos(SECOND[name](v))):
        assert np.isnan(np.diag(st.hessian(f)(np.zeros(3)))).all()


def test_data_of_unknown_sign_make_no_norm():
    shift = np.array(-1.0)
    f = lambda v: np.sqrt(v[0] ** 2 + shift)
    assert st.gradient(f)(np.array([1.0]))[0] == np.inf


@pytest.mark.parametrize("method", [None, "L-BFGS-B", "SLSQP", "trust-region", "newton-cg"])
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
