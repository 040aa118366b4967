"""Where a NaN or an infinity first appeared: the line, the op, the element, the iteration."""

import re

import numpy as np
import pytest

import steepest as st
from steepest.graph import find_origin


def logs(x):
    inner = x * 2.0 - 1.0
    values = np.log(inner)  # here
    return np.sum(values**2)


def line_of(function, text):
    first = function.__code__.co_firstlineno
    with open(__file__) as file:
        lines = file.readlines()
    return next(i for i in range(first, len(lines) + 1) if text in lines[i - 1])


def test_the_first_node_is_found_with_its_line_element_and_operands():
    graph = st.trace(logs, np.array([2.0, 1.0, 0.25]))
    origin = find_origin(graph.outputs, graph.bind([np.array([2.0, 1.0, 0.25])]), graph.sources)
    assert origin.node.op.name == "log"
    assert origin.element == (2,)
    assert origin.operands == (-0.5,)
    assert np.isnan(origin.value)
    assert origin.source.line == line_of(logs, "# here")
    assert str(origin).startswith("log[2] of -0.5 gives nan at test_origin.py:")
    fine = graph.bind([np.array([2.0, 1.0, 3.0])])
    assert find_origin(graph.outputs, fine, graph.sources) is None


def test_a_diverging_run_says_where_and_when():
    def loss(x):
        slope = np.sqrt(x[0] - 1.0)  # here
        return slope + 10.0 * x[0]

    run = st.minimize(loss, np.array([2.0]), method=st.GradientDescent(0.03))
    assert run.status is st.Status.DIVERGED
    found = re.search(r"First, at iteration (\d+), sqrt of (\S+) gives nan at (\S+):", run.message)
    assert found, run.message
    assert int(found[1]) == run.iterations + 1
    assert float(found[2]) < 0
    assert found[3] == f"test_origin.py:{line_of(loss, '# here')}"


def test_a_gradient_that_is_not_finite_is_found_too():
    def loss(x):
        return np.sum(np.sqrt(np.abs(x) ** 3))  # here

    run = st.minimize(loss, np.array([1.0, 0.0]), method=st.GradientDescent(0.1))
    assert "divide[1]" in run.message or "multiply[1]" in run.message, run.message
    assert f"test_origin.py:{line_of(loss, '# here')}" in run.message
    check = st.check_gradient(loss, np.array([1.0, 0.0]))
    assert not check
    assert f"test_origin.py:{line_of(loss, '# here')}" in check.verdict


def test_a_loss_that_is_not_finite_at_the_start():
    run = st.minimize(lambda x: np.log(x[0]), np.array([-1.0]))
    assert (
        "start where the loss is finite. First, at iteration 0, log of -1 gives nan" in run.message
    )


@pytest.mark.parametrize("engine", ["native", "numpy", "torch"])
def test_every_engine_says_the_same(engine):
    run = st.minimize(logs, np.array([2.0, 1.5]), engine=engine, method=st.GradientDescent(3.0))
    assert "log[" in run.message
    assert "test_origin.py" in run.message
