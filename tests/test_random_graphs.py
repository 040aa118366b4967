"""Random graphs over the op table: engines agree, and forward is reverse is differences."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

import steepest as st
from steepest.engines import Interpreter, Native, Torch
from steepest.graph import verify
from steepest.ops import TABLE, Elementwise
from steepest.trace import record

pytestmark = pytest.mark.slow

# Smooth on all reals and tame, so that chains of them keep sensible numbers.
UNARY = [
    np.sin,
    np.cos,
    np.tanh,
    np.arctan,
    lambda x: x * 0.5,
    lambda x: np.square(x) * 0.1,
    lambda x: np.sqrt(1.5 + np.sin(x)),
    lambda x: np.exp(-np.square(x)),
    lambda x: np.log(2.0 + np.cos(x)),
    lambda x: 1.0 / (2.0 + np.sin(x)),
]
BINARY = [
    np.add,
    np.subtract,
    np.multiply,
    lambda x, y: x / (2.0 + np.sin(y)),
    lambda x, y: np.arctan2(x, 3.0 + np.cos(y)),
    lambda x, y: np.hypot(x, 1.0 + y * y),
]


def reshapers(x):
    """Return what can be done to the shape of an array."""
    yield lambda a: a
    yield lambda a: np.reshape(a, (-1,))
    if x.ndim:
        yield lambda a: np.sum(a, axis=0)
        yield lambda a: np.mean(a, axis=-1, keepdims=True)
        yield lambda a: a[::-1]
        yield lambda a: a[1:] if a.shape[0] > 1 else a
        yield lambda a: np.concatenate([a, a[:1]], axis=0)
        yield lambda a: np.stack([a, a * 0.5], axis=-1)
        yield lambda a: a[np.array([0, -1, 0])]
        yield lambda a: np.broadcast_to(a, (2, *a.shape))
    if x.ndim == 2:
        yield lambda a: a.T
        yield lambda a: a @ np.swapaxes(a, -1, -2) * 0.2
        yield lambda a: np.take_along_axis(a, np.argmax(a, axis=1)[:, None], axis=1)


@some.composite
def programs(draw):
    """Return a function of one array, as choices that can be made again for any input."""
    shape = draw(some.sampled_from([(2,), (3, 2), (5, 4), (19,), (6, 7)]))
    steps = draw(
        some.lists(
            some.tuples(
                some.sampled_from("ubr"),
                some.integers(0, 50),
                some.integers(0, 50),
                some.integers(0, 50),
            ),
            min_size=1,
            max_size=9,
        )
    )
    seed = draw(some.integers(0, 2**32 - 1))
    return shape, steps, seed


def run(steps, x):
    values = [x]
    for kind, which, first, second in steps:
        a, b = values[first % len(values)], values[second % len(values)]
        if a.size > 200:
            continue
        if kind == "u":
            values.append(UNARY[which % len(UNARY)](a))
        elif kind == "b":
            try:
                shape = np.broadcast_shapes(a.shape, b.shape)
            except ValueError:
                continue
            if np.prod(shape) <= 200:
                values.append(BINARY[which % len(BINARY)](a, b))
        else:
            choices = list(reshapers(a))
            values.append(choices[which % len(choices)](a))
    return sum((np.mean(value) for value in values[1:]), np.sum(x) * 0.1)


RELAXED = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=True,
    database=None,
)


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
