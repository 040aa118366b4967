"""Minima of functions of one number, beside SciPy's."""

import math

import numpy as np
import pytest
import scipy.optimize

import steepest as st
from steepest.descent.results.status import Status
from steepest.errors import InputError

FUNCTIONS = {
    "quartic": lambda x: (x - 2) * x * (x + 2) ** 2,
    "waves": lambda x: np.cos(x) + 0.1 * x,
    "narrow": lambda x: -1 / (1 + (x - 5) ** 2),
    "kink": lambda x: np.abs(x - 0.7),
    "far": lambda x: 1e-3 * (x - 1e5) ** 2,
    "exponential": lambda x: math.exp(x) - 4 * x,
    "flat": lambda x: (x - 1.5) ** 4,
    "huge": lambda x: 1e200 * (x - 3) ** 2,
}


@pytest.mark.parametrize("bounds", [None, (-3.0, 5.0)])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_minima_are_in_scipys_valley_and_no_higher(name, bounds):
    f = FUNCTIONS[name]
    found = st.minimize_scalar(f, bounds=bounds)
    theirs = scipy.optimize.minimize_scalar(f, bounds=bounds)
    assert found.success
    assert abs(found.x - theirs.x) <= 2e-3 * (1 + abs(theirs.x))
    assert found.fun <= theirs.fun + 4 * np.finfo(float).eps * abs(theirs.fun)
    assert found.nit == theirs.nit
    assert found.fun == pytest.approx(f(found.x), rel=1e-15)


def test_a_minimum_has_all_its_digits():
    found = st.minimize_scalar(lambda x, a: np.cosh(x - a), args=(math.pi,))
    assert abs(found.x - math.pi) < 1e-15
    assert abs(scipy.optimize.minimize_scalar(lambda x: np.cosh(x - math.pi)).x - math.pi) > 1e-12
    assert abs(found.slope) < 1e-15


def test_brackets_bounds_and_names():
    f = FUNCTIONS["quartic"]
    for bracket in [(-3, -2.5), (-1, 0.5, 3), (3, 0.5, -1)]:
        theirs = scipy.optimize.minimize_scalar(f, bracket=bracket)
        assert st.minimize_scalar(f, bracket=bracket).x == pytest.approx(theirs.x, abs=1e-6)
    assert st.minimize_scalar(f, method="golden").reason
    assert st.minimize_scalar(fun=np.exp, bounds=(-1, 2)).x == -1.0
    with pytest.raises(InputError, match="lowest value in the middle"):
        st.minimize_scalar(f, bracket=(1, 3, 5))
    with pytest.raises(InputError, match="needs bounds"):
        st.minimize_scalar(f, method="bounded")
    with pytest.raises(InputError, match="known are xtol"):
        st.minimize_scalar(f, options={"gtol": 1})


def test_functions_that_branch_go_to_scipy():
    def f(x):
        if x > 1:
            return (x - 2) ** 2
        return 3 - 2 * x

    for _ in range(2):
        found = st.minimize_scalar(f)
        assert found.x == pytest.approx(2.0)
        assert "SciPy's own brent" in found.reason


def test_no_minimum():
    assert st.minimize_scalar(lambda x: -x).status in (Status.UNBOUNDED, Status.DIVERGED)
    assert not st.minimize_scalar(lambda x: np.log(-1 - x**2)).success
    short = st.minimize_scalar(FUNCTIONS["quartic"], options={"maxiter": 2})
    assert short.status is Status.ITERATION_LIMIT


CONSTANTS = {
    "number": lambda x: 0 * x + 3.0,
    "steps": lambda x: np.floor(x / 1e9),
    "branch": lambda x: 1.0 if x < 1e9 else 2.0,
}


@pytest.mark.parametrize("name", CONSTANTS)
def test_a_constant_function_is_flat(name):
    found = st.minimize_scalar(CONSTANTS[name], bracket=(1, 2))
    assert found.status is Status.FLAT
    assert not found.success
    assert not scipy.optimize.minimize_scalar(CONSTANTS[name], bracket=(1, 2)).success


def test_a_falling_line_is_unbounded():
    assert st.minimize_scalar(lambda x: -2 * x + 1).status is Status.UNBOUNDED


def test_a_refusal_counts_for_arguments_of_the_same_kinds():
    def f(x, a):
        if a.ndim == 1 and x > a[0]:  # a branch, of vectors only
            return (x - a[0]) ** 2 + x
        return np.sum((x - a) ** 2)

    for _ in range(2):
        assert "SciPy's own brent" in st.minimize_scalar(f, args=(np.ones(2),)).reason
        scalar = st.minimize_scalar(f, args=(np.array(1.5),))
        assert not scalar.reason
        assert scalar.x == pytest.approx(1.5)
