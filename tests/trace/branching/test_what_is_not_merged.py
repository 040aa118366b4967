"""What must not happen in an arm that is not taken, and branches that stay guards."""

import warnings

import numpy as np
import pytest

import steepest as st
from tests.support.branches import (
    count_paths,
    outcome,
    retrace,
    value_and_slopes_of_one_path,
)

X = np.array([-1.5, -0.5, 0.2, 0.4, 1.1, 2.0])
POINTS = [np.array(p) for p in ([0.3, 1.0], [-1.0, 0.5], [1.5, 2.0], [-2.0, 0.7], [3.0, 1.2])]


def agrees(function, monkeypatch, paths=None):
    """Compare a function with plain Python at points on many paths."""
    compiled = st.compile(st.value_and_gradient(function))
    for p in POINTS:
        expected, found = outcome(function, p), outcome(compiled, p)
        if isinstance(expected, type):
            assert isinstance(found, type), (p, found)
            continue
        np.testing.assert_allclose(found[0], expected, rtol=1e-12)
        value, slopes = value_and_slopes_of_one_path(function, p, monkeypatch)
        np.testing.assert_allclose(found[0], value, rtol=1e-12)
        np.testing.assert_allclose(found[1], slopes, rtol=1e-9, atol=1e-12)
    if paths is not None:
        assert count_paths(compiled) == paths
    return compiled


def test_nothing_is_printed_in_an_arm_that_is_not_taken(capsys):
    def loss(p):
        total = 0.0 * p[0]
        for v in X:
            if v < p[0]:
                print("below")
                total = total + v * p[1]
            else:
                total = total - v
        return total

    st.compile(loss)(np.array([-9.0, 1.0]))
    assert capsys.readouterr().out == ""


def test_what_is_printed_beside_branches_is_printed_once(capsys):
    def loss(p):
        print("called")
        total = 0.0 * p[0]
        for v in X:
            total = total + (v * p[1] if v < p[0] else p[0])
        return total

    compiled = st.compile(st.gradient(loss))
    compiled(np.array([-9.0, 1.0]))
    assert capsys.readouterr().out == "called\n"
    assert count_paths(compiled) == 1


COUNTS = {"below": 0}
SEEN = []


def test_writes_outside_are_those_of_the_arms_that_were_taken():
    def loss(p):
        total = 0.0 * p[0]
        for i in range(len(X)):
            if X[i] < p[0]:
                SEEN.append(i)
                COUNTS["below"] += 1
                total = total + p[1]
        return total

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        assert st.gradient(loss)(np.array([0.3, 1.0]))[1] == 3.0
    assert SEEN == [0, 1, 2]
    assert COUNTS == {"below": 3}


class Counter:
    def __init__(self):
        self.count = 0

    def add(self):
        self.count += 1
        return 1.0


def test_an_arm_may_not_change_an_object_or_a_variable_outside(monkeypatch):
    counter = Counter()

    def by_attribute(p):
        total = 0.0 * p[0]
        for v in X:
            if v < p[0]:
                total = total + p[1] * counter.add()
        return total

    def by_variable(p):
        total, count = 0.0 * p[0], 0

        def add(value):
            nonlocal total, count
            total, count = total + value, count + 1

        for v in X:
            if v < p[0]:
                add(v * p[1])
            else:
                total = total - p[0]
        return total * (1 + count)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        assert st.value_and_gradient(by_attribute)(POINTS[0])[0] == 3.0
        assert counter.count == 3
    agrees(by_variable, monkeypatch)


def test_errors_of_an_arm_that_is_not_taken_do_not_surface(monkeypatch):
    table = [1.0, 2.0, 3.0]

    def index_error(p):
        total = 0.0 * p[0]
        for i, v in enumerate(X):
            total = total + (table[i] * p[1] if v < 0.3 + 0.0 * p[0] else v * p[0])
        return total

    def raises(p):
        total = 0.0 * p[0]
        for v in X:
            if v < p[0] - 10.0:
                raise ValueError("too small")
            total = total + (v * p[1] if v > p[0] else p[0])
        return total

    def divides(p):
        total = 0.0 * p[0]
        for i in range(len(X)):
            total = total + (p[0] / (i - 2) if i != 2 and X[i] < p[0] else X[i] * p[1] * p[1])
        return total

    def of_another_length(p):
        total = 0.0 * p[0]
        for v in X:
            y = p if v < p[0] else np.array([v, p[0], p[1]])
            total = total + np.sum(y * y)
        return total

    for function in (index_error, raises, divides, of_another_length):
        agrees(function, monkeypatch)


def test_exceptions_that_are_caught_keep_their_meaning(monkeypatch):
    def inside(p):
        total = 0.0 * p[0]
        for i, v in enumerate(X):
            try:
                if v < p[0]:
                    total = total + [p[1], p[0]][i]
                else:
                    total = total + v * p[1]
            except IndexError:
                total = total - 5.0 * p[1]
        return total

    def around(p):
        total, kept = 0.0 * p[0], {}
        for i, v in enumerate(X):
            if v < p[0]:
                kept[i] = v * p[1]
        for i in range(len(X)):
            try:
                total = total + kept[i]
            except KeyError:
                total = total - p[0]
        return total

    def of_a_variable(p):
        total = 0.0 * p[0]
        for v in X:
            if v < p[0]:
                last = v * p[1]
            else:
                total = total + p[0] * v
        try:
            return total + last
        except NameError:
            return total - 100.0

    for function in (inside, around, of_a_variable):
        agrees(function, monkeypatch)


def test_iterators_are_not_taken_from_by_both_arms(monkeypatch):
    def by_next(p):
        weights, total = iter([1.0, 2.0, 3.0, 4.0, 5.0, 6.0]), 0.0 * p[0]
        for v in X:
            if v < p[0]:
                total = total + next(weights) * p[1]
            else:
                total = total + v
        return total

    def by_a_loop(p):
        weights, total = iter([1.0, 2.0, 3.0, 4.0, 5.0, 6.0]), 0.0 * p[0]
        for v in X:
            if v < p[0]:
                for weight in weights:
                    total = total + weight * p[1]
            total = total + v
        return total

    def by_a_helper(p):
        weights, total = iter([1.0, 2.0, 3.0, 4.0, 5.0, 6.0]), 0.0 * p[0]

        def take():
            for weight in weights:
                return weight
            return 0.0

        for v in X:
            if v < p[0]:
                total = total + take() * p[1]
        return total

    for function in (by_next, by_a_loop, by_a_helper):
        agrees(function, monkeypatch)


def test_loops_that_end_only_in_the_arm_that_is_taken(monkeypatch):
    def recursive(v, p, depth):
        if v < p[0]:
            return recursive(v + 1.0, p, depth + 1) + p[1]
        return v * depth

    def endless(p):
        total = 0.0 * p[0]
        for i, v in enumerate(X):
            k = i
            if v < 0.3 + 0.0 * p[0]:  # true for the first three
                while k != 3:
                    k += 1
                    total = total + p[1]
            else:
                total = total - p[0]
        return total

    agrees(lambda p: sum(recursive(v, p, 0) for v in X), monkeypatch)
    agrees(endless, monkeypatch)


def test_arrays_that_two_names_share(monkeypatch):
    def shared(p):
        y = np.array([p[0], p[1], 1.0])
        total = 0.0 * p[0]
        for v in X:
            z = y if v < p[0] else y * 2.0
            y[0] = y[0] + 0.5
            total = total + z[0] * v
        return total

    def view(p):
        y = np.zeros(6) + p[1]
        for i, v in enumerate(X):
            part = y[:3] if v < p[0] else y[3:]
            y[i] = v * p[0]
            part[0] += p[1]
        return np.sum(y * X)

    def same_list(p):
        rows, other = [p[0], p[1]], [p[1], 2.0 * p[0]]
        for v in X:
            chosen = rows if v < p[0] else other
            chosen[0] = chosen[0] * 0.5 + v
        return rows[0] * 3.0 + other[0]

    for function in (shared, view, same_list):
        agrees(function, monkeypatch)


def test_a_function_that_changes_its_argument(monkeypatch):
    def clips(x):
        for i in range(len(x)):
            if x[i] < 0.0:
                x[i] = 0.0
            elif x[i] > 1.0:
                x[i] = 1.0 + 0.1 * x[i]
        return np.sum(x * x)

    compiled = st.compile(clips)
    for seed in range(5):
        given = np.random.default_rng(seed).normal(size=6)
        plain = given.copy()
        np.testing.assert_allclose(compiled(given), clips(plain), rtol=1e-14)
        np.testing.assert_array_equal(given, plain)


def test_types_are_those_of_the_arm_that_is_taken(monkeypatch):
    def of_ints(p):
        return np.array([1 if v < p[0] else 2 for v in X])

    def of_ints_or_floats(p):
        return np.array([1 if v < p[0] else 2.5 for v in X])

    def one_number(p):
        best = 0
        for v in X:
            if v < p[0]:
                best = v * p[1]
        return best

    def whole_steps(p):
        level = 7
        for v in X:
            level = level // 2 if v < p[0] else level + 1
        return p[1] * (level % 4)

    for function in (of_ints, of_ints_or_floats, one_number, whole_steps):
        compiled = st.compile(function)
        for p in POINTS:
            found, expected = compiled(p), function(p)
            np.testing.assert_array_equal(found, expected)
            assert np.asarray(found).dtype == np.asarray(expected).dtype


def test_a_float_that_python_would_not_divide_by(monkeypatch):
    def quotient(p):
        total = 0.0 * p[0]
        for v in X:
            weight = 0.0 if v < p[0] else v * p[1]
            total = total + 1.0 / (1.0 - weight - 1.0)
        return total

    agrees(quotient, monkeypatch)


def test_texts_that_depend_on_a_branch(monkeypatch):
    def by_name(p):
        total = 0.0 * p[0]
        for v in X:
            name = "low" if v < p[0] else "high"
            total = total + {"low": p[1] * v, "high": v * v * p[0]}[name]
        return total

    def by_function(p):
        total = 0.0 * p[0]
        for v in X:
            if v < p[0]:
                shape = np.sin
            else:
                shape = np.cos
            total = total + shape(v * p[1])
        return total

    for function in (by_name, by_function):
        agrees(function, monkeypatch)


def test_a_function_without_source_keeps_its_branches(monkeypatch):
    space = {"X": X}
    text = "def loss(p):\n    return sum(v * p[1] if v < p[0] else v * p[0] for v in X)"
    exec(text, space)
    agrees(space["loss"], monkeypatch)


def test_a_changed_file_is_not_taken_for_the_source(tmp_path, monkeypatch):
    file = tmp_path / "model.py"
    file.write_text("def loss(p, X):\n    return sum(v * p[1] if v < p[0] else p[0] for v in X)\n")
    space = {}
    exec(compile(file.read_text(), str(file), "exec"), space)
    file.write_text("def loss(p, X):\n    return sum(v * p[1] if v > p[0] else p[1] for v in X)\n")
    loss = space["loss"]
    agrees(lambda p: loss(p, X), monkeypatch)


@pytest.mark.parametrize("limit", [2, 3])
def test_branches_that_cannot_be_merged_do_not_hinder_others(limit, monkeypatch):
    def both(p):
        total, names = 0.0 * p[0], []
        for v in X:
            if v > 0.35 * limit:
                names.append("high")
            if v < p[0]:
                total = total + v * p[1]
            else:
                total = total - p[0]
        return total * len(names)

    agrees(both, monkeypatch, paths=1)


def test_branches_of_inner_and_outer_functions_are_merged():
    def inner(q, b):
        return np.sum(np.array([v * q * q if v < b else q * v * v for v in X]))

    def outer(p):
        total = 0.0 * p[0]
        slope = st.gradient(inner)(p[1], p[0])
        for v in X:
            total = total + (slope * v if v > p[0] else p[1])
        return total

    compiled = st.compile(st.value_and_gradient(outer))
    for p in POINTS:
        expected = sum(2 * v * p[1] if v < p[0] else v * v for v in X)
        expected = sum(expected * v if v > p[0] else p[1] for v in X)
        np.testing.assert_allclose(compiled(p)[0], expected, rtol=1e-12)
    assert count_paths(compiled) == 1


def test_what_cannot_be_merged_is_tried_once(monkeypatch):
    attempts, merged = [], retrace._merged

    def counted(*arguments, **settings):
        attempts.append(arguments)
        return merged(*arguments, **settings)

    def loss(p):
        names = ["low" if v < p[0] else "high" for v in X]
        return p[1] * len([name for name in names if name == "low"]) + p[0]

    monkeypatch.setattr(retrace, "_merged", counted)
    compiled = st.compile(st.value_and_gradient(loss))
    for p in POINTS:
        compiled(p)
    assert count_paths(compiled) > 2
    assert len(attempts) == 1
