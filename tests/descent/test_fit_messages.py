"""What the user reads where a fit fails: one warning or one sentence, in the words of the call."""

import traceback
import warnings

import numpy as np
import pytest
import scipy.stats

import steepest as st
from steepest.graph.source import PACKAGE
from tests.cases.decay import T, Y, decay

DATA = scipy.stats.norm.rvs(size=60, random_state=1)
LEVELS = np.array([1.0, 2.0, 3.0])


def normal(data, m, s):
    return scipy.stats.norm.logpdf(data, m, s)


def gamma(data, shape, scale):
    return scipy.stats.gamma.logpdf(data, shape, scale=scale)


def changed(values, index, value):
    values = np.array(values)
    values[index] = value
    return values


@pytest.mark.parametrize(
    ("residuals", "start", "settings", "message"),
    [
        (lambda p: decay(T, *p) - Y, [9.0, 9.0, 9.0], {"max_nfev": 2}, "before any goal was met"),
        (lambda p: p[0] * p[1] - LEVELS, [1.0, 1.0], {}, r"rank 1 .* x\[0\] and x\[1\]"),
        (lambda p: 0 * p[0] + LEVELS, [1.0], {}, "does not depend on x|rank 0"),
        (lambda p: p[0] - LEVELS, [1.0, 1.0], {}, r"does not depend on x\[1\]"),
        (lambda p: np.abs(p) + 1, [1.0], {}, "found no lower point"),
    ],
    ids=["limit", "rank", "constant", "idle", "stall"],
)
def test_least_squares_warn_once_where_they_do_not_converge(residuals, start, settings, message):
    with pytest.warns(st.FitWarning, match=message) as noted:
        fit = st.least_squares(residuals, start, **settings)
    assert len(noted) == 1
    assert noted[0].filename == __file__
    if settings:
        assert not fit.success
        assert fit.status is st.Status.ITERATION_LIMIT


def test_fits_that_ended_as_asked_do_not_warn():
    residuals = lambda p: decay(T, *p) - Y
    equations = lambda p: np.array([10 * (p[1] - p[0] ** 2), 1 - p[0]])
    st.least_squares(residuals, [1.0, 1.0, 1.0])
    st.least_squares(equations, [-1.0, 1.0])
    st.least_squares(lambda p: equations(p)[:1], [-1.0, 1.0])  # one equation
    st.least_squares(lambda p: p - LEVELS, [0.0, 0, 0], bounds=(0, 2.5))
    st.least_squares(residuals, [9.0, 9, 9], callback=lambda state: True)


@pytest.mark.parametrize(
    ("residuals", "args", "message"),
    [
        (lambda p: p[0] - np.array([1, np.nan, 2]), (), r"residuals\[1\] is nan"),
        (lambda p, y: p[0] - y, (changed(LEVELS, 2, np.inf),), r"args\[0\]\[2\] is inf: clean"),
        (lambda p: np.log(p) * LEVELS, (), r"residuals\[0\] is nan.*log of -1 gives nan"),
        (lambda p: 1e200 * p * LEVELS, (), "the sum of their squares overflows"),
    ],
)
def test_residuals_that_are_not_finite_at_the_start_are_an_error(residuals, args, message):
    with pytest.raises(ValueError, match=message):
        st.least_squares(residuals, [-1.0], args)


def test_undetermined_fits_of_extreme_size_and_models_without_a_value_warn_of_nothing_else():
    models = [
        lambda t, a, b: a * b * t * 1e160,
        lambda t, a, b: a * np.log(b * t),  # infinite at t = 0
    ]
    for model in models:
        with warnings.catch_warnings(record=True) as noted:
            warnings.simplefilter("always")
            fit = st.curve_fit(model, np.arange(5.0), 1e10 * np.arange(5.0))
            str(fit), fit.covariance, fit.message
        assert [note.category for note in noted] == [st.FitWarning]
        assert not np.isfinite(fit.covariance).any()


@pytest.mark.parametrize(
    ("logpdf", "data", "start", "message"),
    [
        (normal, changed(DATA, 3, np.nan), [0.0, 1.0], r"^data\[3\] is nan: clean the data"),
        (gamma, changed(abs(DATA), 3, -1), [1.0, 1.0], r"of data\[3\], which is -1, is -inf at"),
        (normal, DATA, [0.0, -1.0], "of every datum is nan at the start"),
        (lambda d, m: normal(d["x"], m, d["s"]), {"x": DATA, "s": changed(DATA**2, 5, -1)}, [0.0],
         "of datum 5 is nan"),
        (lambda d, m, s: normal(d[1:], m, s), DATA, [0.0, 1.0], "returns 59 numbers for 60 data"),
        (normal, DATA, {"m": 0.0}, "takes m, s: start has no value for 's'"),
        (normal, DATA, [0.0, "one"], "start must be real numbers"),
        (normal, DATA, [0.0, np.nan], r"^start\[1\] is nan"),
    ],
)  # fmt: skip
def test_likelihoods_speak_of_data_and_start(logpdf, data, start, message):
    with pytest.raises(ValueError, match=message) as caught:
        st.maximum_likelihood(logpdf, data, start)
    text = str(caught.value)
    assert "(st.maximum_likelihood at test_fit_messages.py:" in text
    assert not any(word in text for word in ("p0", "x0", "loss", "st.minimize"))


def test_rows_and_vectors_are_data_of_likelihoods():
    pairs = np.random.default_rng(0).normal(size=(40, 2))
    fit = st.maximum_likelihood(
        lambda d, m: -0.5 * np.sum((d - m) ** 2, axis=1), pairs, {"m": np.zeros(2)}
    )
    np.testing.assert_allclose(fit.x["m"], pairs.mean(axis=0), rtol=1e-6)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"y": Y[1:], "sigma": np.ones_like(T)}, f"y has {len(T) - 1} data, but x and sigma have"),
        ({"p0": [1.0, -1.0, 1.0], "bounds": (0, 9)}, "^rate is -1, outside of its bounds 0 and 9"),
        ({"p0": [1.0, np.nan, 1.0]}, r"^p0\[1\] is nan"),
        ({"bounds": [(0, 1)] * 3}, r"such as \(\{'amplitude': 0.0\}, \{'amplitude': 1.0\}\) by n"),
        ({"bounds": ({"rate": 2}, {"rate": 1})}, "bounds of rate cross"),
        ({"y": np.array([*Y[1:], "one"], object)}, "y has dtype object: real numbers"),
    ],
)
def test_curve_fits_name_parameters_and_data(settings, message):
    given = {"x": T, "y": Y, "p0": [1.0, 1.0, 1.0], **settings}
    with pytest.raises(ValueError, match=message):
        st.curve_fit(decay, **given)


def test_object_arrays_of_numbers_are_data():
    known = st.curve_fit(decay, T, Y, sigma=1 + T)
    fit = st.curve_fit(decay, T.astype(object), Y.astype(object), sigma=(1 + T).astype(object))
    np.testing.assert_array_equal(fit.x, known.x)


def test_tracebacks_of_fits_show_the_users_lines():
    fit = st.curve_fit(decay, T, Y)
    likely = st.maximum_likelihood(normal, DATA, [0.0, 1.0])
    misspelt = lambda d, m, s: scipy.stats.norm.logpdf(d, m, scal=s)
    calls = [
        lambda: fit.profile("rat"),
        lambda: fit.bootstrap(0),
        lambda: fit.band("rate"),
        lambda: fit.predict("rate"),
        lambda: fit.derive(lambda p: p[7]),
        lambda: fit.confidence_intervals(2),
        lambda: fit.contour("rate", "rat"),
        lambda: likely.confidence_intervals(2),
        lambda: likely.derive(lambda p: p["rat"]),
        lambda: st.maximum_likelihood(misspelt, DATA, [0.0, 1.0]),
        lambda: st.minimize(lambda x: np.sum(x, axs=0), np.ones(2)),
    ]
    for call in calls:
        with pytest.raises((ValueError, TypeError, KeyError)) as caught:
            call()
        frames = traceback.extract_tb(caught.value.__traceback__)
        own = [frame.name for frame in frames if frame.filename.startswith(PACKAGE)]
        assert own in ([], ["public"]), own  # the decorator that hides the others


MISTAKES = {
    "the third argument of least_squares is args": lambda: st.least_squares(
        lambda p: p - 1, [1.0, 2.0], "3-point", args=()
    ),
    "bounds is given twice: it is argument 8 of curve_fit": lambda: st.curve_fit(
        lambda x, a: a * x, [1.0], [1.0], None, None, False, None, (0, 1), bounds=(0, 1)
    ),
    "got None: is a return missing": lambda: st.minimize(lambda x: None, [1.0]),
    "returns no residuals: is a return missing": lambda: st.least_squares(lambda x: None, [1.0]),
    "returns None where y .* is a return missing": lambda: st.curve_fit(
        lambda x, a: None, [1.0, 2.0], [1.0, 2.0]
    ),
    "look for NaN in the data that it reads": lambda: st.least_squares(
        lambda p: p * np.array([1.0, np.nan]), [1.0]
    ),
    "x_scale must be 'jac'": lambda: st.least_squares(
        lambda p: p - 1, [1.0, 2.0], x_scale=[1, 2, 3]
    ),
    "takes its parameters by name": lambda: st.maximum_likelihood(
        lambda data, **p: -(data**2), np.ones(3), [1.0]
    ),
    "compare their fit.aic": lambda: st.compare_fits(
        st.maximum_likelihood(lambda data, **p: -((data - p["a"]) ** 2), np.arange(3.0), {"a": 0}),
        st.curve_fit(lambda x, a: a * x, [1.0, 2.0, 3.0], [1.0, 2.1, 3.0]),
    ),
}


@pytest.mark.parametrize("sentence", MISTAKES)
def test_a_mistake_is_answered_by_what_to_write(sentence):
    with pytest.raises((ValueError, TypeError), match=sentence):
        MISTAKES[sentence]()
