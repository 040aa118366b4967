"""Descents from several starts: the minima that are found, and how often."""

import numpy as np
import pytest
import scipy.optimize

import steepest as st
from steepest.errors import InputError


def himmelblau(x):
    return (x[0] ** 2 + x[1] - 11) ** 2 + (x[0] + x[1] ** 2 - 7) ** 2


def peaks(x, a, m, s, b, n, t):
    return a * np.exp(-(((x - m) / s) ** 2)) + b * np.exp(-(((x - n) / t) ** 2))


def test_all_minima_of_a_loss_are_found_and_ranked():
    found = st.multistart(himmelblau, bounds=[(-5, 5)] * 2, count=64, seed=1)
    known = [[3, 2], [-2.805118, 3.131313], [-3.779310, -3.283186], [3.584428, -1.848127]]
    xs = np.array([minimum.x for minimum in found.minima])
    assert len(xs) == 4
    for point in known:
        assert np.abs(xs - point).max(axis=1).min() < 1e-4
    losses = [minimum.loss for minimum in found.minima]
    assert losses == sorted(losses)
    assert sum(minimum.starts for minimum in found.minima) == found.runs.converged.sum()
    for minimum in found.minima:
        np.testing.assert_array_equal(found.runs.x[minimum.run], minimum.x)


def test_starts_are_reproducible_cover_the_box_and_may_be_given():
    first = st.multistart(himmelblau, bounds=[(-5, 5), (0, 1)], count=20, seed=3)
    again = st.multistart(himmelblau, bounds=[(-5, 5), (0, 1)], count=20, seed=3)
    np.testing.assert_array_equal(first.starts, again.starts)
    np.testing.assert_array_equal(first.runs.vectors, again.runs.vectors)
    assert first.starts.shape == (20, 2)
    assert (np.histogram(first.starts[:16, 0], np.linspace(-5, 5, 5))[0] == 4).all()
    assert (first.runs.x[:, 1] <= 1).all()
    given = st.multistart(himmelblau, [[2.5, 2.5], [-3.0, -3.0]])
    assert len(given.minima) == 2


def test_the_best_run_is_an_ordinary_result():
    found = st.multistart(himmelblau, bounds=[(0, 5)] * 2, count=8, seed=0)
    assert isinstance(found.best, st.Result)
    np.testing.assert_allclose(found.best.x, found.x, atol=1e-6)
    assert found.fun == found.loss == found.minima[0].loss
    assert found.success
    assert found["nfev"] == found.runs.evaluations.sum()


def test_parameters_by_name():
    def loss(p, shift):
        return (p["a"] - shift) ** 2 + np.sum((p["b"] ** 2 - 1) ** 2)

    bounds = {"a": (0.0, 4.0), "b": [(-2.0, 2.0)] * 2}
    found = st.multistart(loss, args=(2.0,), bounds=bounds, count=32, seed=0)
    assert found.x["a"] == pytest.approx(2.0)
    assert found.x["b"].shape == (2,)
    assert len(found.minima) == 4
    assert found.names == ("x['a']", "x['b'][0]", "x['b'][1]")


def test_residuals_are_told_from_losses():
    t = np.linspace(0, 4, 30)
    y = 2.0 * np.sin(3.0 * t + 0.5)
    residuals = lambda p: p[0] * np.sin(p[1] * t + p[2]) - y
    found = st.multistart(residuals, bounds=[(0, 5), (0.5, 6), (0, 6.28)], count=64, seed=0)
    assert isinstance(found.best, st.Fit)
    np.testing.assert_allclose(found.x, [2, 3, 0.5], rtol=1e-6)


def test_a_model_gives_a_fit_with_errors():
    x = np.linspace(0, 10, 40)
    y = peaks(x, 3, 3, 1, 2, 6, 1.5) + 0.05 * np.cos(40 * x)
    bounds = {
        "m": (0, 10), "a": (0, 5), "s": (0.2, 4), "b": (0, 5), "n": (0, 10), "t": (0.2, 4),
    }  # fmt: skip
    found = st.multistart(peaks, x=x, y=y, bounds=bounds, count=64, seed=0)
    pair = [[3, 3, 1, 2, 6, 1.5], [2, 6, 1.5, 3, 3, 1]]
    for minimum, truth in zip(found.minima[:2], sorted(pair, key=lambda p: -p[0]), strict=True):
        assert min(np.abs(minimum.x - p).max() for p in pair) < 0.1, truth
    assert found.minima[0].loss == pytest.approx(found.minima[1].loss)
    fit = found.best
    theirs, cov = scipy.optimize.curve_fit(peaks, x, y, found.x)
    np.testing.assert_allclose(fit.x, theirs, rtol=1e-5)
    np.testing.assert_allclose(fit.standard_errors, np.sqrt(np.diag(cov)), rtol=1e-3)
    assert fit.names == ("a", "m", "s", "b", "n", "t")
    frame = found.to_frame()
    assert list(frame.columns) == [*fit.names, "loss", "starts", "converged"]
    assert "minima from 64 starts" in str(found)
    assert repr(found).startswith("MultiStart(loss=")


X = np.linspace(0, 10, 60)


def wave(t, a, w):
    return a * np.sin(w * t)


WAVE_BOUNDS = [
    ([0, 0.1], [5, 9]),
    (np.array([0, 0.1]), np.array([5, 9.0])),
    (0, [5, 9]),
    ({"a": 0, "w": 0.1}, {"a": 5, "w": 9}),
    {"w": (0.1, 9), "a": (0, 5)},
    scipy.optimize.Bounds([0, 0.1], [5, 9]),
]


@pytest.mark.parametrize("bounds", WAVE_BOUNDS, ids=str)
def test_bounds_of_a_model_are_those_of_curve_fit(bounds):
    found = st.multistart(wave, x=X, y=wave(X, 2, 3), bounds=bounds, count=64, seed=0)
    np.testing.assert_allclose(found.x, [2, 3], rtol=1e-6)
    low, high = [0, 0.1 if "0.1" in str(bounds) else 0], [5, 9]
    assert (found.starts >= low).all()
    assert (found.starts <= high).all()
    assert found.starts[:, 1].max() > 8
    if not isinstance(bounds, dict):  # whose values are pairs
        np.testing.assert_allclose(
            st.curve_fit(wave, X, wave(X, 2, 3), found.x, bounds=bounds).x, found.x
        )


@pytest.mark.parametrize(
    "bounds",
    [[(0, 5), (0.1, 9)], [[0, 0.1], [5, 9]], ((0, 5), (0.1, 9)), np.array([[0, 5], [0.1, 9]])],
    ids=str,
)
def test_bounds_that_may_be_ends_or_pairs_are_refused(bounds):
    match = r"may be two ends \(lower, upper\) or two pairs .* by name, {'a': \(low, high\)"
    with pytest.raises(InputError, match=match):
        st.multistart(wave, x=X, y=wave(X, 2, 3), bounds=bounds)


def test_bounds_of_losses_are_pairs_and_those_of_residuals_must_be_clear():
    pairs = [0, 0.1], [5, 9]
    found = st.multistart(himmelblau, bounds=pairs, count=16, seed=0)
    assert (found.starts >= [0, 5]).all()
    assert (found.starts <= [0.1, 9]).all()
    residuals = lambda p: wave(X, *p) - wave(X, 2, 3)
    with pytest.raises(InputError, match=r"may be two ends .* or \[\(low, high\)"):
        st.multistart(residuals, bounds=pairs, count=16)
    found = st.multistart(residuals, bounds=[(0, 5), (0.1, 9)], count=64, seed=0)
    np.testing.assert_allclose(found.x, [2, 3], rtol=1e-6)
    three = [(0, 5), (0.1, 9), (-1, 1)]
    model = lambda t, a, w, c: wave(t, a, w) + c
    found = st.multistart(model, x=X, y=wave(X, 2, 3), bounds=three, count=64, seed=0)
    np.testing.assert_allclose(found.x, [2, 3, 0], atol=1e-6)


@pytest.mark.parametrize("bounds", [[(-3, np.inf)] * 2, [(-3, None)] * 2, (-3, np.inf)], ids=str)
def test_given_starts_need_no_finite_bounds(bounds):
    found = st.multistart(himmelblau, [[2.5, 2.5], [-2.5, 3.0], [3.5, -1.5]], bounds=bounds)
    assert (found.runs.x >= -3).all()
    assert found.loss < 1e-12
    assert len(found.minima) == 3  # the sizes are those of the starts
    ends = (0, np.inf)
    fits = st.multistart(wave, [[1.0, 2.9], [1.0, 6.0]], x=X, y=wave(X, 2, 3), bounds=ends)
    np.testing.assert_allclose(fits.x, [2, 3], rtol=1e-6)


def test_lower_ends_that_met_no_goal_are_ranked_and_marked():
    def loss(x):
        """A flat minimum at loss 10, and a long valley down to 0."""
        flat = 10 + (x[0] + 5) ** 2
        valley = (1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2
        return np.where(x[0] < -3, flat + x[1] ** 2, valley)

    starts = [[-5.2, 0.1], [-4.9, -0.2], [-1.2, 1.0], [-1.0, 1.1]]
    stop = st.GradientNormBelow(1e-6) | st.MaxIterations(8)
    found = st.multistart(loss, starts, method=st.BFGS(), stop=stop)
    assert found.runs.converged.tolist() == [True, True, False, False]
    lowest = int(np.argmin(found.runs.loss))
    assert (found.loss, found.minima[0].run) == (found.runs.loss[lowest], lowest)
    assert not found.success
    assert [one.converged for one in found.minima].count(True) == 1
    text = str(found)
    assert text.startswith("1 minimum from 4 starts, and 2 other ends, where no run met a goal")
    assert text.count("not met") == 2
    assert found.to_frame()["converged"].tolist() == [one.converged for one in found.minima]
    ended = st.multistart(loss, starts[2:], method=st.BFGS(), stop=st.MaxIterations(8))
    assert "0 minima from 2 starts, and 2 other ends" in str(ended)
    met = st.multistart(loss, starts[:2], method=st.BFGS())
    assert "goal" not in str(met)
    assert met.success


def test_parameters_by_name_are_a_plain_dict_in_the_order_of_the_bounds():
    bounds = {"b": (-3, 3), "a": (-2, 2)}
    found = st.multistart(
        lambda p: (p["b"] ** 2 - 1) ** 2 + p["a"] ** 2, bounds=bounds, count=16, seed=0
    )
    for x in (found.x, found.best.x, *[minimum.x for minimum in found.minima]):
        assert type(x) is dict
        assert list(x) == ["b", "a"]


def test_invalid_calls():
    with pytest.raises(InputError, match="starts, or bounds"):
        st.multistart(himmelblau)
    with pytest.raises(InputError, match="must be finite, or give starts"):
        st.multistart(himmelblau, bounds=[(0, np.inf)] * 2)
    with pytest.raises(InputError, match="count must be"):
        st.multistart(himmelblau, bounds=[(0, 1)] * 2, count=0)
    with pytest.raises(InputError, match="no parameter 'z'"):
        st.multistart(peaks, x=[1.0], y=[1.0], bounds={"z": (0, 1)})
    with pytest.raises(InputError, match="not finite at any"):
        st.multistart(lambda x: np.log(-1 - np.sum(x**2)), bounds=[(0, 1)], count=4)
