"""Every rewrite pass checks its result in tests, and names itself where that is wrong."""

import importlib

import numpy as np
import pytest

from steepest.errors import VerificationError
from steepest.graph import Graph, make, passes, substitute
from steepest.ops import TABLE, input_node
from steepest.rewrite import affine, hoist, simplify, without_rows
from steepest.rewrite.panels import passes as panel_passes
from steepest.rewrite.panels import with_panels

hoisting, simplifying, substituting = map(
    importlib.import_module,
    ("steepest.rewrite.hoist", "steepest.rewrite.simplify", "steepest.graph.substitute"),
)
"""Modules, whose names in their packages are those of the functions."""


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
