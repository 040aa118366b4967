"""Nodes, graphs, the verifier and the printer."""

import importlib

import numpy as np
import pytest

import steepest as st
from steepest.errors import InputError, VerificationError
from steepest.graph import Graph, make, order, passes, substitute, verify
from steepest.ops import TABLE, constant_node, input_node
from steepest.rewrite import RULES, affine, hoist, simplify, without_rows
from steepest.rewrite.panels import passes as panel_passes
from steepest.rewrite.panels import with_panels
from steepest.trace import TracedArray, record

hoisting, simplifying, substituting = map(
    importlib.import_module,
    ("steepest.rewrite.hoist", "steepest.rewrite.simplify", "steepest.graph.substitute"),
)
"""Modules, whose names in their packages are those of the functions."""


def test_equal_structure_is_the_same_object():
    x = input_node(0, (3,), np.float64)
    assert make(TABLE["sin"], [x]) is make(TABLE["sin"], [x])
    assert make(TABLE["sum"], [x], axis=(0,)) is make(TABLE["sum"], [x], axis=(0,))
    assert make(TABLE["sin"], [x]) is not make(TABLE["cos"], [x])


def test_constants_are_told_apart_by_their_bits():
    assert constant_node(0.0) is not constant_node(-0.0)
    assert constant_node(np.nan) is constant_node(np.nan)
    assert constant_node(1.0) is not constant_node(np.float32(1.0))
    assert constant_node(np.ones(1)) is not constant_node(1.0)


def test_nodes_are_immutable():
    x = input_node(0, (), np.float64)
    with pytest.raises(AttributeError, match="immutable"):
        x.shape = (3,)


def test_order_is_iterative_and_puts_operands_first():
    node = input_node(0, (), np.float64)
    for _ in range(20_000):
        node = make(TABLE["sin"], [node])
    nodes = order([node])
    position = {n: i for i, n in enumerate(nodes)}
    assert len(nodes) == 20_001
    assert all(position[o] < position[n] for n in nodes for o in n.operands)


def test_tracing_twice_gives_the_same_graph():
    def f(x):
        return np.sum(np.sin(x) ** 2)

    assert st.trace(f, np.ones(3)) == st.trace(f, np.zeros(3))


def test_common_subexpressions_are_shared():
    graph = st.trace(lambda x: np.sin(x) + np.sin(x), 1.0)
    assert [node.op.name for node in graph.nodes] == ["input", "sin", "add"]


def test_graph_computes_and_checks_its_arguments():
    graph = st.trace(lambda p, k: p["a"] * k, {"a": np.ones(2)}, 3)
    np.testing.assert_array_equal(graph({"a": np.array([1.0, 2.0])}, 3), [3.0, 6.0])
    with pytest.raises(InputError, match="traced for shape"):
        graph({"a": np.ones(3)}, 3)
    with pytest.raises(InputError, match="traced for the value 3"):
        graph({"a": np.ones(2)}, 4)
    with pytest.raises(InputError, match="traced for arguments"):
        graph(np.ones(2), 3)


def test_print_shows_type_and_line():
    graph = st.trace(lambda x: np.sum(x * 2.0), np.ones((2, 3), np.float32))
    text = str(graph)
    assert "%0 = multiply(x, 2.0)" in text
    assert "f32[2,3]" in text
    assert "test_graph.py:" in text
    assert text.endswith("return %1")


def test_sources_are_each_traces_own():
    def first(x):
        return np.exp(x)

    def second(x):
        return np.exp(x)

    lines = [
        graph.sources[graph.outputs[0]].line
        for graph in (st.trace(first, 1.0), st.trace(second, 1.0))
    ]
    assert lines[1] - lines[0] == 3


def test_verifier_finds_a_foreign_input():
    x, y = input_node(0, (), np.float64), input_node(1, (), np.float64)
    with pytest.raises(VerificationError, match="not an input of the graph"):
        verify(Graph((x,), (make(TABLE["add"], [x, y]),)))


def test_verifier_finds_a_wrong_shape():
    x = input_node(0, (3,), np.float64)
    node = make(TABLE["sin"], [x])
    broken = object.__new__(type(node))
    for name in ("op", "operands", "attributes", "dtype"):
        object.__setattr__(broken, name, getattr(node, name))
    object.__setattr__(broken, "shape", (4,))
    with pytest.raises(VerificationError, match="gives float64"):
        verify(Graph((x,), (broken,)))


def _panels_without_an_input(monkeypatch):
    step = panel_passes.Round.step

    def broken(self, start, size):
        graph, numbers = step(self, start, size)
        return Graph(graph.inputs[1:], graph.outputs), numbers

    monkeypatch.setattr(panel_passes.Round, "step", broken)


def _without_sums(node, _):
    return node.operands[0] if node.op.name == "sum" else node


def _inputs_of_another_dtype(monkeypatch):
    wrong = lambda i, shape, dtype, level: input_node(i, shape, np.float32, level)
    monkeypatch.setattr(hoisting, "input_node", wrong)


BROKEN_PASSES = {
    "simplify": lambda m: m.setattr(simplifying, "_simplify_node", _without_sums),
    "substitute": lambda m: m.setattr(substituting, "with_operands", lambda node, _: _LONG),
    "hoist": _inputs_of_another_dtype,
    "without_rows": lambda m: m.setattr(affine, "_sum_of_all", lambda node: node),
    "with_panels": _panels_without_an_input,
}
_LONG = input_node(9, (9,), np.float64)


@pytest.mark.parametrize("name", BROKEN_PASSES)
def test_the_check_after_each_pass_names_the_pass(name, monkeypatch):
    w, X = input_node(0, (2, 1), np.float64), input_node(1, (20_000, 2), np.float64)
    residuals = make(TABLE["matmul"], [make(TABLE["exp"], [X]), w])
    loss = make(TABLE["sum"], [make(TABLE["square"], [residuals])], axis=(0, 1))
    run = {
        "simplify": lambda: simplify([loss]),
        "substitute": lambda: substitute([loss], {X: make(TABLE["sin"], [X])}),
        "hoist": lambda: hoist([make(TABLE["exp"], [X])], [w]),
        "without_rows": lambda: without_rows([loss], [w]),
        "with_panels": lambda: with_panels([loss]),
    }[name]
    run()
    BROKEN_PASSES[name](monkeypatch)
    with pytest.raises(VerificationError, match=f"the pass {name} made an invalid graph"):
        run()
    monkeypatch.setattr(passes, "VERIFY", False)
    run()


def test_draw_writes_svg_with_values_and_gradients(tmp_path):
    graph = st.trace(lambda x: np.sum(x**2), np.array([1.0, 2.0]))
    text = graph.draw(tmp_path / "graph.svg", np.array([1.0, 2.0])).read_text()
    assert text.startswith("<svg")
    assert "gradient [2., 4.]" in text
    assert "value 5.0" in text
    assert not list(tmp_path.glob(".*"))


# Rewrites: each is exact, so results are compared bit for bit.

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
