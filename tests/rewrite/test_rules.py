"""Rewrite rules: exact ones are compared bit for bit."""

import numpy as np
import pytest

import steepest as st
from steepest.graph import Graph, make, order, verify
from steepest.ops import TABLE, constant_node
from steepest.rewrite import RULES, simplify
from steepest.trace import TracedArray, record

# Constants are folded while tracing; those that a pass makes are folded by the rule.
UNFOLDED = make(TABLE["sin"], (constant_node(2.0),))

REWRITES = {
    "fold constants": lambda x: record(TABLE["add"], x, TracedArray(UNFOLDED, x.session)),
    "x * 1 = x": lambda x: x * 1.0,
    "c * (2**k * x) = (c * 2**k) * x": lambda x: 100.0 * (2.0 * x),
    "x / 1 = x": lambda x: x / 1.0,
    "x - 0 = x": lambda x: x - 0.0,
    "-(-x) = x": lambda x: -(-x),
    "a + -b = a - b": lambda x: np.sin(x) + -x,
    "a - -b = a + b": lambda x: np.sin(x) - -x,
    "reshape of reshape": lambda x: np.reshape(np.reshape(x, (2, 2)), (4, 1)),
    "transpose of transpose": lambda x: np.reshape(x, (2, 2)).T.T,
    "astype there and back": lambda x: x.astype(np.float32).astype(np.float64).astype(np.float32),
    "broadcast last": lambda x: np.broadcast_to(x[0], (4,)) + x,
    "x ** 2 = x * x, x ** 1 = x": lambda x: np.power(x, 2.0),
    "x and x = x, x or x = x": lambda x: np.logical_and(x > 1.0, np.logical_or(x > 1.0, x > 1.0)),
    "concatenation of concatenations": lambda x: np.concatenate([np.concatenate([x, x]), 2.0 * x]),
    "parts of a vector side by side": st.gradient(
        lambda u: np.sum(u[:2]) ** 2 + np.sum(u[2:] ** 2)
    ),
    "a vector along the diagonal": st.gradient(
        lambda u: np.sum(np.log(np.diag(np.ones((4, 4)) + u)))
    ),
}
# Of matrices, which are drawn for each.
OF_MATRICES = {
    "a system with a triangle": lambda a: np.linalg.solve(np.tril(a), a),
    "the solution for the identity matrix is the inverse": lambda a: np.linalg.inv(a),
}
ALWAYS_DONE_WHILE_TRACING = {"reshape to the same shape", "astype to the same dtype"}


def test_every_rule_has_an_example():
    assert {rule.name for rule in RULES} == {*REWRITES, *OF_MATRICES} | ALWAYS_DONE_WHILE_TRACING


@pytest.mark.parametrize("name", REWRITES)
def test_rewrite_is_exact_and_happens(name):
    (rule,) = (r for r in RULES if r.name == name)
    graph = st.trace(REWRITES[name], np.ones(4))
    outputs = tuple(simplify(graph.outputs, rules=[rule]))
    assert outputs != graph.outputs
    rewritten = verify(Graph(graph.inputs, outputs))
    for x in (
        [0.1, -0.7, 1e-310, 3e300],
        [0.0, 1.0, np.inf, np.nan],
        [5e-324, 1.7e308, -2.0, 3.0],
    ):
        before, after = graph(np.array(x)), rewritten(np.array(x))[0]
        np.testing.assert_array_equal(np.asarray(before), np.asarray(after))


@pytest.mark.parametrize("name", OF_MATRICES)
def test_rewrite_of_matrices_is_as_accurate_and_happens(name):
    (rule,) = (r for r in RULES if r.name == name)
    a = np.random.default_rng(0).normal(size=(5, 5)) + 3 * np.eye(5)
    graph = st.trace(OF_MATRICES[name], a)
    outputs = tuple(simplify(graph.outputs, rules=[rule]))
    assert outputs != graph.outputs
    after, before = verify(Graph(graph.inputs, outputs))(a)[0], np.asarray(graph(a))
    if rule.is_exact:
        np.testing.assert_array_equal(after, before)
    else:
        np.testing.assert_allclose(after, before, rtol=1e-13)


@pytest.mark.parametrize(
    "triangle", [np.tril, np.triu, np.linalg.cholesky, lambda a: np.linalg.cholesky(a).T]
)
def test_a_system_with_a_triangle_needs_no_factorization(triangle):
    a = np.random.default_rng(0).normal(size=(5, 5))
    a = a @ a.T + np.eye(5)
    graph = st.trace(lambda a, b: np.linalg.solve(triangle(a), b), a, np.ones(5))
    names = [node.op.name for node in order(simplify(graph.outputs))]
    assert "solve_lower" in names
    assert "solve" not in names
    want = np.linalg.solve(triangle(a), np.ones(5))
    np.testing.assert_allclose(graph(a, np.ones(5)), want, rtol=1e-12)


def test_a_system_uses_the_cholesky_factor_of_its_matrix():
    a = np.random.default_rng(0).normal(size=(5, 5))
    a = a @ a.T + np.eye(5)

    def loss(a):
        root = np.linalg.cholesky(a)
        return np.sum(np.linalg.solve(a, a[0])) + np.sum(np.linalg.solve(a.T, a[0])) + root[0, 0]

    graph = st.trace(loss, a)
    names = [node.op.name for node in order(simplify(graph.outputs))]
    assert names.count("solve_positive") == 2
    assert "solve" not in names


def test_a_condition_needs_no_factor_of_the_path_that_it_leads_to():
    def loss(a, b):
        x = np.linalg.solve(a, b)
        return np.linalg.cholesky(a)[0, 0] + x[0] if x[0] > 0 else x[0]

    compiled = st.compile(loss)
    for a, b in ((np.eye(5), np.ones(5)), (-np.eye(5), np.ones(5)), (2 * np.eye(5), np.ones(5))):
        np.testing.assert_allclose(compiled(a, b), loss(a, b))
