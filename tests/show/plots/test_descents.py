"""Plots of descents: what is drawn."""

import pickle

import numpy as np
import pytest

import steepest as st


def rosenbrock(x):
    return np.sum((1 - x[:-1]) ** 2 + 100 * (x[1:] - x[:-1] ** 2) ** 2)


def lines(ax):
    return {line.get_label(): line.get_xydata() for line in ax.lines}


def legend(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def is_beside(legend, ax):
    """Whether a legend lies outside of the axes."""
    ax.figure.figure.draw_without_rendering()
    return not legend.get_window_extent().overlaps(ax.get_window_extent())


def test_two_parameters_are_a_path_on_contours():
    run = st.minimize(rosenbrock, np.array([-1.2, 1.0]))
    figure = run.plot()
    ax = figure.axes[0]
    drawn = lines(ax)
    np.testing.assert_array_equal(drawn["steps"], run.history.x)
    np.testing.assert_array_equal(drawn["start"], run.history.x[:1])
    np.testing.assert_array_equal(drawn["end"], run.history.x[-1:])
    assert legend(ax) == ["start", "steps", "end"]
    assert is_beside(ax.get_legend(), ax)
    labels = [one.get_ylabel() for one in figure.axes]
    assert labels == ["x[1]", "loss - minimum", "loss", "gradient norm", "step length"]
    filled, thin = ax.collections
    levels = np.diff(filled.levels)  # of the logarithm: the valley has as many as the walls
    np.testing.assert_allclose(levels, levels[0])
    np.testing.assert_allclose(thin.levels, filled.levels)


def test_losses_of_data_and_nested_parameters_have_contours():
    t = np.linspace(0, 1, 9)
    run = st.minimize(
        lambda p, t, y: np.sum((p["a"] * np.exp(-p["rate"] * t) - y) ** 2),
        {"a": st.Positive(1.0), "rate": 1.0},
        args=(t, 3 * np.exp(-2 * t)),
    )
    ax = run.plot().axes[0]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("a", "rate")
    np.testing.assert_allclose(lines(ax)["end"][0], [3, 2], atol=1e-4)
    assert ax.get_xscale() == "log"  # that of the free parameter
    assert len(ax.collections) == 2


@pytest.mark.parametrize(
    ("settings", "entries"),
    [
        ({"constraints": st.Constraint(np.sum, upper=1.0)}, ["limit", "excluded"]),
        ({"bounds": (None, 0.5)}, ["limit", "excluded"]),
        ({"constraints": st.Constraint(lambda x: x @ x, lower=1, upper=1)}, ["limit"]),
    ],
)
def test_what_is_excluded_is_hatched(settings, entries):
    run = st.minimize(lambda x: np.sum((x - 1) ** 2), np.array([-0.5, 0.2]), **settings)
    ax = run.plot().axes[0]
    assert legend(ax)[3:] == entries
    hatched = [one for one in ax.collections if getattr(one, "hatches", [None])[0]]
    assert len(hatched) == ("excluded" in entries)


def test_one_parameter_is_a_curve():
    run = st.minimize(lambda x: (x - 1) ** 2 + 0.5, 3.0, method=st.GradientDescent(0.2))
    ax = run.plot().axes[0]
    drawn = lines(ax)
    x, y = drawn["loss"].T
    np.testing.assert_allclose(y, (x - 1) ** 2 + 0.5)
    np.testing.assert_allclose(drawn["steps"][:, 0], run.history.x)
    np.testing.assert_allclose(drawn["steps"][:, 1], run.history.loss)


def test_many_parameters_are_a_plane_through_start_and_end():
    run = st.minimize(rosenbrock, np.full(5, -1.2))
    figure = run.plot()
    ax = figure.axes[0]
    path = lines(ax)["steps"]
    length = np.linalg.norm(run.x - run.history.x[0])
    np.testing.assert_allclose(path[[0, -1]], [[0, 0], [length, 0]], atol=1e-9)
    aside = np.abs(path[:, 1]).max()  # the farthest point lies in the plane
    rows = run.history.x - run.history.x[0]
    direction = rows[-1] / length
    farthest = np.linalg.norm(rows - np.outer(rows @ direction, direction), axis=1).max()
    np.testing.assert_allclose(aside, farthest, rtol=1e-6)
    assert len(st.minimize(rosenbrock, np.full(30, 0.5)).plot().axes) == 3  # x is not recorded


def test_batches_show_the_mean_of_each_epoch():
    X = np.random.default_rng(0).normal(size=(40, 20))
    run = st.minimize(
        lambda w, X: np.mean((X @ w - 1) ** 2),
        np.zeros(20),
        args=(X,),
        batches=st.Batches(size=10, epochs=3, seed=0),
    )
    ax = run.plot().axes[0]
    means = lines(ax)["mean of the epoch"][:, 1]
    np.testing.assert_allclose(means, run.history.loss[:12].reshape(3, 4).mean(axis=1))


def test_slow_losses_have_fewer_contours_or_none(monkeypatch):
    run = st.minimize(rosenbrock, np.array([-1.2, 1.0]))
    landscape = type(run.look_around())
    for seconds, count in ((1 / 900, 2), (1.0, 0)):
        monkeypatch.setattr(landscape, "seconds", lambda self, seconds=seconds: seconds)
        ax = run.plot().axes[0]
        assert len(ax.collections) == count


def test_a_run_from_a_pickle_still_has_its_path():
    run = pickle.loads(pickle.dumps(st.minimize(rosenbrock, np.array([-1.2, 1.0]))))
    np.testing.assert_array_equal(lines(run.plot().axes[0])["steps"], run.history.x)


def test_a_run_without_history_is_refused():
    run = st.minimize(rosenbrock, np.zeros(3), record=None)
    with pytest.raises(ValueError, match="no history to plot: minimize with record="):
        run.plot()
