"""A user's own derivative of a function that cannot, or should not, be recorded."""

import math

import numpy as np
import pytest

import steepest as st
from steepest.engines import Interpreter, Native, Torch
from steepest.trace import trace_function

X = np.array([0.4, 1.3, 0.7])
CALLS = []


def outside(x, scale):
    """Something that no tracer could follow."""
    CALLS.append(1)
    assert type(x) is np.ndarray
    return np.array([math.sin(scale * float(value)) for value in x])


reverse = st.custom_derivative(
    outside,
    pullback=lambda g, y, x, scale: (
        g * scale * np.cos(scale * x),
        np.sum(g * x * np.cos(scale * x)),
    ),
)
forward = st.custom_derivative(
    outside,
    pushforward=lambda t, y, x, scale: np.cos(scale * x) * (scale * t[0] + x * t[1]),
)


def plain(x):
    return np.sum(np.sin(1.7 * x) ** 2 * x) + np.sin(0.3 * x[0])


@pytest.mark.parametrize("custom", [reverse, forward], ids=["pullback", "pushforward"])
class TestEitherRule:
    def loss(self, custom):
        return lambda x: np.sum(custom(x, 1.7) ** 2 * x) + custom(x, 0.3)[0]

    def test_both_modes_and_second_order_follow(self, custom):
        loss, direction = self.loss(custom), np.array([0.2, -0.5, 1.0])
        np.testing.assert_allclose(loss(X), plain(X), rtol=1e-15)
        np.testing.assert_allclose(st.gradient(loss)(X), st.gradient(plain)(X), rtol=1e-13)
        pushed = st.pushforward(loss, (X,), (direction,))[1]
        np.testing.assert_allclose(pushed, st.gradient(plain)(X) @ direction, rtol=1e-13)
        np.testing.assert_allclose(st.hessian(loss)(X), st.hessian(plain)(X), rtol=1e-11)

    def test_every_engine_calls_it(self, custom):
        trace = trace_function(st.value_and_gradient(self.loss(custom)), (X,))
        for engine in (Interpreter(), Native(), Torch()):
            _, (value, gradient) = engine.compile([trace.graph])([X])
            np.testing.assert_allclose(value, plain(X), rtol=1e-15)
            np.testing.assert_allclose(gradient, st.gradient(plain)(X), rtol=1e-13)
        witness = Torch().value_and_gradient(trace_function(self.loss(custom), (X,)).graph)
        np.testing.assert_allclose(witness([X])[1], st.gradient(plain)(X), rtol=1e-13)

    def test_descents_run_with_it(self, custom):
        settings = {"method": st.GradientDescent(0.1), "stop": st.MaxIterations(20)}
        runs = [
            st.minimize(loss, X, engine=engine, **settings)
            for loss in (self.loss(custom), plain)
            for engine in ("native", "numpy", "torch")
        ]
        for run in runs:
            np.testing.assert_allclose(run.x, runs[-1].x, rtol=1e-12)


def test_the_users_rule_is_used_not_the_function():
    clipped = st.custom_derivative(
        lambda x: x * x, pullback=lambda g, y, x: (np.clip(g * 2 * x, -1, 1),)
    )
    assert st.gradient(lambda x: clipped(x))(5.0) == 1.0
    assert clipped(3.0) == 9.0


def test_a_rule_may_return_numbers_and_none():
    power = st.custom_derivative(
        lambda x, n: float(x) ** int(n), pullback=lambda g, y, x, n: (g * n * x ** (n - 1), None)
    )
    assert st.gradient(lambda x: power(x, 3))(2.0) == 12.0


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: st.custom_derivative(np.sin), "needs a pullback or a pushforward"),
        (lambda: st.custom_derivative(3, pullback=np.cos), "needs a function, got 3"),
        (
            lambda: st.gradient(
                st.custom_derivative(lambda x, y: x * y, pullback=lambda g, v, x, y: g * y)
            )(1.0, 2.0),
            r"each of its 2 arguments, got 1",
        ),
        (
            lambda: st.gradient(
                lambda x: np.sum(
                    st.custom_derivative(lambda x: x * 2, pullback=lambda g, y, x: np.sum(g))(x)
                )
            )(X),
            r"test_custom\.py:\d+ must return cotangents of the shapes .* \(3,\), got \(\)",
        ),
    ],
)
def test_bad_rules_are_named(make, message):
    with pytest.raises((TypeError, ValueError), match=message):
        make()


def test_an_error_inside_names_the_line():
    def fails(x):
        if x > 1.0:
            raise OverflowError("too large")
        return x

    custom = st.custom_derivative(fails, pullback=lambda g, y, x: g)
    f = st.compile(lambda x: custom(x) * 2)
    assert f(0.5) == 1.0
    with pytest.raises(OverflowError, match="too large") as caught:
        f(2.0)
    assert any("test_custom.py" in note for note in caught.value.__notes__)


@pytest.mark.parametrize("engine", ["native", "numpy"])
def test_a_function_of_the_data_alone_is_computed_at_each_iteration(engine):
    calls = []

    def look(data):
        calls.append(1)
        return data * 2.0

    looked = st.custom_derivative(look, pullback=lambda cotangent, y, data: (cotangent * 2.0,))
    loss = lambda x, data: np.sum((x - looked(data)) ** 2)
    st.minimize(
        loss,
        np.zeros(2),
        args=(np.ones(2),),
        method=st.GradientDescent(0.1),
        stop=st.MaxIterations(7),
        engine=engine,
    )
    assert len(calls) >= 7
