"""Roots of functions of one number, beside SciPy's."""

import numpy as np
import pytest
import scipy.optimize

import steepest as st
from steepest.errors import InputError


@pytest.mark.parametrize("method", ["brentq", "bisect", "ridder", None])
def test_roots_are_those_of_scipy(method):
    f = lambda x, a: np.exp(-x) - a * x
    found = st.root_scalar(f, (2.0,), method, bracket=(0, 3))
    theirs = scipy.optimize.root_scalar(f, (2.0,), "brentq", bracket=(0, 3), xtol=1e-14)
    assert found.converged
    assert found.root == pytest.approx(theirs.root, rel=1e-12)
    assert abs(f(found.root, 2.0)) < 1e-15


def test_roots_without_a_bracket():
    found = st.root_scalar(np.cos, x0=1.0, fprime=np.sin, method="newton")
    assert found.root == pytest.approx(np.pi / 2, rel=1e-15)
    pair = st.root_scalar(lambda x: (x**3 - 8, 3 * x**2), x0=1.0, fprime=True)
    assert pair.root == pytest.approx(2.0)
    with pytest.raises(InputError, match="different signs"):
        st.root_scalar(np.cosh, bracket=(-1, 1))
    with pytest.raises(InputError, match="needs bracket"):
        st.root_scalar(np.cos)
    assert not st.root_scalar(lambda x: x**2 + 1, x0=1.0).converged


@pytest.mark.parametrize("start", [1.0, 10.0, 1e3, 1e6])
def test_no_start_makes_a_root(start):
    assert not st.root_scalar(lambda x: x**2 + 1, x0=start).converged
    assert st.root_scalar(lambda x: x**2 - 2, x0=start).root == pytest.approx(2**0.5, rel=1e-14)


def test_functions_that_branch_go_to_scipy():
    def f(x):
        while x > 2:  # a branch that stays one
            x = x - 1
        return x - 1

    found = st.root_scalar(f, bracket=(-1, 1.5))
    assert found.root == pytest.approx(1.0)
    assert "SciPy's own" in found.reason


def test_a_refusal_counts_for_arguments_of_the_same_kinds():
    def f(x, a):
        while a.ndim == 1 and x > a[0] + 2:  # a branch that stays one, of vectors only
            x = x - 0.5
        return np.sum(x - a)

    for _ in range(2):
        assert "SciPy's own" in st.root_scalar(f, (np.ones(2),), bracket=(-1, 3)).reason
        scalar = st.root_scalar(f, (np.array(1.5),), bracket=(-1, 3))
        assert scalar.root == 1.5
        assert "SciPy's own" not in scalar.reason


POLES = {
    "pole": (lambda x: 1 / (x - 1), False),
    "pole of an odd power": (lambda x: (x - 2.0) ** -3, False),
    "pole in a branch": (lambda x: x if x > 9 else 1 / (x - 2 / 3), False),
    "jump": (lambda x: np.where(x < 1, -1.0, 2.0), True),
    "jump in a branch": (lambda x: -1.0 if x < 1 else 2.0, True),
    "steep root": (lambda x: 1e12 * (x - 1 / 3), True),
}


@pytest.mark.parametrize("name", POLES)
def test_a_pole_is_no_root(name):
    f, is_root = POLES[name]
    found = st.root_scalar(f, bracket=(0, 3))
    assert found.converged == is_root
    assert ("pole" in found.flag) != is_root


DAMPED = {
    "root": lambda x: np.sin(x),
    "triple root": lambda x: x**3,
    "steep root": lambda x: 1e12 * np.tanh(1e3 * x),
    "root with a vertical tangent": lambda x: np.cbrt(x),
    "jump": lambda x: np.where(x < 0, -1.0, 3.0),
    "rounding alone": lambda x: (1 + x) ** 9 - (1 + x) ** 8 - x * (1 + x) ** 8 + 1e-30 * x,
}


@pytest.mark.parametrize("name", DAMPED)
@pytest.mark.parametrize("center", [0.3, -700.0])
@pytest.mark.parametrize("rate", [1.0, 60.0, 600.0])
def test_functions_that_fade_out_have_roots(name, center, rate):
    bounded = DAMPED[name]
    f = lambda x: bounded(x - center) * np.exp(-rate * (x - center) ** 2)
    bracket = (center - 0.9, center + 1.1)
    if f(bracket[0]) * f(bracket[1]) < 0:
        assert st.root_scalar(f, bracket=bracket).converged


@pytest.mark.parametrize("size", [1e-300, 1e-170, 1.0, 1e170, 1e300])
def test_signs_count_and_not_sizes(size):
    assert st.root_scalar(lambda x: size * (x - 2), bracket=(0, 3)).root == pytest.approx(2.0)
    with pytest.raises(InputError, match="different signs"):
        st.root_scalar(lambda x: size * (x + 2), bracket=(0, 3))


@pytest.mark.parametrize("power", [0.1, 1 / 3, 1.0, 3.0])
@pytest.mark.parametrize("center", [0.0, 0.3, -700.0])
@pytest.mark.parametrize("size", [1e-6, 1.0, 1e4])
def test_poles_of_any_order_are_no_roots(power, center, size):
    f = lambda x: np.sign(x - center) * np.abs((x - center) / size) ** -power
    found = st.root_scalar(f, bracket=(center - 0.9 * size, center + 1.3 * size))
    assert not found.converged
    assert found.root == pytest.approx(center, abs=1e-6 * size)


@pytest.mark.parametrize("place", [{"x0": 1.0}, {"bracket": (0, 5)}])
@pytest.mark.parametrize("count", [1, 2])
def test_functions_that_return_their_derivatives(place, count):
    names = {"fprime": True} if count == 1 else {"fprime": True, "fprime2": True}
    parts = lambda x: (x**3 - 8, 3 * x**2, 6 * x)[: count + 1]
    assert st.root_scalar(parts, **place, **names).root == pytest.approx(2.0)
    wanted = ["derivative", "first and second derivative"][count - 1]
    said = rf"with {list(names)[-1]}=True, .* its value and its {wanted}: it returns"
    for wrong in (lambda x: x**3 - 8, lambda x: parts(x)[:count], lambda x: (*parts(x), x)):
        with pytest.raises(InputError, match=said):
            st.root_scalar(wrong, **place, **names)


def test_several_unknowns_are_for_root():
    with pytest.raises(InputError, match=r"x0 must be one number.*st\.root takes several"):
        st.root_scalar(lambda x: x**2 - 2, x0=np.array([1.0, 2.0]))
