"""What a fit says of its parameters: errors, intervals, bands, the report, the plot."""

import pickle

import numpy as np
import pytest

import steepest as st
from tests.cases.decay import T, Y, decay, residuals


def test_statistics():
    import scipy.stats

    fit = st.curve_fit(decay, T, Y)
    assert fit.names == ("amplitude", "rate", "offset")
    assert fit.observations == 25
    assert fit.degrees_of_freedom == 22
    rest = Y - decay(T, *fit.x)
    assert fit.chi_square == pytest.approx(rest @ rest, rel=1e-12)
    assert fit.residual_standard_deviation == pytest.approx(np.sqrt(rest @ rest / 22), rel=1e-12)
    assert fit.r_squared == pytest.approx(1 - rest @ rest / np.sum((Y - Y.mean()) ** 2))
    reach = scipy.stats.t.ppf(0.95, 22) * fit.standard_errors
    np.testing.assert_allclose(
        fit.confidence_intervals(0.9), np.stack([fit.x - reach, fit.x + reach], 1), rtol=1e-10
    )
    np.testing.assert_allclose(np.diag(fit.correlation), 1)
    absolute = st.curve_fit(decay, T, Y, sigma=0.05, absolute_sigma=True)
    reach = scipy.stats.norm.ppf(0.95) * absolute.standard_errors
    np.testing.assert_allclose(absolute.confidence_intervals(0.9)[:, 1] - absolute.x, reach)


@pytest.mark.slow
def test_a_band_covers_the_curve_as_often_as_it_says():
    random = np.random.default_rng(3)
    inside_mean, inside_new, runs = 0, 0, 300
    truth, at = np.array([3.0, 1.3, 0.5]), np.array([0.7, 2.0])
    for _ in range(runs):
        y = decay(T, *truth) + 0.05 * random.normal(size=T.size)
        fit = st.curve_fit(decay, T, y, [2.0, 1.0, 0.3])
        low, high = fit.band(at, 0.9)
        inside_mean += np.mean((low < decay(at, *truth)) & (decay(at, *truth) < high))
        low, high = fit.band(at, 0.9, kind="prediction")
        new = decay(at, *truth) + 0.05 * random.normal(size=2)
        inside_new += np.mean((low < new) & (new < high))
    assert inside_mean / runs == pytest.approx(0.9, abs=0.05)
    assert inside_new / runs == pytest.approx(0.9, abs=0.05)


def test_a_linear_fit_is_the_textbooks():
    x = np.arange(10.0)
    y = 2.0 * x + 1.0 + np.sin(5 * x)
    fit = st.curve_fit(lambda x, slope, intercept: slope * x + intercept, x, y)
    theirs, covariance = np.polyfit(x, y, 1, cov=True)
    np.testing.assert_allclose(fit.x, theirs, rtol=1e-10)
    np.testing.assert_allclose(fit.covariance, covariance, rtol=1e-8)


def test_the_report_says_what_a_notebook_wants():
    fit = st.curve_fit(decay, T, Y)
    report = fit.report()
    for word in ("amplitude", "standard error", "chi-square", "R2", "95% interval", "22"):
        assert word in report
    assert str(fit) == report
    page = fit._repr_html_()
    assert page.count("<tr>") >= 8
    assert "amplitude" in page


def test_a_fit_is_plotted(tmp_path):
    fit = st.curve_fit(decay, T, Y)
    above, below = fit.plot(tmp_path / "fit.png").axes
    np.testing.assert_array_equal(np.transpose(above.lines[0].get_data()), np.stack([T, Y], 1))
    assert {text.get_text() for text in above.get_legend().get_texts()} >= {"data", "fit"}
    assert below.get_ylabel() == "standardized\nresidual"
    assert (below.get_xlabel(), above.get_ylabel()) == ("t", "decay")
    assert (tmp_path / "fit.png").read_bytes().startswith(b"\x89PNG")
    swapped = st.curve_fit(lambda x, a: a * x[0] + x[1], np.stack([T, Y]), Y)
    panels = swapped.plot().axes
    assert [ax.get_xlabel() for ax in panels] == ["", "fitted"]  # x is not one number for each
    descent = st.least_squares(residuals, np.ones(3)).plot()
    labels = [ax.get_ylabel() for ax in descent.axes]
    assert labels[-3:] == ["loss", "gradient norm", "step length"]


def test_a_fit_keeps_its_data_whatever_becomes_of_the_arrays():
    t, buffer = np.linspace(0, 4, 30), np.empty(30)
    fits = []
    for scale in (1.0, 2.0, 3.0) * 20:
        buffer[:] = scale * np.exp(-t) + 0.01 * np.sin(40 * t)
        fits.append(st.curve_fit(lambda t, a, b: a * np.exp(-b * t), t, buffer, [1, 1]))
        fits.append(st.least_squares(exponential, np.ones(2), (t, buffer)))
    buffer[:], t[:] = 0.0, 1.0
    for fit in fits:
        np.testing.assert_allclose(np.sum(np.square(fit.residuals)), fit.chi_square, rtol=1e-9)
        assert fit.jacobian.shape == (30, 2)
    assert all(fit.r_squared > 0.99 for fit in fits[::2])


def exponential(p, t, y):
    return p[0] * np.exp(-p[1] * t) - y


def line_of(t, a, b):
    return a * t + b


@pytest.mark.parametrize("calls", [1, 40])
def test_fits_go_through_pickles(calls, tmp_path):
    t = np.linspace(0, 2, 30)
    y = 2 * np.exp(-t) + 0.01 * np.sin(40 * t)
    for _ in range(calls):
        fit = st.curve_fit(decaying, t, y, [1, 1], sigma=None if calls > 1 else 0.1 + t)
    copy = pickle.loads(pickle.dumps(fit))
    assert str(copy) == str(fit)
    np.testing.assert_array_equal(copy.covariance, fit.covariance)
    np.testing.assert_array_equal(copy.predict(t), fit.predict(t))
    np.testing.assert_array_equal(copy.residuals, fit.residuals)
    np.testing.assert_array_equal(copy.band(t), fit.band(t))
    np.testing.assert_array_equal(copy.history.loss, fit.history.loss)
    assert copy.message == fit.message
    assert pickle.loads(pickle.dumps(copy)).x.tobytes() == fit.x.tobytes()
    with pytest.raises(ValueError, match="save the run before pickling it"):
        copy.save(tmp_path / "fit")


def decaying(t, a, b):
    return a * np.exp(-b * t)


def test_runs_go_through_pickles():
    run = st.minimize(lambda p: (p["a"] - 1) ** 2, {"a": 3.0}, method=st.BFGS())
    copy = pickle.loads(pickle.dumps(run))
    assert (copy.x, copy.loss, copy.message) == (run.x, run.loss, run.message)
    np.testing.assert_array_equal(copy.history.x["a"], run.history.x["a"])


def test_names_of_scipys_results():
    fit = st.curve_fit(line_of, [0, 1, 2.5], [1, 3, 6.5])
    np.testing.assert_array_equal(fit.popt, fit.x)
    np.testing.assert_array_equal(fit.pcov, fit.covariance)
