"""Ops along a leading axis: a row of the result is what the op gives for one problem."""

from collections import defaultdict

import numpy as np
import pytest

from steepest.engines.interpreter import Interpreter
from steepest.engines.pytorch.leading import ManyTape
from steepest.engines.pytorch.library import array_of, import_torch, tensor_of
from steepest.engines.pytorch.resolve import resolve
from steepest.ops.machine_code import HOST
from tests.cases.ops import FILLED_CASES, graph_of, is_elementwise

torch = import_torch()

NUMBER = 3


def on_cpu(value):
    return tensor_of(value, "cpu")


def patterns(case):
    """Return which operands may differ between problems: all, or each of them alone."""
    count = len(case.case.shapes)
    alone = [tuple(i == j for j in range(count)) for i in range(count)]
    is_joint = case.row.domain.agree is not None or count == 1
    return [(True,) * count] + ([] if is_joint else alone[:3])


CASES = defaultdict(list)
for _case in FILLED_CASES:
    CASES[_case.row.name].append(_case)


def drawn(case, own, random):
    """Return the operands of each problem; all problems share those that are not their own."""
    sets = [case.operands(random) for _ in range(NUMBER)]
    return [[x if mine else y for x, y, mine in zip(one, sets[0], own)] for one in sets]


def side_by_side(case, own, sets):
    graph = graph_of(case, sets[0])
    mine = {node for node, is_own in zip(graph.inputs, own) if is_own}
    tape = ManyTape(torch, on_cpu, graph.outputs, graph.inputs, mine)
    columns = zip(*sets)
    given = [np.stack(x) if is_own else x[0] for x, is_own in zip(columns, own)]
    values = tape.shared(dict(zip(graph.inputs, map(on_cpu, given))))
    tape.run(values)
    return array_of(values[graph.outputs[0]])


@pytest.mark.parametrize("name", CASES)
@pytest.mark.filterwarnings("ignore:There is a performance drop")
def test_rows_are_what_each_problem_gives(name, random):
    engine = Interpreter()
    for case in CASES[name]:
        for own in patterns(case):
            sets = drawn(case, own, random)
            found = side_by_side(case, own, sets)
            expected = [engine.compile([graph_of(case, one)])(one)[1][0] for one in sets]
            assert found.dtype == expected[0].dtype
            np.testing.assert_allclose(found, np.stack(expected), rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("name", CASES)
def test_every_op_stays_on_its_device(name, random):
    """Tensors without values stand for those on a GPU: torch refuses to mix devices."""
    for case in CASES[name]:
        operands = case.operands(random)
        (node,) = graph_of(case, operands).outputs
        try:
            found = resolve(torch, node)(*[on_cpu(x).to("meta") for x in operands])
        except (NotImplementedError, RuntimeError) as error:
            if not waits_for_values(case.row, str(error)):
                raise
        else:
            assert (found.device.type, found.shape) == ("meta", node.shape)


def waits_for_values(row, error):
    """Whether an op fails because NumPy computes it, or because its course depends on values."""
    if not any(text in error for text in ("no data", "item()", "nonzero")):
        return False
    by_name = {"while", "cond", "collect", "put_at", "succeeds", "eigh", "svd"}
    return row.name in by_name or row.lower is HOST or is_elementwise(row)
