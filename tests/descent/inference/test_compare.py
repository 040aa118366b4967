"""Comparison of fits: tests of nested models, information criteria, weights."""

import numpy as np
import pytest
import scipy.stats

import steepest as st
from tests.cases.decay import T, Y, decay, residuals
from tests.cases.published_fits import (
    CONCENTRATION,
    DISTANCE,
    RATE,
    SPEED,
    UNTREATED,
    line,
)

BOTH = np.stack([np.append(CONCENTRATION, CONCENTRATION[:11]), np.repeat([1.0, 0.0], [12, 11])])
LOSSES = ("linear", "huber", "cauchy")
RATES = np.append(RATE, UNTREATED)


def alike(x, Vm, K, dV):
    return (Vm + dV * x[1]) * x[0] / (K + x[0])


def different(x, Vm, K, dV, dK):
    return (Vm + dV * x[1]) * x[0] / (K + dK * x[1] + x[0])


def test_the_f_test_of_puromycin_is_rs():
    # anova of the fits of nls to all of Puromycin, with K alike or not for both states.
    fits = [
        st.curve_fit(different, BOTH, RATES, [160, 0.05, 40, 0.01]),
        st.curve_fit(alike, BOTH, RATES, [160, 0.05, 40]),
    ]
    comparison = st.compare_fits(*fits)
    np.testing.assert_allclose(comparison.chi_square, [2055.1, 2240.9], rtol=3e-5)
    (test,) = comparison.tests
    assert test[:2] == ("alike", "different")
    assert test.degrees_of_freedom == (1, 19)
    assert test.statistic == pytest.approx(1.718, abs=1e-3)
    assert test.p_value == pytest.approx(0.2056, abs=2e-4)
    np.testing.assert_array_equal(comparison.aic, [fit.aic for fit in fits])
    assert comparison.akaike_weights.sum() == pytest.approx(1)
    ratio = np.exp(-0.5 * (fits[1].aic - fits[0].aic))
    assert comparison.akaike_weights[1] / comparison.akaike_weights[0] == pytest.approx(ratio)
    assert comparison.best == ("alike" if fits[1].aic < fits[0].aic else "different")


def test_a_line_against_a_constant_is_the_t_test_of_its_slope():
    flat = st.curve_fit(lambda x, c: c + 0 * x, SPEED, DISTANCE)
    steep = st.curve_fit(line, SPEED, DISTANCE)
    (test,) = st.compare_fits(steep, flat, names=["line", "constant"]).tests
    theirs = scipy.stats.linregress(SPEED, DISTANCE)
    assert test.p_value == pytest.approx(theirs.pvalue, rel=1e-6)
    known = [
        st.curve_fit(model, SPEED, DISTANCE, sigma=15.0, absolute_sigma=True)
        for model in (lambda x, c: c + 0 * x, line)
    ]
    (test,) = st.compare_fits(*known).tests
    gain = known[0].chi_square - known[1].chi_square
    assert (test.statistic, test.degrees_of_freedom) == (pytest.approx(gain), (1,))
    assert test.p_value == pytest.approx(scipy.stats.chi2.sf(gain, 1))


def test_the_table():
    fits = [st.curve_fit(decay, T, Y), st.curve_fit(lambda t, a, k: decay(t, a, k, 0), T, Y)]
    comparison = st.compare_fits(*fits)
    assert comparison.names == ("decay", "fit 2")
    lines = str(comparison).splitlines()
    assert lines[0].split()[:4] == ["fit", "parameters", "dof", "chi-square"]
    assert lines[-1].startswith("fit 2 in decay: F(1, 22) = ")
    assert len({len(line) for line in lines[:3]}) == 1
    assert comparison._repr_html_().count("<tr>") == 3
    assert st.compare_fits(fits[0], fits[0]).names == ("decay 1", "decay 2")
    assert st.compare_fits(fits[0], fits[0]).tests == ()
    by_residuals = st.least_squares(residuals, np.ones(3))
    assert st.compare_fits(fits[0], by_residuals).delta_aic.max() == pytest.approx(0, abs=1e-9)


def test_a_larger_model_that_fits_worse_cannot_contain_the_smaller():
    wave = st.curve_fit(lambda t, a, b, c, d: a + b * t**5 + c * t**6 + d * t**7, T, Y)
    comparison = st.compare_fits(st.curve_fit(decay, T, Y), wave)
    assert comparison.tests == ()


def test_fits_of_different_data_are_refused():
    fit = st.curve_fit(decay, T, Y)
    with pytest.raises(ValueError, match="different data, y differs: only fits of the same"):
        st.compare_fits(fit, st.curve_fit(decay, T, Y[::-1], [1, -1, 1]))
    with pytest.raises(ValueError, match="different data, 25 and 20 of them"):
        st.compare_fits(fit, st.curve_fit(decay, T[:20], Y[:20]))
    weighted = st.curve_fit(decay, T, Y, sigma=0.1 + T)
    with pytest.raises(ValueError, match="have different sigma"):
        st.compare_fits(fit, weighted)
    with pytest.raises(ValueError, match="sigma is absolute in one"):
        st.compare_fits(weighted, st.curve_fit(decay, T, Y, sigma=0.1 + T, absolute_sigma=True))
    robust = st.curve_fit(decay, T, Y, loss="huber")
    with pytest.raises(ValueError, match="different losses"):
        st.compare_fits(fit, robust)
    with pytest.raises(ValueError, match="robust loss have no likelihood"):
        st.compare_fits(robust, robust)
    with pytest.raises(ValueError, match="at least two"):
        st.compare_fits(fit)
    with pytest.raises(ValueError, match="1 names for 2 fits"):
        st.compare_fits(fit, fit, names=["one"])
    with pytest.raises(TypeError, match="takes results of fits"):
        st.compare_fits(fit, fit.x)


def test_each_fit_is_tested_against_all_of_the_next_size():
    fits = {
        "flat": st.curve_fit(lambda t, c: c + 0 * t, T, Y),
        "line": st.curve_fit(lambda t, a, b: a + b * t, T, Y),
        "fall": st.curve_fit(lambda t, a, k: a * np.exp(-k * t), T, Y),
        "curve": st.curve_fit(lambda t, a, b, c: a + b * t + c * t**2, T, Y),
        "decay": st.curve_fit(decay, T, Y),
    }
    comparison = st.compare_fits(*fits.values(), names=list(fits))
    assert [test[:2] for test in comparison.tests] == [
        *[("flat", "line"), ("flat", "fall")],
        *[("line", "curve"), ("line", "decay"), ("fall", "curve"), ("fall", "decay")],
    ]
    for test in comparison.tests:
        (alone,) = st.compare_fits(*(fits[name] for name in test[:2])).tests
        assert test[2:] == alone[2:]


def test_exact_fits_have_no_likelihood_to_compare():
    exact = [st.curve_fit(model, T, 0 * T) for model in (lambda t, a: a * t, line)]
    with pytest.raises(
        ValueError, match="fit 1 fits the data exactly: its likelihood is infinite"
    ):
        st.compare_fits(*exact)


def test_a_scale_counts_only_with_a_robust_loss():
    pairs = [
        [st.curve_fit(decay, T, Y, loss=loss, f_scale=s) for s in (1.0, 2.0)] for loss in LOSSES
    ]
    assert st.compare_fits(*pairs[0]).delta_aic.max() == 0
    for pair in pairs[1:]:
        with pytest.raises(ValueError, match="different losses"):
            st.compare_fits(*pair)
