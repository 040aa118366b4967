"""What maximum-likelihood fits answer, beside other fits, and their comparison."""

import numpy as np
import pytest
import scipy.stats

import steepest as st
from tests.cases.decay import T, Y, decay

KNOWN = 0.02 * np.ones(len(T))


def logpdf(data, amplitude, rate, offset):
    return scipy.stats.norm.logpdf(data[1], decay(data[0], amplitude, rate, offset), KNOWN[0])


START = {"amplitude": 2.0, "rate": 1.0, "offset": 0.3}
LIKELY = st.maximum_likelihood(logpdf, (T, Y), START)
SQUARES = st.curve_fit(decay, T, Y, START, sigma=KNOWN, absolute_sigma=True)


def test_normal_errors_have_the_answers_of_least_squares():
    theirs = SQUARES.parameters_frame(0.9, "profile")
    ours = LIKELY.parameters_frame(0.9, "profile")
    assert list(ours.columns) == list(theirs.columns)
    for name in ("value", "5%", "95%"):
        np.testing.assert_allclose(ours[name], theirs[name], rtol=1e-5)
    for name in ("standard_error", "relative", "t"):  # observed and expected information
        np.testing.assert_allclose(ours[name], theirs[name], rtol=0.02)
    rate, error = (LIKELY.uncertain["rate"].n, LIKELY.uncertain["rate"].s)
    assert (rate, error) == pytest.approx((LIKELY.x["rate"], LIKELY.standard_errors["rate"]))
    for name in ("log_likelihood", "aic", "aicc", "bic", "degrees_of_freedom"):
        assert LIKELY[name] == pytest.approx(SQUARES[name]), name
    assert LIKELY["loss"] == -LIKELY.log_likelihood
    with pytest.raises(KeyError, match="did you mean 'aic'"):
        LIKELY["aics"]


def test_public_names_are_those_of_other_fits():
    """Names that only least squares have are about residuals or resampling."""
    public = lambda fit: {name for name in dir(fit) if not name.startswith("_")}
    only_squares = public(SQUARES) - public(LIKELY)
    of_scipy = {"fun", "jac", "nfev", "njev", "nit", "cost", "grad", "optimality", "active_mask"}
    of_scipy |= {"success", "infodict", "mesg", "ier", "popt", "pcov", "full_output"}
    of_squares = {"residuals", "jacobian", "weighted_jacobian", "chi_square", "r_squared", "rank"}
    of_squares |= {"reduced_chi_square", "residual_standard_deviation", "factor", "is_robust"}
    of_squares |= {"is_determined", "is_short_of_rank", "likelihood_parameters", "notes"}
    of_curves = {"predict", "band", "to_frame", "bootstrap"}
    assert only_squares - of_scipy == of_squares | of_curves


def test_a_report_says_what_other_reports_say():
    report = LIKELY.report(0.9, "profile")
    for word in ("log-likelihood", "90% profile interval", "robust", "correlations", "AIC, BIC"):
        assert word in report, word
    assert "log-likelihood" in LIKELY._repr_html_()
    low, high = LIKELY.confidence_intervals(0.9, robust=True)[1]
    assert high - low == pytest.approx(
        2 * scipy.stats.norm.ppf(0.95) * LIKELY.robust_standard_errors["rate"]
    )
    with pytest.raises(ValueError, match="must be 'linear' if robust is true"):
        LIKELY.confidence_intervals(method="profile", robust=True)


def test_a_saved_fit_goes_on_from_its_end(tmp_path):
    LIKELY.save(tmp_path / "fit.run")
    again = st.resume(tmp_path / "fit.run", LIKELY.objective, args=(LIKELY.data,))
    assert again.loss == LIKELY.loss
    assert again.iterations == LIKELY.iterations


def test_a_comparison_is_a_likelihood_ratio():
    flat = st.maximum_likelihood(
        lambda d, amplitude, rate: logpdf(d, amplitude, rate, 0.0), (T, Y), [2.0, 1.0]
    )
    found = st.compare_fits(flat, LIKELY, names=["zero", "free"])
    (test,) = found.tests
    ratio = 2 * (LIKELY.log_likelihood - flat.log_likelihood)
    assert test.statistic == pytest.approx(ratio)
    assert test.p_value == pytest.approx(scipy.stats.chi2.sf(ratio, 1))
    assert (found.best, list(found.parameters)) == ("free", [2, 3])
    assert "log-likelihood" in str(found)
    assert "zero in free: chi2(1)" in str(found)
    assert np.isnan(found.chi_square).all()


def test_only_fits_of_the_same_data_are_compared():
    normal, logistic = (
        st.maximum_likelihood(one.logpdf, Y, [0.5, 1.0])
        for one in (scipy.stats.norm, scipy.stats.logistic)
    )
    assert st.compare_fits(normal, logistic).names == ("norm", "logistic")
    constant = st.maximum_likelihood(scipy.stats.norm.logpdf, Y + 1, [0.5, 1.0])
    for other in (constant, st.maximum_likelihood(scipy.stats.norm.logpdf, Y[1:], [0.5, 1.0])):
        with pytest.raises(ValueError, match="fit different data"):
            st.compare_fits(normal, other)
    st.compare_fits(normal, LIKELY)  # of the same y, which the latter has beside a predictor
    with pytest.raises(TypeError, match="fits of one kind"):
        st.compare_fits(SQUARES, LIKELY)
