"""What `args=` means: as in SciPy, wherever SciPy takes it."""

import numpy as np
import pytest
import scipy.optimize

import steepest as st

PAIR = [3.0, 4.0]
T = np.linspace(0.1, 5.0, 20)


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


IMPEDANCE = 0.5 + 1 / (0.5 + 1j * T)
RECORDS = np.array(list(zip(T, IMPEDANCE.real, strict=True)), [("t", float), ("z", float)])


def of_complex(p, z):
    return np.sum(np.abs(p[0] + 1 / (p[1] + 1j * T) - z) ** 2)


def of_complex_in_dict(p, data):
    return of_complex(p, data["z"])


def of_records(p, records):
    return np.sum(((p[0] + 1 / (p[1] + 1j * records["t"])).real - records["z"]) ** 2)


def of_names(p, names):
    return sum((p[0 if name == "a" else 1] - 3.0) ** 2 for name in names)


NO_INPUTS = {
    "complex": (of_complex, IMPEDANCE),
    "single precision": (of_complex, IMPEDANCE.astype(np.complex64)),
    "complex number": (lambda p, z: abs(p[0] + 1j * p[1] - z) ** 2, np.complex128(0.5 + 0.5j)),
    "in a dict": (of_complex_in_dict, {"z": IMPEDANCE, "name": "cell"}),
    "half precision": (lambda p, t: np.sum((p - t) ** 2), np.float16([1.0, 2.0])),
    "long double": (lambda p, t: np.sum((p - t) ** 2), np.longdouble(1.5)),
    "records": (of_records, RECORDS),
    "texts": (of_names, np.array(["a", "b", "a"])),
    "objects": (lambda p, t: np.sum((p - t[0]) ** 2), np.array([1.0, None])),
    "matrix": (lambda p, t: np.sum((p - np.asarray(t)[0]) ** 2), np.matrix([[1.0, 2.0]])),
}


@pytest.mark.filterwarnings("ignore::steepest.FiniteDifferenceWarning")  # of other precisions
@pytest.mark.filterwarnings("ignore:the matrix subclass:PendingDeprecationWarning")
@pytest.mark.parametrize("name", NO_INPUTS)
def test_data_that_cannot_be_inputs_are_taken_as_captured_ones_are(name):
    loss, data = NO_INPUTS[name]
    start = np.array([0.8, 0.8])
    captured = st.minimize(lambda p: loss(p, data), start)
    given = st.minimize(loss, start, args=(data,))
    np.testing.assert_array_equal(given.x, captured.x)
    assert captured.converged


def test_complex_data_may_change_between_fits():
    def residuals(p, scale, z):
        error = scale * (p[0] + 1 / (p[1] + 1j * T) - z)
        return np.concatenate([error.real, error.imag])

    def expected(z):
        tolerances = dict.fromkeys(("ftol", "xtol", "gtol"), 1e-15)
        start, args = [0.8, 0.8], (3.0, z)
        return scipy.optimize.least_squares(residuals, start, args=args, **tolerances).x

    data = IMPEDANCE.copy()
    for factor in (1.0, 2.0):
        fit = st.least_squares(residuals, [0.8, 0.8], args=(3.0, factor * data))
        again = st.least_squares(residuals, [0.8, 0.8], args=(3.0, factor * data))
        np.testing.assert_allclose(fit.x, expected(factor * data), atol=1e-6)
        np.testing.assert_array_equal(again.x, fit.x)
    before = st.least_squares(residuals, [0.8, 0.8], args=(3.0, data)).x
    data *= 3.0  # in place: the same array has other values
    changed = st.least_squares(residuals, [0.8, 0.8], args=(3.0, data)).x
    np.testing.assert_allclose(changed, expected(data), atol=1e-6)
    assert not np.allclose(changed, before)
