"""Plots and tables of several descents."""

import numpy as np
import pytest

import steepest as st


def bowl(x):
    return np.sum(np.array([1.0, 9.0]) * (x - 1) ** 2)


STOP = st.GradientNormBelow(1e-3) | st.MaxIterations(200)
FOUND = st.compare(bowl, np.zeros(2), methods=["bfgs", st.GradientDescent(0.05)], stop=STOP)


def test_paths_and_losses_of_all_methods_are_drawn():
    figure = FOUND.plot()
    names = [text.get_text() for text in figure.legends[0].get_texts()]
    assert names == ["BFGS", "GradientDescent"]
    ax, evaluations, time = [ax for ax in figure.axes if ax.get_label() != "<colorbar>"]
    steps = [line.get_xydata() for line in ax.lines if line.get_label() == "steps"]
    for path, of_evaluations, run in zip(steps, evaluations.lines, FOUND.runs, strict=True):
        np.testing.assert_array_equal(path, run.history.x)
        np.testing.assert_array_equal(of_evaluations.get_xdata(), run.history.evaluations)
        np.testing.assert_array_equal(of_evaluations.get_ydata(), run.history.loss)
    assert time.lines[0].get_xdata()[-1] == pytest.approx(1e3 * FOUND.runs[0].timings.run)
    assert len(st.compare(lambda x: np.sum(x**4), np.ones(3)).plot().axes) == 2


def test_negative_losses_are_shown_over_the_least():
    found = st.compare(lambda x: bowl(x) - 5, np.zeros(2), methods=["bfgs"], stop=STOP)
    assert "loss - minimum" in [ax.get_ylabel() for ax in found.plot().axes[1:]]


def test_the_table_has_a_row_for_each():
    head, *rows = repr(FOUND).splitlines()
    assert head.split()[0] == "method"
    assert [row.split()[0] for row in rows] == list(FOUND.names)
    assert FOUND._repr_html_().count("<tr>") == 3
