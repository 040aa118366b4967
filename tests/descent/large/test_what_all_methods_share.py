"""What a result says does not depend on which method for constraints found it."""

import ctypes
import ctypes.util
import decimal

import numpy as np
import pytest
import scipy.special
from numpy.testing import assert_allclose, assert_array_equal

import steepest as st

LIBM = ctypes.CDLL(ctypes.util.find_library("m"))
LIBM.exp.restype, LIBM.exp.argtypes = ctypes.c_double, [ctypes.c_double]

METHODS = [st.SQP(), st.InteriorPoint(), st.AugmentedLagrangian()]
NAMES = [type(method).__name__ for method in METHODS]
every_method = pytest.mark.parametrize("method", METHODS, ids=NAMES)

TARGET = np.array([2.0, -1.0, 0.3, 0.9])


def distance(x):
    return 0.5 * np.sum((x - TARGET) ** 2)


def of_c(x):
    return LIBM.exp(x[0]) + x[1]


def of_mathieu(x):
    return scipy.special.mathieu_a(2, x[0]) + x[1]


def simulated(x):
    return float(decimal.Decimal(float(x[0])).exp()) + x[1]


@every_method
@pytest.mark.parametrize(
    ("function", "name"), [(of_c, "exp"), (of_mathieu, "mathieu_a"), (simulated, "simulated")]
)
def test_a_constraint_that_cannot_be_recorded_is_differenced_with_one_warning(
    function, name, method
):
    def solved(constraint):
        within = st.Constraint(constraint, upper=4.5)
        return st.minimize(distance, np.array([0.1, 0.2, 0, 0]), constraints=within, method=method)

    with pytest.warns(st.FiniteDifferenceWarning) as caught:
        run = solved(function)
    assert len(caught) == 1
    assert name in str(caught[0].message).split("derivative")[0]
    assert run.success
    assert run.constraint_violation < 1e-6
    if function is not of_mathieu:
        exact = solved(lambda x: np.exp(x[0]) + x[1])
        assert_allclose(run.x, exact.x, atol=1e-5)
        assert_allclose(run.multipliers, exact.multipliers, rtol=1e-4)


BOUNDS = [(None, 0.1 + 0.2), (-1 / 3, None), (-1.0, 1.0), (0.1, 0.7)]
"""Each end has rounding errors; the third bounds leave their number free."""


@every_method
@pytest.mark.parametrize("is_constrained", [True, False])
def test_the_bounds_that_hold_a_parameter_are_active(method, is_constrained):
    constraints = st.Constraint(np.sum, upper=9.0) if is_constrained else ()
    run = st.minimize(
        distance, np.array([0.1, 0.2, 0.3, 0.4]), bounds=BOUNDS, constraints=constraints,
        method=method,
    )  # fmt: skip
    assert_array_equal(run.active, [1, -1, 0, 1])
    assert_allclose(run.x, [0.3, -1 / 3, 0.3, 0.7], atol=1e-8)


@every_method
def test_a_parameter_next_to_its_bound_is_on_it(method):
    # The start is the minimum, and a rounding error below its bound.
    end = 0.7
    start = np.array([np.nextafter(end, 0.0), 0.2])
    run = st.minimize(
        lambda x: 0.5 * np.sum((x - start) ** 2), start, bounds=[(None, end), (None, None)],
        constraints=st.Constraint(np.sum, upper=2.0), method=method,
    )  # fmt: skip
    expected = int(abs(run.x[0] - end) <= 2 * np.finfo(float).eps * end)
    assert_array_equal(run.active, [expected, 0])


@every_method
def test_each_constraint_has_its_own_limits_and_data(method):
    weights = np.array([1.0, 2.0, 0.0, -1.0])
    constraints = [
        st.Constraint(lambda x, w: w @ x, lower=0.5, upper=0.5, args=(weights,)),
        st.Constraint(lambda x, w, c: c * w * x, lower=-0.4, args=(weights[:1], 1.0)),
        st.Constraint(lambda x: x[:2], lower=-0.25, upper=[1.5, 0.25]),
    ]
    run = st.minimize(distance, np.zeros(4), constraints=constraints, method=method)
    assert run.success
    assert_allclose(weights @ run.x, 0.5, atol=1e-6)
    assert run.x[:2].max() <= 1.5 + 1e-6
    assert run.x.min() >= -0.4 - 1e-6
    assert_allclose(run.x[1], 0.0, atol=0.25 + 1e-6)
    assert run.kkt_residual < 1e-5
