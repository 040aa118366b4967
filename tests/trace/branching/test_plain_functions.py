"""Functions that tell a merged value from another one, or have effects, keep their branches."""

import collections
import functools
import itertools
import time

import numpy as np
import pytest

import steepest as st

X, DATA = np.array([0.4, 0.6]), np.array([0.1, 0.9, 0.3, 0.7, 0.5, 0.2])
POINTS = [X, np.array([0.8, 0.5]), np.array([0.05, 1.5]), np.array([2.0, -0.7])]


def below(v, a):
    if v < a:  # noqa: SIM103 - the branch is what is tested
        return True
    return False


def compared_by_is(x, d):
    s = 0.0
    for v in d:
        if below(v, x[0]) is True:
            s += x[1] * v
    return s


def matched(x, d):
    s = 0.0
    for v in d:
        hit = False
        if v < x[0]:
            hit = True
        match hit:
            case True:
                s += v * x[1]
            case _:
                s += v
    return s


def the_same_array(x, d):
    s = 0.0
    for v in d:
        w = x
        if v < x[0]:
            w = 2 * x
        if w is x:
            s += x[1]
    return s


def by_type(x, d):
    s = 0.0
    for v in d:
        w = 1 if v < x[0] else v * x[1]
        if isinstance(w, int):
            s += 5.0
        s += w * 1.0
    return s


def by_attribute(x, d):
    s = 0.0
    for v in d:
        w = 1.0 if v < x[0] else v * x[1]
        s += w * (3.0 if hasattr(w, "dtype") else 1.0)
    return s


def iterator_in_a_list(x, d):
    n = 0.0
    for v in d:
        its = [iter((v, x[1]))]
        if v < x[0]:
            n += sum(its[0])
        n += 10 * sum(its[0])
    return n


def mapped(x, d):
    out = []
    for v in d:
        if v < x[0]:
            list(map(out.append, [v * x[1]]))
        else:
            list(map(out.append, [1.0]))
    return sum(out)


class Cached:
    def __init__(self, v):
        self.v, self.k = v, 0

    @functools.cached_property
    def q(self):
        self.k = 1
        return self.v


def cached_property(x, d):
    s = 0.0
    for v in d:
        c = Cached(v * x[1])
        if v < x[0]:
            s += c.q
        s += c.k
    return s


def made_by_reading(x, d):
    items = collections.defaultdict(float)
    for i, v in enumerate(d):
        if v < x[0]:
            items[i]
    return x[1] * len(items)


def its_own_variables(x, d):
    n = 0.0 * x[1]
    for v in d:
        if v < x[0]:
            u = v * x[1]
        n += 0.1 * len(locals())
    return n


def table(x, d):
    entries, s = np.array([1.0, 2.0, x[0]]), 0.0
    for v in d:
        k = int(v * x[1] * 10)
        if 0 <= k < 3:
            s += entries[k]
    return s


FUNCTIONS = (
    *(compared_by_is, matched, the_same_array, by_type, by_attribute, iterator_in_a_list),
    *(mapped, cached_property, made_by_reading, its_own_variables, table),
)


@pytest.mark.filterwarnings("ignore::steepest.TraceWarning")
@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda f: f.__name__)
def test_values_are_those_of_plain_python(function):
    both = st.compile(st.value_and_gradient(function))
    forms = [
        st.compile(function),
        lambda *args: st.value_and_gradient(function)(*args)[0],
        lambda *args: both(*args)[0],
    ]
    for form in forms:
        for x in POINTS:
            np.testing.assert_allclose(form(x, DATA), function(x, DATA), rtol=1e-12)


@pytest.mark.filterwarnings("ignore::steepest.TraceWarning")
def test_an_iterator_from_outside_gives_one_item_for_each_call():
    numbers = itertools.count(1)

    def loss(x, d):
        s = next(numbers) * x[0]
        for v in d:
            s = s + (v * x[1] if v < x[0] else -v)
        return s

    value, _ = st.value_and_gradient(loss)(X, DATA)
    np.testing.assert_allclose(value, -1.34, rtol=1e-12)
    assert next(numbers) == 2


def test_a_file_is_written_once(tmp_path):
    with open(tmp_path / "log", "w") as log:

        def loss(x, d):
            log.write("call\n")
            s = 0.0
            for v in d:
                s = s + (v * x[1] if v < x[0] else -v)
            return s

        st.value_and_gradient(loss)(X, DATA)
    assert (tmp_path / "log").read_text() == "call\n"


def test_a_long_loop_in_an_arm_that_is_not_taken_is_not_run():
    def loss(x, d):
        s = 0.0
        for v in d:
            if v > 100 + x[0]:
                for j in range(10**7):
                    s = s + x[1] * j
            else:
                s = s + v * x[1]
        return s

    began = time.monotonic()
    value, _ = st.value_and_gradient(loss)(X, DATA)
    assert time.monotonic() - began < 20
    np.testing.assert_allclose(value, loss(X, DATA), rtol=1e-12)
