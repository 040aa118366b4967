"""What `args=` means: as in SciPy, wherever SciPy takes it."""

import numpy as np
import pytest
import scipy.optimize

import steepest as st

PAIR = [3.0, 4.0]


def of_one(x, pair):
    return (x[0] - pair[0]) ** 2 + (x[1] - pair[1]) ** 2


def of_two(x, a, b):
    return (x[0] - a) ** 2 + (x[1] - b) ** 2


def of_any(x, *pairs):
    return sum((x[0] - pair[0]) ** 2 + (x[1] - pair[1]) ** 2 for pair in pairs)


@pytest.mark.parametrize(
    ("loss", "args"),
    [(of_one, (PAIR,)), (of_one, PAIR), (of_one, np.array(PAIR)), (of_two, (3.0, 4.0)),
     (of_any, (PAIR,)), (of_any, PAIR), (of_any, (PAIR, PAIR))],
)  # fmt: skip
def test_args_are_scipys(loss, args):
    expected = scipy.optimize.minimize(loss, np.zeros(2), args=args).x
    np.testing.assert_allclose(st.minimize(loss, np.zeros(2), args=args).x, expected, atol=1e-5)
    np.testing.assert_allclose(
        st.minimize(loss, np.zeros(2), args=args, engine="numpy").x, expected, atol=1e-5
    )


def test_a_list_gives_an_argument_for_each_item_where_nothing_else_fits():
    np.testing.assert_allclose(st.minimize(of_two, np.zeros(2), args=PAIR).x, PAIR, atol=1e-5)


def test_a_saved_run_goes_on_with_the_same_args(tmp_path):
    stop = st.MaxIterations(2)
    st.minimize(of_one, np.zeros(2), args=PAIR, stop=stop).save(tmp_path / "run")
    run = st.resume(tmp_path / "run", of_one, PAIR, stop=st.GradientNormBelow(1e-8))
    np.testing.assert_allclose(run.x, PAIR, atol=1e-7)
