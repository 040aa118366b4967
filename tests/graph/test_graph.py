"""Nodes, graphs, the verifier, and a graph as text."""

import numpy as np
import pytest

import steepest as st
from steepest.errors import InputError, VerificationError
from steepest.graph import Graph, make, order, verify
from steepest.ops import TABLE, constant_node, input_node


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
    with pytest.raises(InputError, match="traced for another structure of argument 1"):
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


def test_arguments_of_another_structure_are_refused_in_plain_words(tmp_path):
    graph = st.trace(np.sum, np.ones(3))
    with pytest.raises(InputError, match=r"traced for 1 argument, got 2$"):
        graph.draw(tmp_path / "graph.svg", 1.0, 2.0)
    with pytest.raises(InputError, match=r"argument 1: \*, got \(\*, \*\) "):
        graph((1.0, 2.0))
