"""Arguments that share memory: handled as NumPy does, or refused by name."""

import itertools

import numpy as np
import pytest

import steepest as st
from steepest.trace.arrays.aliasing import shared_memory


def changes_first(a, b):
    a += 1.0
    return np.sum(a * b)


def changes_second(a, b):
    b[0] = a[1]
    return np.sum(a * b)


def changes_a_view(a, b):
    a.reshape(-1)[::2] *= 3
    return np.sum(a - 2 * b)


def changes_none(a, b):
    a = a + 1.0
    a[0] = 5.0
    return np.sum(a * b)


def changes_a_copy(a, b):
    b = b.copy()
    b += a
    return np.sum(a * b)


def pairs():
    base = np.arange(1.0, 9.0)
    matrix = np.arange(1.0, 10.0).reshape(3, 3)
    yield "the same", base, base
    yield "overlapping slices", base[:6], base[2:]
    yield "reversed", base, base[::-1]
    yield "transposed", matrix, matrix.T
    yield "rows", matrix[0], matrix[:, 0]
    yield "interleaved", base[::2], base[1::2]
    yield "halves", base[:4], base[4:]
    yield "apart", base, base.copy()


CHANGING = [changes_first, changes_second, changes_a_view]
HARMLESS = [changes_none, changes_a_copy]
TRANSFORMS = {
    "compile": lambda f: st.compile(f),
    "gradient": lambda f: st.gradient(f),
    "both": lambda f: st.value_and_gradient(f),
    "trace": lambda f: lambda *x: st.trace(f, *x)(*x),
}


@pytest.mark.parametrize("transform", TRANSFORMS)
@pytest.mark.parametrize("function", CHANGING + HARMLESS, ids=lambda f: f.__name__)
@pytest.mark.parametrize("warm", [False, True])
def test_shared_arguments_are_not_changed_unnoticed(function, transform, warm):
    for name, a, b in pairs():
        called = TRANSFORMS[transform](function)
        if warm:
            called(a.copy(), b.copy())
        if np.shares_memory(a, b) and function in CHANGING:
            with pytest.raises(TypeError, match=r"arguments a and b share memory"):
                called(a, b)
            continue
        separate = TRANSFORMS[transform](function)(a.copy(), b.copy())
        for value, wanted in zip(
            np.atleast_1d(np.asarray(called(a, b), object)),
            np.atleast_1d(np.asarray(separate, object)),
            strict=True,
        ):
            np.testing.assert_allclose(
                np.asarray(value, float), np.asarray(wanted, float), err_msg=name
            )


def test_shared_leaves_of_one_argument_are_named():
    def function(parts):
        parts["p"] += 1.0
        return np.sum(parts["p"] * parts["q"])

    shared = np.ones(3)
    with pytest.raises(
        TypeError, match=r"at test_aliasing.py:\d+, but the arguments .*p.* and .*q"
    ):
        st.compile(function)({"p": shared, "q": shared})


def test_an_array_that_overlaps_itself_is_not_changed():
    def function(x):
        x += 1.0
        return np.sum(x)

    windows = np.lib.stride_tricks.sliding_window_view(np.arange(5.0), 3, writeable=True)
    with pytest.raises(TypeError, match="elements of the argument x share memory"):
        st.compile(function)(windows)


def test_an_argument_that_is_read_from_outside_as_well_is_not_changed():
    outside = np.arange(3.0)

    def function(x):
        x += 1.0
        return np.sum(x * outside)

    compiled = st.compile(function)
    assert compiled(np.ones(3)) == 6
    for called in (compiled, st.compile(function), st.gradient(function)):
        with pytest.raises(TypeError, match="argument x shares memory with outside, which"):
            called(outside[::-1])


def test_losses_do_not_change_shared_data():
    def loss(x, a, b):
        a += 1.0
        return np.sum((x - a * b) ** 2)

    data = np.ones(3)
    with pytest.raises(TypeError, match="arguments a and b share memory"):
        st.minimize(loss, np.zeros(3), args=(data, data))


def test_one_traced_array_given_twice_is_not_changed():
    with pytest.raises(TypeError, match="arguments a and b share memory"):
        st.trace(lambda x: st.gradient(changes_first)(x, x), np.ones(3))


def test_what_shares_memory_is_what_numpy_says(random):
    base = np.arange(24.0)
    views = [
        base[i:j:k] for i, j, k in ((0, 9, 1), (9, 24, 1), (0, 24, 2), (1, 24, 2), (23, 9, -3))
    ]
    views += [base.reshape(4, 6)[1:3, ::2], base.reshape(4, 6).T[1], np.ones(3), base[:0]]
    for first, second in itertools.combinations(views, 2):
        found = shared_memory([first, 1.0, second])
        assert (found == (0, 2)) == np.shares_memory(first, second)
