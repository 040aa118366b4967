"""Random graphs over the op table: engines, both modes and differences agree."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

import steepest as st
from steepest.engines import Interpreter, Native, Torch
from steepest.graph import verify
from steepest.ops import TABLE, Elementwise
from steepest.trace import record
from tests.cases.random_graphs import RELAXED, programs, run

pytestmark = pytest.mark.slow


@RELAXED
@given(programs())
def test_engines_and_modes_agree_on_random_programs(program):
    shape, steps, seed = program
    random = np.random.default_rng(seed)
    x, direction = random.uniform(-1, 1, shape), random.uniform(-1, 1, shape)

    def loss(u):
        return run(steps, u)

    graph = verify(st.trace(st.value_and_gradient(loss), x))
    value, gradient = graph(x)
    scale = {"rtol": 1e-9, "atol": 1e-10}
    np.testing.assert_allclose(value, loss(x), **scale)
    for engine in (Interpreter(), Native(), Torch()):
        for found, expected in zip(
            engine.compile([graph])([x])[1], (value, gradient), strict=True
        ):
            np.testing.assert_allclose(found, expected, **scale)
    slope = st.pushforward(loss, (x,), (direction,))[1]
    np.testing.assert_allclose(slope, np.sum(gradient * direction), **scale)
    autograd = Torch().value_and_gradient(st.trace(loss, x))([x])[1]
    np.testing.assert_allclose(autograd, gradient, **scale)
    step = 1e-3
    numerical = sum(
        weight * loss(x + offset * step * direction)
        for offset, weight in ((-2, 1 / 12), (-1, -2 / 3), (1, 2 / 3), (2, -1 / 12))
    )
    np.testing.assert_allclose(numerical / step, slope, rtol=1e-6, atol=1e-7)


@RELAXED
@given(programs())
def test_spellings_of_a_second_derivative_agree(program):
    shape, steps, seed = program
    random = np.random.default_rng(seed)
    x, v = random.uniform(-1, 1, shape), random.uniform(-1, 1, shape)

    def loss(u):
        return run(steps, u)

    product = st.hvp(loss, x, v)
    reverse_over_reverse = st.gradient(lambda u: np.sum(st.gradient(loss)(u) * v))(x)
    compiled = st.gradient(lambda u: np.sum(st.gradient(loss)(u) * v))
    scale = {"rtol": 1e-8, "atol": 1e-9}
    np.testing.assert_allclose(product, reverse_over_reverse, **scale)
    np.testing.assert_allclose(st.compile(compiled)(x), product, **scale)


SMOOTH = [
    row
    for row in TABLE.values()
    if isinstance(row.lower, Elementwise)
    and row.domain.analytic
    and not row.domain.cases
    and row.domain.interval(0) != "bool"
]


@RELAXED
@given(some.integers(0, 2**32 - 1), some.lists(some.integers(0, 10**6), min_size=1, max_size=4))
def test_chains_of_any_ops_agree_between_engines(seed, choices):
    """Values may leave every domain: engines must still agree, NaN and inf included.

    Elements that a few rounding errors on the way would change visibly (the sine of 1e12) are
    left out.
    """
    random = np.random.default_rng(seed)
    x = random.uniform(-2, 2, 21)
    rows = [SMOOTH[choice % len(SMOOTH)] for choice in choices]

    def chain(u):
        for row in rows:
            u = record(row, *[u] * row.evaluate.nin)
        return u

    def disturbed(u):
        for row in rows:
            u = row.evaluate(*[u] * row.evaluate.nin)
            u = u * (1 + 1e-13 * random.uniform(-1, 1, u.shape))
        return u

    graph = st.trace(chain, x)
    with np.errstate(all="ignore"):
        expected = graph(x)
        others = [disturbed(x) for _ in range(8)]
        is_plain = np.all([np.isclose(u, expected, 1e-7, 0, True) for u in others], axis=0)
    for engine in (Native(), Torch()):
        _, (found,) = engine.compile([graph])([x])
        np.testing.assert_allclose(found[is_plain], expected[is_plain], rtol=1e-6)
