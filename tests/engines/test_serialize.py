"""Programs as plain data: every op, graphs inside of attributes, and what cannot be sent."""

import numpy as np
import pytest

import steepest as st
from steepest.derivative.opaque.called import Called, Kind
from steepest.engines.serialize import NotPlainError, pack_program, unpack_program
from steepest.graph import Graph, make
from steepest.ops import TABLE, input_node
from tests.cases.ops import cases_of, graph_of


@pytest.mark.parametrize("name", [name for name, row in TABLE.items() if row.domain.cases])
def test_graphs_of_every_op_come_back_as_the_same_nodes(name):
    random = np.random.default_rng(0)
    for case in cases_of(TABLE[name]):
        graph = graph_of(case, case.operands(random))
        found = unpack_program(pack_program(graph))
        assert found == graph
        assert found.outputs[0] is graph.outputs[0]


def test_guards_and_inner_loops_come_back():
    def inner(z, y):
        return st.while_loop(lambda w: w < y, lambda w: 2 * w + z, z)

    def loss(x):
        if x[0] > 1:
            x = 2 * x
        return st.while_loop(lambda y: y < 100, lambda y: inner(y, 3 * y + x[1]), np.sum(x))

    graph = st.trace(loss, np.array([2.0, 1.0]))
    found = unpack_program(pack_program(graph))
    assert graph.guards
    assert found == graph
    assert found.guards[0].value.dtype == graph.guards[0].value.dtype


def test_a_node_that_is_no_plain_data_is_named():
    called = Called("lookup", np.sin, (), np.dtype(float), Kind())
    x = input_node(0, (), np.dtype(float))
    node = make(called.row, (x,))
    with pytest.raises(NotPlainError) as caught:
        pack_program(Graph((x,), (make(TABLE["negative"], (node,)),)))
    assert caught.value.node is node
