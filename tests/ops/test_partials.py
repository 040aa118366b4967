"""Partial derivatives: unknown ones are refused, and values far out keep their digits."""

import re

import mpmath
import numpy as np
import pytest
import scipy.special

import steepest as st
from steepest.ops import TABLE, Partials
from steepest.ops.derivative_rules import UnknownPartial
from steepest.trace import record, trace_function
from tests.cases.ops import ENGINES, cases_of


def forward(function):
    return lambda x: st.pushforward(function, (x,), (np.ones_like(x),))[1]


@pytest.mark.parametrize(
    "row", [row for row in TABLE.values() if isinstance(row.derivative, Partials)], ids=str
)
def test_a_partial_that_is_not_known_is_refused(row):
    unknown = [i for i, p in enumerate(row.derivative.of) if isinstance(p, UnknownPartial)]
    for operand in unknown:
        (case, *_) = cases_of(row)
        operands = case.operands(np.random.default_rng(0))

        def loss(x, operand=operand, operands=operands):
            mixed = [x if i == operand else other for i, other in enumerate(operands)]
            return np.sum(record(row, *mixed))

        for derivative in (st.gradient(loss), forward(loss)):
            with pytest.raises(
                st.SteepestError,
                match=rf"{re.escape(row.name)} by its argument {operand + 1}, "
                "called in loss at test_partials",
            ):
                derivative(operands[operand])


def test_the_slope_of_a_bessel_function_by_its_order_is_refused_with_the_line():
    with pytest.raises(
        TypeError, match=r"jv by its argument 1, called in <lambda> at test_partials.py:\d+"
    ):
        st.gradient(lambda s: scipy.special.jv(s, 2.0))(3.0)
    assert st.gradient(lambda x: scipy.special.jv(3.0, x))(2.0) > 0


def test_the_slope_of_zeta_by_its_exponent():
    for s, q in ((3.0, 2.0), (1.01, 1.0), (12.0, 0.3), (2.5, 400.0)):
        slope = st.gradient(lambda s, q=q: scipy.special.zeta(s, q))(s)
        np.testing.assert_allclose(slope, float(mpmath.zeta(s, q, 1)), rtol=1e-13)


def test_huber_is_scipys_also_for_a_negative_width():
    r = np.linspace(-3.0, 3.0, 7)
    for delta in (-1.0, 0.0, 1.5):
        found = st.trace(lambda r, d=delta: scipy.special.huber(d, r), r)(r)
        np.testing.assert_array_equal(found, scipy.special.huber(delta, r))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_slopes_do_not_over_or_underflow_on_the_way(dtype):
    big = {np.float32: 1e30, np.float64: 1e200}[dtype]
    for factors in (
        [big, 0, big, big],
        [0, big, big, big],
        [0, 0, big, big, big],
        [big, 1 / big] * 3,
    ):
        x = np.array(factors, dtype)
        exact = [
            mpmath.fprod(map(mpmath.mpf, [*factors[:i], *factors[i + 1 :]])) for i in range(len(x))
        ]
        expected = [float(value) if value < np.finfo(dtype).max else np.inf for value in exact]
        np.testing.assert_allclose(st.gradient(np.prod)(x), expected, rtol=1e-4)
    for scale in (1 / big, big / 10):
        slopes = st.gradient(lambda p: np.arctan2(p[0], p[1]))(np.array([scale, 2 * scale], dtype))
        np.testing.assert_allclose(slopes * dtype(scale), [0.4, -0.2], rtol=1e-5)


def test_logsumexp_of_infinities():
    for x, slopes in (
        ([np.inf, 2.0], [1, 0]), ([-np.inf, 2.0], [0, 1]), ([np.inf, np.inf], [0.5, 0.5]),
        ([-np.inf, -np.inf], [0.5, 0.5]),
    ):  # fmt: skip
        for function in (st.logsumexp, scipy.special.logsumexp):
            traced = st.trace(lambda x, f=function: f(x), np.array(x))
            assert traced(np.array(x)) == scipy.special.logsumexp(x)
            np.testing.assert_array_equal(
                st.gradient(lambda x, f=function: f(x))(np.array(x)), slopes
            )


@pytest.mark.parametrize("engine", ["native", "numpy", "torch"])
def test_the_hessian_of_a_logistic_loss_at_its_usual_start(engine, random):
    X, y = random.normal(size=(20, 3)), random.random(20) < 0.5
    hessian = st.hessian(lambda w: np.mean(np.logaddexp(0, X @ w) - y * (X @ w)))
    np.testing.assert_allclose(hessian(np.zeros(3)), X.T @ X / 80, rtol=1e-13)
    trace = trace_function(hessian, (np.zeros(3),))
    _, (found,) = ENGINES[engine].compile([trace.graph])([np.zeros(3), *trace.captured_arrays()])
    np.testing.assert_allclose(found, X.T @ X / 80, rtol=1e-13)


def exprel_by_branch(a):
    return 1.0 if abs(a) < 1e-9 else (np.exp(a) - 1) / a  # a branch


def exprel_by_where(a):
    safe = np.where(a == 0, 1.0, a)
    return np.where(a == 0, 1.0, (np.exp(safe) - 1) / safe)  # a case


@pytest.mark.parametrize("function", [exprel_by_branch, exprel_by_where])
def test_a_constant_in_place_of_a_limit_is_reported(function):
    check = st.check_gradient(function, 0.0)
    assert not check
    np.testing.assert_allclose(check.witnesses["finite differences"], 0.5, rtol=1e-9)
    assert "The slope is that of the side that was taken at test_partials.py:" in check.verdict
    assert "# a " in check.verdict
    assert st.check_gradient(function, 0.5)
    assert "taken" not in st.check_gradient(function, 0.5).verdict
