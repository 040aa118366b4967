"""Nested parameters: tuples, lists, dicts, named tuples and dataclasses."""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import pytest

import steepest as st


@dataclass(frozen=True)
class Layer:
    weights: Any
    bias: Any

    def __post_init__(self):
        if isinstance(self.weights, str):
            raise TypeError("weights are numbers")

    def __call__(self, x):
        return np.tanh(x @ self.weights + self.bias)


class Head(NamedTuple):
    scale: Any
    offset: Any


@dataclass
class Network:
    layers: list
    head: Head
    extras: dict = field(default_factory=dict)


def network(seed=0):
    random = np.random.default_rng(seed)
    layers = [
        Layer(random.normal(size=(2, 3)), random.normal(size=3)),
        Layer(random.normal(size=(3, 1)), 0.5),
    ]
    return Network(layers, Head(2.0, np.zeros(1)), {"decay": 0.1, "unused": (1.0,)})


X = np.random.default_rng(1).normal(size=(8, 2))
Y = np.sin(X[:, 0])


def loss(params, X, Y):
    out = X
    for layer in params.layers:
        out = layer(out)
    predicted = params.head.scale * out[:, 0] + params.head.offset
    return np.mean((predicted - Y) ** 2) + params.extras["decay"] ** 2


def test_gradients_have_the_structure_of_the_parameters():
    params = network()
    value, gradient = st.value_and_gradient(loss)(params, X, Y)
    assert type(gradient) is Network
    assert type(gradient.layers[0]) is Layer
    assert type(gradient.head) is Head
    np.testing.assert_allclose(value, loss(params, X, Y), rtol=1e-15)
    np.testing.assert_allclose(gradient.extras["decay"], 0.2)
    assert gradient.extras["unused"] == (0.0,)
    step = 1e-6
    ahead, behind = network(), network()
    ahead.layers[0].weights[1, 2] += step
    behind.layers[0].weights[1, 2] -= step
    slope = (loss(ahead, X, Y) - loss(behind, X, Y)) / (2 * step)
    np.testing.assert_allclose(gradient.layers[0].weights[1, 2], slope, rtol=1e-6)
    assert st.check_gradient(loss, params, args=(X, Y))


@pytest.mark.parametrize("engine", ["native", "numpy", "torch"])
def test_descents_keep_the_structure(engine):
    run = st.minimize(
        loss,
        network(),
        args=(X, Y),
        engine=engine,
        method=st.Adam(0.05),
        stop=st.MaxIterations(50),
        record="all",
    )
    assert type(run.x) is Network
    assert isinstance(run.x.layers[1].bias, np.floating)
    assert run.history.x.layers[0].weights.shape == (51, 2, 3)
    assert run.loss < 0.2 * loss(network(), X, Y)


def test_other_transforms_take_nested_parameters():
    point = Head(np.array([1.0, 2.0]), 3.0)

    def f(p):
        return {"sum": p.scale * p.offset, "pair": Head(p.offset, p.scale[0])}

    value, tangent = st.pushforward(f, (point,), (Head(np.ones(2), 1.0),))
    assert type(value["pair"]) is Head
    np.testing.assert_array_equal(tangent["sum"], [4.0, 5.0])
    _, pull = st.pullback(f, point)
    (cotangent,) = pull({"sum": np.ones(2), "pair": Head(1.0, 0.0)})
    assert cotangent.offset == 4.0
    jacobian = st.jacobian(f)(point)
    np.testing.assert_array_equal(jacobian["sum"].offset, [1.0, 2.0])
    assert st.compile(f)(point)["pair"].offset == 1.0
    hessian = st.hessian(lambda p: np.sum(p.scale**2) * p.offset)(point)
    np.testing.assert_array_equal(hessian.scale.offset, [2.0, 4.0])


def test_errors_name_the_place():
    params = network()
    params.layers[0].weights[0, 1] = np.nan
    with pytest.raises(ValueError, match=r"x0\.layers\[0\]\.weights\[0, 1\] is nan"):
        st.minimize(loss, params, args=(X, Y))
    bad = Network([network().layers[0], Layer(np.zeros((3, 1)), "b")], Head(1.0, 1.0))
    with pytest.raises(ValueError, match=r"x0\.layers\[1\]\.bias has dtype"):
        st.minimize(loss, bad, args=(X, Y))
    graph = st.trace(loss, network(), X, Y)
    assert "params.layers[0].weights" in str(graph)
    other = network()
    other.head = Head(2.0, np.zeros(2))
    with pytest.raises(ValueError, match=r"params\.head\.offset: .* shape \(1,\), got \(2,\)"):
        graph(other, X, Y)


def test_a_dataclass_that_the_function_makes_can_be_returned():
    def f(x):
        return Layer(weights=x * 2, bias=np.sum(x))

    made = st.compile(f)(np.ones(3))
    assert isinstance(made, Layer)
    assert made.bias == 3.0
