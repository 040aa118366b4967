"""Loops over the same positions are fused into one."""

from __future__ import annotations

import numpy as np
import pytest

import steepest as st
from steepest.engines import Interpreter, Native
from steepest.trace import trace_function


def huber(x):
    return np.sum(np.where(np.abs(x) < 1, 0.5 * x * x, np.abs(x) - 0.5))


def spread(x):
    return np.sum((x - np.mean(x)) ** 2) + np.max(x) * np.sum(np.sin(x))


def many(x):
    y = np.exp(-x * x)
    return sum(np.sum(y * y + k) * k for k in range(12))


def rows(x):
    z = x - np.max(x, axis=1, keepdims=True)
    return np.sum(np.exp(z) * z) + np.sum(np.tanh(z[1:]) * z[:-1])


CASES = [
    (huber, (40,)), (huber, (5, 7)), (huber, (1300,)), (spread, (40,)), (spread, (700, 3)),
    (many, (50,)), (rows, (6, 9)),
]  # fmt: skip


def numbers(shape):
    return np.random.default_rng(1).normal(size=shape) * 2


@pytest.mark.parametrize(("loss", "shape"), CASES)
@pytest.mark.parametrize("order", ["C", "F"])
def test_values_and_gradients_are_the_interpreters(loss, shape, order):
    x = np.asarray(numbers(shape), order=order)
    graph = trace_function(st.value_and_gradient(loss), (x,)).graph
    _, expected = Interpreter().compile([graph])([x])
    _, found = Native().compile([graph])([x])
    for value, wanted in zip(found, expected, strict=True):
        np.testing.assert_allclose(value, wanted, rtol=1e-12, atol=1e-12)


def test_a_gradient_needs_no_memory_but_its_result():
    plan = st.compile(st.value_and_gradient(huber)).plan(numbers(500))
    assert len(plan.loops) == 1
    assert plan.arena_bytes == 0
    assert "-> float64[], float64[500]; reads 4.02 kB, writes 4.01 kB" in str(plan)


def test_a_loop_that_needs_anothers_sum_comes_after_it():
    plan = st.compile(lambda x: np.sum((x - np.mean(x)) ** 2)).plan(numbers(500))
    assert [len(loop.results) for loop in plan.loops] == [1, 1]


def test_loops_with_nothing_in_common_stay_apart():
    plan = st.compile(lambda x, y: (x + 1.0, y * 2.0)).plan(numbers(500), numbers(500))
    assert [len(loop.results) for loop in plan.loops] == [1, 1]


def test_a_result_behind_a_branch_waits_for_it():
    def function(x):
        a = np.sin(x)
        a[a > 0.3] *= 0.5
        return np.sum(a * a) if np.sum(a) > 0 else np.sum(np.exp(a) + a)

    for x in (np.abs(numbers(18)), -np.abs(numbers(18))):
        gradient = st.compile(st.gradient(function))
        assert np.array_equal(gradient(x), gradient(x))
        np.testing.assert_allclose(gradient(x), st.gradient(function)(x), rtol=1e-12)
