"""Sparsity patterns contain every entry that is not zero, and colorings recover all of them."""

import numpy as np
import pytest
import scipy.sparse

import steepest as st
from steepest.derivative.sparse.compression import hessian_plan, jacobian_plan
from steepest.derivative.sparse.links import Facts
from steepest.derivative.sparse.patterns import pattern_of
from steepest.derivative.sparse.rows import BitRows, SparseRows

RNG = np.random.default_rng(3)
MATRIX = np.where(RNG.random((6, 9)) < 0.3, RNG.normal(size=(6, 9)), 0.0)
SPARSE = scipy.sparse.csr_matrix(MATRIX)
PLACES = np.array([3, 1, 4, 1, 5, 8])


def followed(x):
    """A loop whose steps depend on one another."""
    velocity, gaps = 0.0, []
    for i in range(8):
        velocity = velocity + x[i] * 0.1
        gaps.append(x[i + 1] - np.sin(velocity))
    return np.stack(gaps)


def shooting(x):
    """A loop whose steps do not depend on one another."""
    gaps = [x[i + 1] - x[i] - 0.1 * np.sin(x[i] * x[0]) for i in range(8)]
    return np.stack(gaps)


def assigned(x):
    y = np.zeros(7)
    y[1:4] = x[2:5] ** 2
    y[PLACES[:2]] += x[:2]
    return y


def cumulated(x):
    _, sums = st.scan(lambda total, row: (total + row**2, total * row), 1.0, x)
    return sums[:5] - x[4:9]


CASES = {
    "elementwise": lambda x: x[1:] * np.exp(x[:-1]) - x[3],
    "matrix": lambda x: np.sin(MATRIX @ x**2),
    "sparse matrix": lambda x: SPARSE @ (x * x[::-1]),
    "product of matrices": lambda x: (x.reshape(3, 3) @ np.diag([1.0, 0.0, 2.0])).ravel(),
    "batched product": lambda x: (np.ones((2, 4, 3)) @ x.reshape(3, 3)).ravel(),
    "reductions": lambda x: np.sum(x.reshape(3, 3) ** 2, axis=1) + np.max(x.reshape(3, 3), axis=0),
    "taken": lambda x: x[PLACES] ** 2 + np.cumsum(x[:6]),
    "taken by value": lambda x: x[np.floor(x[:4]).astype(int)] * x[1:5],
    "sorted": lambda x: np.sort(x)[:4] - np.roll(x, 2)[:4],
    "selected": lambda x: np.where(x[:5] > 0, x[1:6], x[2:7] * x[0]),
    "solved": lambda x: np.linalg.solve(np.eye(3) + 0.1 * np.outer(x[:3], x[:3]), x[3:6]),
    "step by step": followed,
    "step by itself": shooting,
    "assigned": assigned,
    "a scan": cumulated,
    "constant": lambda x: np.floor(x) * 0 + np.ones(9),
}


def pattern(function, x):
    graph = st.trace(function, x)
    return pattern_of(graph, [x, *graph.captured]).rows[0]


@pytest.mark.parametrize("name", CASES)
def test_a_pattern_contains_every_entry_that_is_not_zero(name):
    function = CASES[name]
    weights = RNG.normal(size=len(function(np.ones(9))))
    curved = lambda x: np.sum(weights * function(x))
    for _ in range(3):
        x = RNG.uniform(0.1, 3.0, 9)
        jacobian = st.jacobian(function)(x)
        found = pattern(function, x).toarray()
        assert not np.any((jacobian != 0) & ~found)
        hessian, of_slopes = st.hessian(curved)(x), pattern(st.gradient(curved), x)
        assert not np.any((hessian != 0) & ~of_slopes.toarray())


TIGHT = ("elementwise", "matrix", "sparse matrix", "step by itself", "assigned", "a scan", "taken")


@pytest.mark.parametrize("name", TIGHT)
def test_a_pattern_is_no_larger_than_it_must_be(name):
    x = RNG.uniform(0.1, 3.0, 9)
    jacobian = st.jacobian(CASES[name])(x)
    np.testing.assert_array_equal(pattern(CASES[name], x).toarray(), jacobian != 0)


def test_loops_that_share_no_variable_have_a_banded_hessian():
    def loss(x):
        total = 0.0
        for i in range(30):
            total = total + np.exp(x[i] * x[i + 1]) + np.sin(x[i])
        return total

    found = pattern(st.gradient(loss), np.linspace(0, 1, 31)).toarray()
    assert np.array_equal(found, np.abs(np.subtract.outer(range(31), range(31))) <= 1)


def test_a_pattern_holds_as_long_as_what_it_was_found_from():
    x, other = np.ones(9), 2 * MATRIX
    graph = st.trace(lambda x, a: a @ np.sin(x), x, MATRIX)
    found = pattern_of(graph, [x, MATRIX])
    assert found.holds(graph, [x, other])
    assert not found.holds(graph, [x, np.ones_like(MATRIX)])


def test_a_branch_on_the_variables_is_noticed():
    graph = st.trace(lambda x: x**2 if x[0] > 0 else x[::-1], np.ones(3))
    assert pattern_of(graph, [np.ones(3)]).varies
    graph = st.trace(lambda x, a: x**2 if a > 0 else x[::-1], np.ones(3), 1.0)
    assert not pattern_of(graph, [np.ones(3), np.array(1.0)]).varies


def random_pattern(rows, columns, density, hub):
    found = RNG.random((rows, columns)) < density
    if hub:
        found[RNG.integers(rows)] = True
    return found


@pytest.mark.parametrize("hub", [False, True])
@pytest.mark.parametrize("density", [0.02, 0.1, 0.4])
def test_a_jacobian_is_recovered_from_few_products(density, hub):
    for rows, columns in RNG.integers(1, 40, (10, 2)):
        found = random_pattern(rows, columns, density, hub)
        matrix = np.where(found, RNG.normal(size=found.shape), 0.0)
        plan = jacobian_plan(scipy.sparse.csr_array(found))
        entries = plan.entries(plan.tangents @ matrix.T, plan.cotangents @ matrix)
        again = np.zeros_like(matrix)
        again[plan.rows, plan.columns] = entries
        np.testing.assert_array_equal(again, matrix)


@pytest.mark.parametrize("hub", [False, True])
@pytest.mark.parametrize("density", [0.02, 0.1, 0.4])
def test_a_hessian_is_recovered_from_few_products(density, hub):
    for number in RNG.integers(1, 60, 20):
        found = random_pattern(number, number, density, hub)
        found |= found.T
        matrix = np.where(found, RNG.normal(size=found.shape), 0.0)
        matrix = matrix + matrix.T
        plan = hessian_plan(scipy.sparse.csr_array(found))
        again = np.zeros_like(matrix)
        again[plan.rows, plan.columns] = plan.entries(plan.tangents @ matrix)
        np.testing.assert_array_equal(again, matrix)


def test_structured_matrices_need_as_few_products_as_is_known():
    number = 2000
    band = scipy.sparse.diags_array([1.0, 1.0, 1.0], offsets=[-1, 0, 1], shape=(number, number))
    assert len(hessian_plan(band.astype(bool)).tangents) == 3
    assert len(jacobian_plan(band.astype(bool)).tangents) == 3
    arrow = scipy.sparse.lil_array((number, number), dtype=bool)
    arrow.setdiag(True)
    arrow[0, :] = arrow[:, 0] = True
    assert len(hessian_plan(arrow).tangents) == 2
    plan = jacobian_plan(arrow)
    assert len(plan.tangents) + len(plan.cotangents) == 3


@pytest.mark.parametrize("kind", [BitRows, SparseRows])
def test_both_kinds_of_sets_do_the_same(kind):
    number = 130
    unit = kind.unit(number)
    index = np.array([3, -1, 129, 64, 3])
    taken = unit.take(index)
    united = taken.united(unit.take(index[::-1]))
    merged = united.merge(np.array([1, 1, 3, 0, 0]), 5)
    after = merged.followed_by([unit.take(np.array([7]))])
    expected = [{3, 64}, {3, 64}, set(), {129}, set(), {7}]
    table = after.matrix(number).toarray()
    assert [set(np.flatnonzero(row).tolist()) for row in table] == expected
    assert after.any().tolist() == [bool(row) for row in expected]
    assert Facts(np.ones(3)).is_fixed()
