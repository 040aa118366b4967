"""Rewrite rules: each is exact, so results are compared bit for bit."""

import numpy as np
import pytest

import steepest as st
from steepest.graph import Graph, make, verify
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
}
ALWAYS_DONE_WHILE_TRACING = {"reshape to the same shape", "astype to the same dtype"}


def test_every_rule_has_an_example():
    assert {rule.name for rule in RULES} == set(REWRITES) | ALWAYS_DONE_WHILE_TRACING


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
