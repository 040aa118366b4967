"""Branches and loops on values: each path is found, compiled and found again."""

import math
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import steepest as st
from steepest.errors import SteepestError
from steepest.graph import Guard, decision_tree
from steepest.ops import input_node
from tests.cases.branching import CROSSING, huber

SETTINGS = {"method": st.GradientDescent(0.05), "stop": st.MaxIterations(300), "record": "all"}


FACTORS = {"up": 2.0, "down": -1.0}


def many_paths(x):
    names = ["up" if value > 0 else "down" for value in x]  # texts: no value stands for both
    return sum(FACTORS[name] * value for name, value in zip(names, x, strict=True))


def test_beyond_the_limit_paths_are_interpreted_with_a_warning():
    f = st.compile(many_paths, max_paths=3)
    random = np.random.default_rng(0)
    xs = random.normal(size=(20, 5))
    with pytest.warns(st.PathLimitWarning, match=r"more than 3 paths.*test_branches\.py:\d+"):
        values = [f(x) for x in xs]
    np.testing.assert_allclose(values, [many_paths(x) for x in xs], rtol=1e-15)
    (paths,) = f._paths.values()
    assert len(paths.traces) == 3


def test_a_graph_of_one_path_says_when_it_does_not_hold():
    graph = st.trace(lambda x: x[0] if x[0] > 1.0 else x[1], np.array([2.0, 5.0]))
    assert "guard" in str(graph)
    assert graph(np.array([3.0, 7.0])) == 3.0
    with pytest.raises(ValueError, match=r"one path through the function.*test_branches\.py:\d+"):
        graph(np.array([0.0, 7.0]))


def test_masks_and_whole_numbers_choose_paths():
    f = st.compile(lambda x: np.sum(x[x > 0] ** 2) + [1.0, 10.0, 100.0][int(np.sum(x > 0))])
    for x in ([1.0, -1.0], [-1.0, 2.0], [-1.0, -1.0], [1.0, 2.0]):
        x = np.array(x)
        assert f(x) == np.sum(x[x > 0] ** 2) + [1.0, 10.0, 100.0][int(np.sum(x > 0))]
    (paths,) = f._paths.values()
    assert len(paths.traces) == 4


def test_a_long_mask_is_compared_in_memory():
    f = st.compile(lambda x: np.sum(x[x > 0.0] * 2.0))
    for seed in range(3):
        x = np.random.default_rng(seed).normal(size=300)
        np.testing.assert_allclose(f(x), 2 * x[x > 0].sum(), rtol=1e-13)


def test_different_paths_may_return_different_shapes():
    f = st.compile(lambda x: x * 2 if x[0] > 0 else (x[0], x[:1]))
    np.testing.assert_array_equal(f(np.array([1.0, 2.0])), [2.0, 4.0])
    first, second = f(np.array([-1.0, 2.0]))
    assert first == -1.0
    assert second.shape == (1,)
    np.testing.assert_array_equal(f(np.array([3.0, 2.0])), [6.0, 4.0])


OFFSETS = {"low": np.arange(3.0), "high": np.arange(3.0) * 10}
LOW, HIGH = OFFSETS["low"], OFFSETS["high"]


def test_paths_may_read_different_arrays_from_outside():
    f = st.compile(lambda x: np.sum(x * (LOW if x[0] < 0 else HIGH)) + np.sum(LOW))
    up, down = np.ones(3), -np.ones(3)
    assert f(up) == HIGH.sum() + LOW.sum()
    assert f(down) == -LOW.sum() + LOW.sum()
    assert f(up) == HIGH.sum() + LOW.sum()


def test_an_inner_derivatives_branches_are_guards_of_the_outer_function():
    def outer(x):
        slope = st.gradient(lambda y: y * y if y > 1.0 else 3.0 * y)(x[0])
        return slope * x[1]

    f = st.compile(outer)
    assert f(np.array([2.0, 1.0])) == 4.0
    assert f(np.array([0.5, 1.0])) == 3.0
    assert st.gradient(outer)(np.array([2.0, 5.0]))[0] == 10.0


def test_a_compiled_function_changes_its_argument_as_the_function_does():
    def halves(x):
        x[1:] *= 0.5
        return x.sum()

    plain, given = np.array([1.0, 2.0, 3.0]), np.array([1.0, 2.0, 3.0])
    assert st.compile(halves)(given) == halves(plain)
    np.testing.assert_array_equal(given, plain)
    for call in (st.gradient(halves), st.compile(st.gradient(halves))):
        given = np.array([1.0, 2.0, 3.0])
        np.testing.assert_array_equal(call(given), [1.0, 0.5, 0.5])
        np.testing.assert_array_equal(given, [1.0, 2.0, 3.0])
    st.pullback(halves, given)
    st.minimize(lambda x: halves(x) ** 2, given, stop=st.MaxIterations(3))
    np.testing.assert_array_equal(given, [1.0, 2.0, 3.0])


def test_a_tree_of_decisions_follows_the_guards():
    a, b = input_node(0, (), np.bool_), input_node(1, (), np.bool_)
    yes, no = np.asarray(True), np.asarray(False)
    paths = [[Guard(a, yes), Guard(b, yes)], [Guard(a, no)], [Guard(a, yes), Guard(b, no)]]
    tree = decision_tree(paths)
    assert tree.condition is a
    assert tree.cases[no.tobytes()] == 1
    assert tree.cases[yes.tobytes()].cases == {yes.tobytes(): 0, no.tobytes(): 2}
    assert decision_tree([[]]) == 0


def test_errors_inside_a_new_path_leave_what_was_known():
    def f(x):
        if x[0] < 0:
            raise SteepestError("negative")
        return x[0]

    g = st.compile(f)
    assert g(np.ones(1)) == 1.0
    with pytest.raises(SteepestError, match="negative"):
        g(-np.ones(1))
    assert g(np.ones(1)) == 1.0


def test_exceptions_choose_paths():
    def f(x):
        try:
            return np.sum(np.linalg.cholesky(np.array([[x[0], x[1]], [x[1], 1.0]])))
        except np.linalg.LinAlgError:
            return x[0] * 3.0

    def g(x):
        try:
            return 1.0 / float(x[0])
        except ZeroDivisionError:
            return x[1]

    for function, points in (
        (f, [[2.0, 0.5], [0.1, 0.5], [3.0, 1.0]]),
        (g, [[2.0, 5.0], [0.0, 5.0]]),
    ):
        compiled = st.compile(function)
        for point in points:
            x = np.array(point)
            np.testing.assert_allclose(compiled(x), function(x), rtol=1e-14)
        assert st.gradient(function)(np.array(points[1]))[0] == (3.0 if function is f else 0.0)


CACHE = {}


def test_what_is_the_same_for_all_arguments_may_be_kept_outside():
    def f(x):
        if x.size not in CACHE:
            CACHE[x.size] = np.arange(x.size) * 2.0
        return np.sum(CACHE[x.size] * x)

    CACHE.clear()
    np.testing.assert_array_equal(st.gradient(f)(np.ones(3)), [0.0, 2.0, 4.0])
    assert type(CACHE[3]) is np.ndarray
    assert f(np.ones(3)) == 6.0


@pytest.mark.slow
def test_threads_trace_without_seeing_each_other():
    def f(x, k):
        y = np.zeros(3)
        for i in range(3):
            y[i] = math.exp(-x[i]) * k if x[i] > 0.5 else x[i] * k
        return np.sum(y * LOW)

    points = np.random.default_rng(0).uniform(0, 1, (40, 3))
    expected = [st.gradient(f)(x, 2.0) for x in points]
    shared = st.compile(st.gradient(f))
    with ThreadPoolExecutor(4) as pool:
        alone = list(pool.map(lambda x: st.gradient(f)(x, 2.0), points))
        together = list(pool.map(lambda x: shared(x, 2.0), points))
    np.testing.assert_array_equal(alone, expected)
    np.testing.assert_allclose(together, expected, rtol=1e-14)
    assert np.zeros(2).__class__ is np.ndarray


def test_no_warning_is_given_within_the_limit():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        st.minimize(huber, CROSSING[huber], **SETTINGS)


@pytest.mark.parametrize("engine", ["native", "numpy", "torch"])
def test_a_branch_of_a_loss_may_return_a_whole_number(engine):
    def penalty(x):
        return max(0, x[0] - 1.0) ** 2 if x[0] > -1.0 else 10

    for point, value, slope in ((3.0, 4.0, 4.0), (0.5, 0.0, 0.0), (-2.0, 10.0, 0.0)):
        for derive in (st.value_and_gradient, lambda f: st.compile(st.value_and_gradient(f))):
            found = derive(penalty)(np.array([point]))
            assert found[0] == value
            assert found[1][0] == slope
    run = st.minimize(penalty, np.array([3.0]), engine=engine)
    np.testing.assert_allclose(run.loss, 0.0, atol=1e-12)
    with pytest.raises(ValueError, match="compute with floats"):
        st.gradient(lambda x: np.sum(x > 0))(np.ones(2))
