"""Several data sets with shared parameters, beside SciPy on the same residuals."""

import inspect
import pickle

import numpy as np
import pytest
import scipy.optimize

import steepest as st
from steepest.errors import InputError


def decay(t, amplitude, rate, offset):
    return amplitude * np.exp(-rate * t) + offset


def line(t, slope, offset):
    return slope * t + offset


RANDOM = np.random.default_rng(2)
TS = [np.linspace(0, 4, 15), np.linspace(0, 3, 20), np.linspace(0.5, 5, 12)]
YS = [
    decay(t, a, 1.2, c) + 0.02 * RANDOM.normal(size=len(t))
    for t, a, c in zip(TS, [3.0, 2.0, 5.0], [0.5, 0.3, 0.1], strict=True)
]


def scipys(sigmas=(1.0, 1.0, 1.0)):
    """Return SciPy's parameters (amplitudes, rate, offsets) and their standard errors."""

    def residuals(p):
        parts = [
            (decay(t, p[i], p[3], p[4 + i]) - y) / s
            for i, (t, y, s) in enumerate(zip(TS, YS, sigmas, strict=True))
        ]
        return np.concatenate(parts)

    found = scipy.optimize.least_squares(residuals, np.ones(7), xtol=1e-14, ftol=1e-14)
    freedom = sum(map(len, TS)) - 7
    covariance = np.linalg.inv(found.jac.T @ found.jac) * 2 * found.cost / freedom
    return found.x, np.sqrt(np.diag(covariance))


def test_shared_parameters_have_one_value_from_all_data():
    joint = st.curve_fit_joint(decay, TS, YS, shared="rate")
    x, errors = scipys()
    assert joint.names == (
        *("amplitude[0]", "amplitude[1]", "amplitude[2]", "rate"),
        *("offset[0]", "offset[1]", "offset[2]"),
    )
    np.testing.assert_allclose(joint.fit.values, x, rtol=1e-6)
    np.testing.assert_allclose(np.sqrt(np.diag(joint.covariance)), errors, rtol=1e-5)
    assert joint.converged
    assert joint.x["rate"] == pytest.approx(x[3])
    assert joint.standard_errors["offset"].shape == (3,)
    alone = st.curve_fit(decay, TS[0], YS[0])
    assert joint.standard_errors["rate"] < alone.standard_errors[1]


def test_each_set_has_its_curve_band_and_statistics():
    joint = st.curve_fit_joint(decay, TS, YS, shared=["rate"])
    assert len(joint.sets) == 3
    for number, one in enumerate(joint.sets):
        own = [joint.x["amplitude"][number], joint.x["rate"], joint.x["offset"][number]]
        assert list(one.x.values()) == own
        t = np.linspace(0, 6, 7)
        np.testing.assert_allclose(one.predict(t), decay(t, *own), rtol=1e-12)
        low, high = one.band(t)
        assert (low < one.predict(t)).all()
        assert (one.predict(t) < high).all()
        np.testing.assert_allclose(one.residuals, decay(TS[number], *own) - YS[number])
        assert one.r_squared > 0.99
        assert set(one.standard_errors) == {"amplitude", "rate", "offset"}
    total = sum(one.chi_square for one in joint.sets)
    assert total == pytest.approx(joint.fit.chi_square)
    text = joint.report()
    assert "amplitude[2]" in text
    assert "data set" in text
    assert joint.confidence_intervals(method="profile").shape == (7, 2)


SIGMAS = [0.02, np.linspace(0.01, 0.03, 20), 0.02]


@pytest.mark.parametrize("sigma", [None, 0.02, [0.02, 0.02, 0.02], SIGMAS], ids=str)
def test_plots_have_a_panel_for_each_set(sigma):
    pytest.importorskip("matplotlib")
    joint = st.curve_fit_joint(decay, TS, YS, shared="rate", sigma=sigma)
    axes = joint.plot().axes
    assert len(axes) == 6
    for one, t, below in zip(joint.sets, TS, axes[3:], strict=True):
        (points,) = [line for line in below.lines if line.get_marker() == "o"]
        np.testing.assert_array_equal(points.get_xdata(), t)
        np.testing.assert_array_equal(points.get_ydata(), one.standardized_residuals)
    assert len(joint.sets[1].plot().axes) == 2
    copy = pickle.loads(pickle.dumps(joint.sets[1]))
    np.testing.assert_array_equal(
        copy.standardized_residuals, joint.sets[1].standardized_residuals
    )


@pytest.mark.parametrize("is_absolute", [False, True])
@pytest.mark.parametrize("sigma", [None, 0.02, [0.02, 0.02, 0.02], SIGMAS], ids=str)
def test_a_set_is_some_rows_of_all_data(sigma, is_absolute):
    joint = st.curve_fit_joint(
        decay, TS, YS, shared="rate", sigma=sigma, absolute_sigma=is_absolute
    )
    every = [1.0] * 3 if sigma is None else np.broadcast_arrays(0.02, 0.02, 0.02)
    every = sigma if isinstance(sigma, list) else every
    frame = joint.fit.to_frame() if sigma is None else None
    start = 0
    for one, t, y, own in zip(joint.sets, TS, YS, every, strict=True):
        np.testing.assert_allclose(one.residuals, (one.predict(t) - y) / own, atol=1e-12)
        rows = slice(start, start + len(t))
        np.testing.assert_array_equal(one.residuals, joint.fit.residuals[rows])
        if frame is not None:
            shown = frame["standardized_residual"].to_numpy()[rows]
            np.testing.assert_allclose(one.standardized_residuals, shown)
        # A further observation scatters by its own standard deviation around the curve.
        half, whole = (np.subtract(*one.band(t, 0.9, kind)[::-1]) / 2 for kind in KINDS)
        unit = 1.0 if is_absolute else joint.fit.reduced_chi_square
        scatter = joint.fit.quantile(0.9) * np.sqrt(unit) * np.broadcast_to(own, t.shape)
        np.testing.assert_allclose(whole**2, half**2 + scatter**2, rtol=1e-9)
        start += len(t)


KINDS = ("mean", "prediction")


def test_settings_are_those_of_curve_fit(capsys):
    theirs = inspect.signature(st.curve_fit).parameters
    ours = inspect.signature(st.curve_fit_joint).parameters
    assert set(ours) - set(theirs) == {"shared"}
    assert set(theirs) <= set(ours)
    assert all(ours[name].default == theirs[name].default for name in theirs)
    joint = st.curve_fit_joint(
        decay, TS, [*YS[:2], YS[2] + 5.0 * (TS[2] == 0.5)], shared="rate", loss="cauchy",
        f_scale=0.05, method="trf", full_output=True, progress=True, max_nfev=500,
    )  # fmt: skip
    assert joint.x["rate"] == pytest.approx(1.2, abs=0.1)
    assert len(joint.fit) == 5
    assert capsys.readouterr().err
    named = st.curve_fit_joint(f=decay, xdata=TS, ydata=YS, shared="rate", x_scale="jac")
    plain = st.curve_fit_joint(decay, TS, YS, shared="rate")
    np.testing.assert_array_equal(named.fit.values, plain.fit.values)


@pytest.mark.parametrize("sigma", [None, 0.02, SIGMAS], ids=str)
def test_points_that_are_not_finite_are_left_out_of_their_set(sigma):
    ys, ts = [y.copy() for y in YS], [t.copy() for t in TS]
    ys[0][3], ts[2][-1], ys[2][4] = np.nan, np.inf, np.inf
    keep = [np.isfinite(t + y) for t, y in zip(ts, ys, strict=True)]
    with pytest.raises(InputError, match=r"data set 0: y\[3\] is nan"):
        st.curve_fit_joint(decay, ts, ys, shared="rate", sigma=sigma)
    joint = st.curve_fit_joint(decay, ts, ys, shared="rate", sigma=sigma, nan_policy="omit")
    cut = sigma
    if isinstance(sigma, list):
        cut = [np.broadcast_to(s, k.shape)[k] for s, k in zip(sigma, keep, strict=True)]
    ts, ys = ([one[k] for one, k in zip(ones, keep, strict=True)] for ones in (ts, ys))
    clean = st.curve_fit_joint(decay, ts, ys, shared="rate", sigma=cut)
    np.testing.assert_array_equal(joint.fit.values, clean.fit.values)
    assert joint.lengths == clean.lengths == (14, 20, 10)
    np.testing.assert_array_equal(joint.sets[2].residuals, clean.sets[2].residuals)


def test_sigma_bounds_and_marks():
    sigmas = [1.0, 2.0, 0.5]
    joint = st.curve_fit_joint(decay, TS, YS, shared="rate", sigma=sigmas)
    np.testing.assert_allclose(joint.fit.values, scipys(sigmas)[0], rtol=1e-6)
    bounds = {"offset": 0.2}, {"offset": 0.4}
    with pytest.warns(st.FitWarning, match=r"offset\[0\] is on its upper bound"):
        held = st.curve_fit_joint(decay, TS, YS, shared="rate", bounds=bounds)
    assert (held.x["offset"] >= 0.2).all()
    assert (held.x["offset"] <= 0.4).all()
    start = {"amplitude": [1.0, 2.0, 3.0], "rate": st.Positive(1.0), "offset": 0.0}
    marked = st.curve_fit_joint(decay, TS, YS, start, shared="rate")
    np.testing.assert_allclose(marked.x["rate"], scipys()[0][3], rtol=1e-6)


def test_models_that_differ_share_what_has_the_same_name():
    t = np.arange(8.0)
    joint = st.curve_fit_joint(
        [decay, line], [TS[0], t], [YS[0], line(t, 2.0, 0.5)], shared=["offset"]
    )
    assert joint.names == ("amplitude", "rate", "offset", "slope")
    assert joint.x["slope"] == pytest.approx(2.0, abs=0.02)
    np.testing.assert_allclose(joint.sets[1].predict(t), line(t, *joint.sets[1].x.values()))


def test_equal_lengths_and_guesses():
    t = np.linspace(0, 4, 15)
    ys = np.stack([decay(t, 3, 40.0, 1e3), decay(t, 2, 40.0, 2e3)]) * 1e-2
    joint = st.curve_fit_joint(
        lambda t, amplitude, rate: amplitude * np.exp(-rate * t),
        [t, t],
        [np.exp(-2 * t), 3 * np.exp(-2 * t)],
        "guess",
        shared="rate",
    )
    np.testing.assert_allclose(joint.x["amplitude"], [1, 3], rtol=1e-6)
    assert len(ys) == 2


def test_invalid_calls():
    with pytest.raises(InputError, match="shared has 'speed'"):
        st.curve_fit_joint(decay, TS, YS, shared="speed")
    with pytest.raises(InputError, match="3 data sets, and y 2"):
        st.curve_fit_joint(decay, TS, YS[:2], shared="rate")
    with pytest.raises(InputError, match="no value for 'offset'"):
        st.curve_fit_joint(decay, TS, YS, {"amplitude": 1, "rate": 1}, shared="rate")
    with pytest.raises(
        InputError, match="data set 1: sigma must be a number, or one for each of 20"
    ):
        st.curve_fit_joint(decay, TS, YS, shared="rate", sigma=[0.1, np.ones(3), 0.1])
    with pytest.raises(InputError, match="sigma has nothing for data set 2"):
        st.curve_fit_joint(decay, TS, YS, shared="rate", sigma=[0.1, 0.1, None])
    with pytest.raises(InputError, match=r"data set 0: sigma.* is 0"):
        st.curve_fit_joint(decay, TS, YS, shared="rate", sigma=[0.0, 0.1, 0.1])


def test_sigma_by_place_a_tied_parameter_and_derived_quantities():
    joint = st.curve_fit_joint(decay, TS, YS, None, [0.02, 0.02, 0.02], True, shared="rate")
    assert joint.fit.absolute_sigma
    value, error = joint.derive(lambda p: p["amplitude"][0] / p["amplitude"][1])
    assert value == pytest.approx(joint.x["amplitude"][0] / joint.x["amplitude"][1])
    assert error > 0
    assert joint.correlation.shape == (7, 7)
    with pytest.raises(InputError, match=r"names are amplitude \(of shape \(3,\)\), rate, offset"):
        joint.derive(lambda p: p["amplitude[0]"])
    start = {"amplitude": 1.0, "rate": 1.0, "offset": st.Tied(lambda p: p["rate"])}
    with pytest.raises(InputError, match="add 'offset' to shared"):
        st.curve_fit_joint(decay, TS, YS, start, shared="rate")
