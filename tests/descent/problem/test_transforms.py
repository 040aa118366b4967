"""Start values that are fixed, tied, or restricted to a range."""

import numpy as np
import pytest

import steepest as st

T = np.linspace(0.1, 4, 25)


def decay(t, amplitude, rate, offset):
    return amplitude * np.exp(-rate * t) + offset


Y = decay(T, 2.0, 1.3, 0.5) + 0.02 * np.sin(37 * T)


def test_fixed_parameters_stay_and_have_no_error():
    fit = st.curve_fit(decay, T, Y, {"amplitude": 1.0, "rate": 1.0, "offset": st.Fixed(0.5)})
    alone = st.curve_fit(lambda t, amplitude, rate: decay(t, amplitude, rate, 0.5), T, Y)
    assert fit.x["offset"] == 0.5
    np.testing.assert_allclose([fit.x["amplitude"], fit.x["rate"]], alone.x, rtol=1e-10)
    assert fit.names == ("amplitude", "rate", "offset")
    assert fit.degrees_of_freedom == alone.degrees_of_freedom
    errors = fit.standard_errors
    assert errors["offset"] == 0
    np.testing.assert_allclose(
        [errors["amplitude"], errors["rate"]], alone.standard_errors, rtol=1e-8
    )
    for mine, other in zip(fit.band(T), alone.band(T), strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-9)
    assert "offset" in fit.report()


def test_tied_parameters_follow_and_their_errors_propagate():
    start = {"amplitude": 1.0, "rate": 1.0, "offset": st.Tied(lambda p: p["amplitude"] / 4)}
    fit = st.curve_fit(decay, T, Y, start)
    assert fit.x["offset"] == fit.x["amplitude"] / 4
    errors = fit.standard_errors
    assert errors["offset"] == pytest.approx(errors["amplitude"] / 4)
    correlation = fit.correlation[fit.names.index("offset"), fit.names.index("amplitude")]
    assert correlation == pytest.approx(1)


def test_a_range_changes_neither_the_minimum_nor_the_errors_inside():
    plain = st.curve_fit(decay, T, Y, {"amplitude": 1.0, "rate": 1.0, "offset": 0.3})
    start = {
        "amplitude": st.Positive(1.0),
        "rate": st.Positive(1.0),
        "offset": st.UnitInterval(0.3),
    }
    fit = st.curve_fit(decay, T, Y, start)
    for name in plain.x:
        np.testing.assert_allclose(fit.x[name], plain.x[name], rtol=1e-7)
        np.testing.assert_allclose(
            fit.standard_errors[name], plain.standard_errors[name], rtol=1e-5
        )
    assert fit.names == plain.names


@pytest.mark.parametrize("engine", ["native", "numpy", "torch"])
def test_every_engine_makes_parameters_alike(engine):
    counts = np.array([7.0, 2.0, 1.0])

    def loss(p):
        mix, (scale, shift) = p["mix"], p["pair"]
        return -np.sum(counts * np.log(mix)) + (scale - 2) ** 2 + (shift - scale) ** 2

    start = {"mix": st.Simplex([0.2, 0.3, 0.5]), "pair": (st.Positive(1.0), st.Fixed(1.0))}
    run = st.minimize(loss, start, engine=engine, stop=st.GradientNormBelow(1e-9))
    np.testing.assert_allclose(run.x["mix"], counts / 10, rtol=1e-7)
    np.testing.assert_allclose(run.x["pair"], (1.5, 1.0), rtol=1e-8)
    assert run.history.x["mix"].shape == (run.iterations + 1, 3)
    np.testing.assert_allclose(run.history.x["mix"].sum(axis=1), 1)
    np.testing.assert_allclose(run.history.x["mix"][0], [0.2, 0.3, 0.5])


def test_bounds_go_to_what_is_free_by_name():
    start = {"amplitude": 1.0, "rate": st.Positive(1.0), "offset": 0.3}
    with pytest.warns(st.FitWarning, match="amplitude is on its upper bound"):
        fit = st.curve_fit(decay, T, Y, start, bounds=({"amplitude": 0}, {"amplitude": 1.5}))
    assert fit.x["amplitude"] == 1.5
    assert "amplitude is on its upper bound" in fit.message
    run = st.minimize(
        lambda p: (p["a"] - 3) ** 2 + (p["b"] - p["a"]) ** 2,
        {"a": 0.0, "b": st.Tied(lambda p: 1.0)},
        bounds={"a": (None, 1.5)},
    )
    assert run.x["a"] == 1.5


def test_callbacks_see_parameters():
    seen = []
    st.minimize(
        lambda p: (np.log(p["s"]) - 1) ** 2,
        {"s": st.Positive(1.0)},
        callback=lambda state: seen.append(float(state.x["s"])),
    )
    assert seen[-1] == pytest.approx(np.e)


def test_compiled_code_is_reused_for_other_starts_not_other_fixed_values():
    def loss(p):
        return (p["a"] - p["b"]) ** 2

    def run(a, b):
        return st.minimize(loss, {"a": a, "b": st.Fixed(b)})

    assert run(0.0, 2.0).x["a"] == pytest.approx(2)
    assert run(1.0, 2.0).timings.trace == 0
    assert run(1.0, 5.0).x["a"] == pytest.approx(5)


def test_a_marked_run_is_resumed(tmp_path):
    start = {"amplitude": st.Positive(1.0), "rate": 1.0, "offset": st.Fixed(0.5)}
    whole = st.curve_fit(decay, T, Y, start)
    with pytest.warns(st.FitWarning, match="before any goal"):
        st.curve_fit(decay, T, Y, start, stop=st.MaxIterations(2)).save(tmp_path / "fit")
    with pytest.raises(ValueError, match="like has other markers"):
        st.resume(tmp_path / "fit", decay, (T, Y), like={**start, "offset": st.Fixed(0.7)})
    with pytest.raises(ValueError, match="marked start values: give them again, like=x0"):
        st.resume(tmp_path / "fit", decay, (T, Y))
    fit = st.resume(tmp_path / "fit", decay, (T, Y), like=start, stop=whole.problem.stop)
    assert fit.x == whole.x
    assert fit.report() == whole.report()


REFUSED = {
    "tied to what is tied": (
        lambda: st.minimize(
            lambda p: p["a"],
            {"a": 1.0, "b": st.Tied(lambda p: p["c"] * 2), "c": st.Tied(lambda p: p["a"])},
        ),
        "looks at another tied parameter",
    ),
    "tied to nothing": (
        lambda: st.minimize(lambda p: p["a"], {"a": 1.0, "b": st.Tied(lambda p: p["aa"])}),
        "reads the parameter 'aa'; there are a, b",
    ),
    "everything": (lambda: st.minimize(lambda p: p["a"], {"a": st.Fixed(1)}), "nothing to vary"),
    "negative": (lambda: st.Positive([1.0, -2.0]), r"Positive needs positive numbers .*got \[1"),
    "outside": (lambda: st.UnitInterval(1.0), "between 0 and 1"),
    "sum": (lambda: st.Simplex([0.5, 0.6]), "whose sum is 1"),
    "infinite": (lambda: st.Fixed(np.inf), "finite"),
    "no function": (lambda: st.Tied(3.0), "Tied needs a function"),
    "in a list": (
        lambda: st.curve_fit(decay, T, Y, [1.0, 1.0, st.Fixed(0.5)]),
        "marked start values are given by name, as a dict",
    ),
    "bounds of a range": (
        lambda: st.minimize(
            lambda p: p["a"] + p["b"], {"a": st.Positive(1.0), "b": 0.0}, bounds={"a": (0, 1)}
        ),
        "a is Positive: it has no bounds of its own",
    ),
    "bounds without names": (
        lambda: st.minimize(lambda p: p["a"], {"a": st.Positive(1.0)}, bounds=(0, 1)),
        "bounds must be a dict",
    ),
    "many": (
        lambda: st.minimize_many(lambda p: p["a"], {"a": st.Fixed(np.ones(3))}),
        "start values of many problems cannot be marked",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_bad_input_gets_a_sentence(name):
    call, sentence = REFUSED[name]
    with pytest.raises((ValueError, TypeError), match=sentence):
        call()
