"""Steps of loops in machine code, whose results are computed from one another."""

import numpy as np
import pytest

import steepest as st

ROWS = np.arange(1.0, 4.0)


def following(carry, row):
    return 0.5 * np.sin(carry) + row


def by_its_sum(carry, row):
    new = following(carry, row)
    return new, np.cos(carry) * np.sum(new)


def by_sums_in_turn(carry, row):
    new = following(carry, row)
    other = np.cos(carry) * np.sum(new)
    return new, np.exp(-carry * carry) * np.sum(other)


def by_its_elements(carry, row):
    new = following(carry, row)
    return new, new[::-1] * np.max(new)


@pytest.mark.parametrize("size", [2, 20, 300])
@pytest.mark.parametrize("step", [by_its_sum, by_sums_in_turn, by_its_elements])
def test_a_result_of_a_step_outlives_the_others_that_read_it(step, size):
    def loop(x):
        carry, results = st.scan(step, x, ROWS)
        return np.concatenate([carry, results.reshape(-1)])

    x = np.linspace(0.1, 1.0, size)
    np.testing.assert_allclose(st.compile(loop)(x), loop(x), rtol=1e-12)

    def total(x):
        return np.sum(loop(x) ** 2)

    expected = st.trace(st.gradient(total), x)(x)  # in NumPy
    np.testing.assert_allclose(st.compile(st.gradient(total))(x), expected, rtol=1e-10)
