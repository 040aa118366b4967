"""What cannot be recorded is refused by a sentence that names the line and a way out."""

import math
import pickle
import random as python_random
import re

import numpy as np
import pytest
import torch

import steepest as st
from steepest.errors import SteepestError

COUNTER = 0
draw = python_random.random
GENERATOR = np.random.default_rng(0)


def branches(x):
    return x[0] if x[0] > 0 else x[1]


def loops(x):
    while x[0] < 1:
        x = x * 2
    return x[0]


def mathematics(x):
    return math.exp(x[0])


def converts(x):
    return float(x[0])


def whole(x):
    return int(x[0])


def assigns(x):
    x[0] = 1.0
    return x[0]


def assigns_into_plain(x):
    y = np.zeros(3)
    y[0] = x[0]
    return y.sum()


def collects(x):
    return np.array([x[0], x[1]]).sum()


def adds_in_place(x):
    y = x * 2
    y += 1
    return y.sum()


def counts(x):
    global COUNTER
    COUNTER += 1
    return x.sum()


def draws(x):
    return x.sum() + np.random.normal()


def draws_from_generator(x):
    return x.sum() + GENERATOR.normal()


def draws_in_python(x):
    return x.sum() * python_random.random()


def draws_by_name(x):
    return x.sum() * draw()


def solves(x):
    return np.linalg.solve(np.eye(2), x).sum()


def sorts(x):
    return np.sort(x)[0]


def accumulates(x):
    return np.add.accumulate(x)[0]


def masks(x):
    return x[x > 0].sum()


def writes_out(x):
    return np.add(x, 1.0, out=np.zeros(2)).sum()


def sums_where(x):
    return np.sum(x, where=np.array([True, False]))


def indexes_a_list(x):
    return [1.0, 2.0][np.argmax(x)] * x[0]


def repeats(x):
    return sum(x[0] for _ in range(np.argmax(x)))


def goes_complex(x):
    return np.abs(x[0] * 1j)


def holds_objects(x):
    return np.add(x, np.array([object(), object()]))


def pickles(x):
    return len(pickle.dumps(x)) * x[0]


def sets(x):
    return len({x[0], x[1]}) * x[0]


def attributes(x):
    return x.strides


def shapes_from_values(x):
    return np.reshape(x, (x[0], 2))


REFUSED = {
    branches: (TypeError, "np.where"),
    loops: (TypeError, "np.where"),
    mathematics: (TypeError, "NumPy's function"),
    converts: (TypeError, "NumPy's function"),
    whole: (TypeError, "astype"),
    assigns: (TypeError, "np.stack"),
    assigns_into_plain: (TypeError, "np.stack"),
    collects: (TypeError, "np.stack"),
    adds_in_place: (TypeError, "y = y + ..."),
    counts: (TypeError, "return the value instead"),
    draws: (TypeError, "outside"),
    draws_from_generator: (TypeError, "outside"),
    draws_by_name: (TypeError, "outside"),
    draws_in_python: (TypeError, "outside"),
    solves: (TypeError, "np.linalg.solve"),
    sorts: (TypeError, "np.sort"),
    accumulates: (TypeError, "np.add.accumulate"),
    masks: (TypeError, "np.where"),
    writes_out: (TypeError, "out="),
    sums_where: (TypeError, "where="),
    indexes_a_list: (TypeError, "array indexing"),
    repeats: (TypeError, "plain int"),
    goes_complex: (TypeError, "complex"),
    holds_objects: (TypeError, "object"),
    pickles: (TypeError, "return the value"),
    attributes: (AttributeError, ".strides"),
    shapes_from_values: (TypeError, "Python int"),
}


@pytest.mark.parametrize("function", REFUSED, ids=lambda f: f.__name__)
def test_refusal_names_the_line_and_a_way_out(function):
    builtin, hint = REFUSED[function]
    with pytest.raises(SteepestError) as caught:
        st.trace(function, np.array([0.5, 2.0]))
    message = str(caught.value)
    assert isinstance(caught.value, builtin)
    line = re.search(r"test_refusals\.py:(\d+)", message)
    assert line, message
    first = function.__code__.co_firstlineno
    assert first <= int(line[1]) <= first + 6, message
    assert hint in message


@pytest.mark.parametrize(
    "make",
    [
        lambda: np.ma.masked_array(np.ones(2), [True, False]),
        lambda: np.matrix(np.ones((1, 2))),
        lambda: torch.ones(2),
    ],
    ids=["masked", "matrix", "tensor"],
)
@pytest.mark.filterwarnings("ignore:the matrix subclass")
def test_arrays_that_are_more_than_arrays_are_refused(make):
    array = make()
    message = f"{type(array).__qualname__}.*cannot be recorded.*np.asarray"
    for call in (
        lambda: st.trace(lambda x: np.sum(x), array),
        lambda: st.gradient(lambda x, y: np.sum(x * 2.0), 0)(np.ones(2), array),
        lambda: st.minimize(lambda x, y: np.sum(x * 2.0), np.ones(2), args=(array,)),
        lambda: st.trace(lambda x: np.add(x, np.ones(2)) + x.session.lift(array).size, np.ones(2)),
    ):
        with pytest.raises(TypeError, match=message):
            call()


def test_traced_values_are_unhashable():
    with pytest.raises(TypeError, match="unhashable"):
        st.trace(sets, np.ones(2))


def test_a_value_kept_after_its_trace_is_refused():
    kept = []

    def f(x):
        kept.append(x)
        return x.sum()

    st.trace(f, np.ones(2))
    with pytest.raises(SteepestError, match="trace had ended"):
        np.sin(kept[0])
    with pytest.raises(SteepestError, match="has ended"):
        st.trace(lambda x: x + kept[0], np.ones(2))


def test_an_outer_variable_may_not_be_assigned():
    total = 0.0

    def f(x):
        nonlocal total
        total = total + x
        return x

    with pytest.raises(SteepestError, match="'total' of an enclosing function"):
        st.trace(f, 1.0)


def test_shapes_that_do_not_fit_name_the_line():
    with pytest.raises(ValueError, match=r"test_refusals\.py:\d+: shapes \(2,\) and \(3,\)"):
        st.trace(lambda x: x + np.ones(3), np.ones(2))
    with pytest.raises(ValueError, match=r"np\.matmul at test_refusals\.py:\d+"):
        st.trace(lambda x: x @ np.ones((3, 2)), np.ones(2))
    with pytest.raises(IndexError, match=r"index 2 at test_refusals\.py:\d+ is out of bounds"):
        st.trace(lambda x: x[2], np.ones(2))
    with pytest.raises(ValueError, match="has no value"):
        st.trace(lambda x: np.mean(x[:0]), np.ones(2))


@pytest.mark.parametrize(
    ("returns", "message"),
    [
        (lambda x: x * 2, r"one number as its loss, got an array of shape \(2,\).*np.sum"),
        (lambda x: (x.sum(), 1.0), "got 2 values"),
        (np.argmax, "must return a real number"),
    ],
)
def test_a_loss_must_be_one_real_number(returns, message):
    for call in (st.gradient(returns), lambda x: st.minimize(returns, x)):
        with pytest.raises(ValueError, match=message):
            call(np.ones(2))


def test_a_users_own_error_keeps_its_traceback_without_ours():
    def loss(x):
        raise ZeroDivisionError("mine")

    for call in (st.gradient(loss), lambda x: st.minimize(loss, x), lambda x: st.trace(loss, x)):
        with pytest.raises(ZeroDivisionError, match="mine") as caught:
            call(np.ones(2))
        files = [str(entry.path) for entry in caught.traceback]
        assert files[-1] == __file__
        assert sum("/src/steepest/" in file for file in files) <= 1
