"""What does not change between iterations is computed once; least squares without the data."""

from __future__ import annotations

import numpy as np
import optree
import pytest

import steepest as st
from steepest.descent.running import compile as prepare
from steepest.graph import evaluate, order
from steepest.rewrite import hoist, without_rows

ROWS, COLUMNS = 500, 6


@pytest.fixture(scope="module")
def data():
    random = np.random.default_rng(0)
    X = random.normal(size=(ROWS, COLUMNS))
    y = X @ random.normal(size=COLUMNS) + 0.1 * random.normal(size=ROWS)
    return X, y, random.normal(size=(ROWS, 3))


def plain(w, X, y, Y):
    return np.mean((X @ w - y) ** 2)


def with_bias(p, X, y, Y):
    return np.mean((y - X @ p["w"] - p["b"]) ** 2) + 0.01 * np.sum(p["w"] ** 2)


def several_targets(W, X, y, Y):
    residuals = X @ W - Y
    return np.sum(residuals * residuals) / len(X)


def biases(p, X, y, Y):
    return np.mean((X @ p["W"] + p["b"] - Y) ** 2)


def standardized(w, X, y, Y):
    Z = (X - X.mean(0)) / X.std(0)
    return np.mean((Z @ w - y) ** 2)


def scaled(w, X, y, Y):
    return 0.5 * np.sum((2.0 * (X @ w) / 3.0 - y) ** 2) / ROWS + np.sum(X @ w) * 1e-3


def weighted(w, X, y, Y):  # not of this kind: rows have weights of their own
    return np.mean(np.abs(y) * (X @ w - y) ** 2)


W = np.zeros((COLUMNS, 3))
LOSSES = {
    plain: np.zeros(COLUMNS),
    with_bias: {"w": np.zeros(COLUMNS), "b": 0.0},
    several_targets: W,
    biases: {"W": W, "b": np.zeros(3)},
    standardized: np.zeros(COLUMNS),
    scaled: np.zeros(COLUMNS),
}
SETTINGS = {"method": st.GradientDescent(0.1), "stop": st.MaxIterations(60)}


@pytest.fixture(autouse=True)
def nothing_prepared():
    prepare._prepared.clear()


def last_program():
    return list(prepare._prepared.values())[-1]


def leaves_of(program):
    return [node for node in order(program.full.outputs) if not node.operands]


@pytest.mark.parametrize("engine", ["native", "numpy", "torch"])
@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.__name__)
def test_fast_least_squares_do_not_touch_the_data(loss, engine, data):
    exact = st.minimize(loss, LOSSES[loss], args=data, engine=engine, **SETTINGS)
    fast = st.minimize(loss, LOSSES[loss], args=data, engine=engine, fast=True, **SETTINGS)
    for a, b in zip(optree.tree_leaves(exact.x), optree.tree_leaves(fast.x), strict=True):
        np.testing.assert_allclose(b, a, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(fast.history.loss, exact.history.loss, rtol=1e-10)
    assert all(ROWS not in node.shape for node in leaves_of(last_program().program))


def test_results_are_rounded_alike_unless_fast_is_asked_for(data):
    st.minimize(plain, np.zeros(COLUMNS), args=data, **SETTINGS)
    assert not last_program().constants


def test_other_losses_are_left_alone(data):
    exact = st.minimize(weighted, np.zeros(COLUMNS), args=data, **SETTINGS)
    fast = st.minimize(weighted, np.zeros(COLUMNS), args=data, fast=True, **SETTINGS)
    assert np.array_equal(exact.x, fast.x)


def test_what_does_not_vary_is_computed_once(data):
    calls = []

    def counted(loss):
        graph_nodes = order(last_program().program.full.outputs)
        calls.append([node.op.name for node in graph_nodes])

    exact = st.minimize(standardized, np.zeros(COLUMNS), args=data, record=None, **SETTINGS)
    counted(standardized)
    assert "sqrt" not in calls[0], "the deviations are computed before the loop"
    interpreted = st.minimize(
        standardized, np.zeros(COLUMNS), args=data, engine="numpy", **SETTINGS
    )
    np.testing.assert_allclose(exact.x, interpreted.x, rtol=1e-12)


def test_new_data_is_seen(data):
    X, y, Y = data
    first = st.minimize(plain, np.zeros(COLUMNS), args=(X, y, Y), fast=True, **SETTINGS)
    second = st.minimize(plain, np.zeros(COLUMNS), args=(X, 2 * y, Y), fast=True, **SETTINGS)
    np.testing.assert_allclose(second.x, 2 * first.x, rtol=1e-12)


def test_captured_arrays_and_batches():
    random = np.random.default_rng(1)
    X, y = random.normal(size=(64, 4)), random.normal(size=64)

    def captured(w):
        return np.mean((X @ w - y) ** 2)

    a = st.minimize(captured, np.zeros(4), fast=True, **SETTINGS)
    b = st.minimize(captured, np.zeros(4), **SETTINGS)
    np.testing.assert_allclose(a.x, b.x, rtol=1e-10)
    y *= 3  # captured by reference
    c = st.minimize(captured, np.zeros(4), fast=True, **SETTINGS)
    np.testing.assert_allclose(c.x, 3 * b.x, rtol=1e-10)

    def of_rows(w, X, y):
        return np.mean((X @ w - y) ** 2)

    batches = st.Batches(size=16, epochs=3, seed=0)
    settings = {"method": st.GradientDescent(0.1), "batches": batches, "args": (X, y)}
    d = st.minimize(of_rows, np.zeros(4), fast=True, **settings)
    e = st.minimize(of_rows, np.zeros(4), **settings)
    assert np.array_equal(d.x, e.x)


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.__name__)
def test_the_rewritten_graph_computes_the_same(loss, data):
    graph = st.trace(st.value_and_gradient(loss), LOSSES[loss], *data)
    known = graph.bind(graph.flatten((LOSSES[loss], *data)))
    varying = [
        node
        for node, name in zip(graph.inputs, graph.input_names, strict=True)
        if name[0] in "pwW"
    ]
    outputs, inputs, values = hoist(without_rows(graph.outputs, varying), varying)
    known |= dict(zip(inputs, evaluate(values, dict(known)), strict=True))
    for a, b in zip(evaluate(graph.outputs, dict(known)), evaluate(outputs, known), strict=True):
        np.testing.assert_allclose(b, a, rtol=1e-10, atol=1e-12)


def test_a_number_with_axes_divides_as_numpy_does(data):

    def loss(w, X, y, Y):
        rows = (X @ w - y) / np.full((1, 1), 2.0)
        return np.sum(np.sum(rows, axis=0) ** 2) / ROWS

    exact = st.minimize(loss, np.zeros(COLUMNS), args=data, **SETTINGS)
    fast = st.minimize(loss, np.zeros(COLUMNS), args=data, fast=True, **SETTINGS)
    np.testing.assert_allclose(fast.x, exact.x, rtol=1e-9)
