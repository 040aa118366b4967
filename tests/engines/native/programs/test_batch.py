"""Every op of the table, computed for many problems at once in SIMD lanes."""

import numpy as np
import pytest

from steepest.engines import ManyProgram, ManyStart, Native
from steepest.graph import make
from steepest.ops import TABLE, constant_node, input_node
from tests.cases.ops import FILLED_CASES

NUMBER = 11


def program_of(case, operands, is_own):
    """Return a program that computes an op once for each problem."""
    x, count = input_node(0, (1,), np.float64), input_node(1, (), np.int64)
    data = [input_node(2 + i, a.shape, a.dtype) for i, a in enumerate(operands)]
    ordered = [*(d for d, own in zip(data, is_own, strict=True) if own)]
    ordered += [d for d, own in zip(data, is_own, strict=True) if not own]
    result = make(case.row, data, **case.case.attributes)
    over = make(TABLE["add"], (count, constant_node(np.int64(1))))
    flags = tuple(sorted(is_own, reverse=True))
    return ManyProgram(x, count, (), tuple(ordered), flags, over, (result,), x, ())


@pytest.mark.sampled(5)
@pytest.mark.parametrize("case", FILLED_CASES, ids=str)
def test_every_op_computes_in_lanes_what_it_computes_alone(case, random):
    shares = FILLED_CASES.index(case) % 2 == 1  # the last operand is the same for all
    first = case.operands(random)
    # Where indices are not constants, and in loops, a thread has one problem at a time.
    is_own = [not (shares and i == len(first) - 1) for i in range(len(first))]
    program = program_of(case, first, is_own)
    work = Native().prepare_many(program)
    if work is None:
        assert case.row.name in ONE_BY_ONE
        return
    sets = [first, *(case.operands(random) for _ in range(NUMBER - 1))]
    own = [np.stack([s[i] for s in sets]) for i, mine in enumerate(is_own) if mine]
    shared = [first[i] for i, mine in enumerate(is_own) if not mine]
    start = ManyStart(np.zeros((NUMBER, 1)), [*own, *shared])
    (found,) = work(start, lambda begun: False).values
    with np.errstate(all="ignore"):
        for one, result in zip(sets, found, strict=True):
            operands = [a if mine else b for a, b, mine in zip(one, first, is_own, strict=True)]
            expected = case.row.evaluate(*operands, **case.case.attributes)
            np.testing.assert_allclose(result, expected, rtol=1e-12, atol=1e-12)


ONE_BY_ONE = {name for name, row in TABLE.items() if getattr(row.lower, "name", "") == "host"}


def test_a_failure_is_left_to_a_run_that_can_tell_of_it():
    x, count = input_node(0, (1,), np.float64), input_node(1, (), np.int64)
    place = input_node(2, (), np.int64)
    over = make(TABLE["add"], (count, constant_node(np.int64(1))))
    taken = make(TABLE["take_at"], (constant_node(np.arange(3.0)), place))
    program = ManyProgram(x, count, (), (place,), (True,), over, (taken,), x, ())
    work = Native().prepare_many(program)
    inside, outside = np.array([2, 0]), np.array([2, 7])
    (found,) = work(ManyStart(np.zeros((2, 1)), [inside]), lambda begun: False).values
    np.testing.assert_array_equal(found, inside)
    assert work(ManyStart(np.zeros((2, 1)), [outside]), lambda begun: False) is None
