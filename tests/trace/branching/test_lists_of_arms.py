"""Lists and dictionaries that the arms of a branch make are merged item by item."""

import numpy as np
import pytest

import steepest as st
from steepest.errors import UnsupportedError

XS = np.array([0.3, -0.4, 1.2, -0.7])


def returned(x):
    if x > 0.0:
        return [2.0 * x, x]
    return [x * x, 3.0]


def assigned(x):
    if x > 0.0:
        pair = [2.0 * x, x]
    else:
        pair = [x * x, 3.0]
    return pair


def chosen(x):
    return [2.0 * x, x] if x > 0.0 else [x * x, 3.0]


def appended(x):
    pair = []
    if x > 0.0:
        pair.append(2.0 * x)
        pair.append(x)
    else:
        pair.append(x * x)
        pair.append(3.0)
    return pair


def nested(x):
    if x > 0.0:
        parts = ([2.0 * x], {"b": x})
    else:
        parts = ([x * x], {"b": 3.0})
    return [parts[0][0], parts[1]["b"]]


def by_name(x):
    if x > 0.0:
        parts = {"a": 2.0 * x, "b": x}
    else:
        parts = {"a": x * x, "b": 3.0}
    return [parts["a"], parts["b"]]


def in_arms_of_arms(x):
    if x > 0.0:
        if x > 99.0:
            pair = [x, x]
        else:
            pair = [2.0 * x, x]
        pair[0] = pair[0] + 0.0
    else:
        pair = [x * x, 3.0]
    return pair


def of_two_names(x):
    if x > 0.0:
        pair = other = [0.0, x]
        first = 2.0 * x
    else:
        pair = other = [0.0, 3.0]
        first = x * x
    other[0] = first
    return pair


@pytest.mark.parametrize(
    "pair_of",
    [returned, assigned, chosen, appended, nested, by_name, in_arms_of_arms, of_two_names],
)
def test_lists_that_arms_make(pair_of):
    def total(xs):
        def step(carry, x):
            first, second = pair_of(x)
            return carry + first * second, x

        return st.scan(step, 0.0, xs)[0]

    value, slopes = st.value_and_gradient(total)(XS)
    above = XS > 0.0
    np.testing.assert_allclose(value, np.sum(np.where(above, 2 * XS**2, 3 * XS**2)), rtol=1e-12)
    np.testing.assert_allclose(slopes, np.where(above, 4 * XS, 6 * XS), rtol=1e-12)


def shared_by_one_arm(x):
    if x > 0.0:
        a = b = [x]
    else:
        a = [x]
        b = [3.0]
    b[0] = 1.0
    return a[0]


def made_outside(x):
    a, b = [x], [3.0]
    if x > 0.0:
        c = a
    else:
        c = b
    c[0] = 1.0
    return a[0]


def of_other_lengths(x):
    if x > 0.0:
        a = [x]
    else:
        a = [x, 3.0]
    return a[-1]


def failing(x):
    if x > 0.0:
        a = [x]
    else:
        a = np.zeros(2) + np.zeros(3)
    return a


@pytest.mark.parametrize("of", [shared_by_one_arm, made_outside, of_other_lengths, failing])
def test_others_are_refused_with_the_line_of_the_branch(of):
    total = lambda xs: st.scan(lambda carry, x: (carry + of(x), x), 0.0, xs)[0]
    with pytest.raises(UnsupportedError, match=r"test_lists_of_arms\.py:\d+ is not known while"):
        st.trace(total, XS)
