"""The progress line."""

import numpy as np

import steepest as st

CURVATURE = np.array([1.0, 4.0, 9.0])


def quadratic(x):
    return 0.5 * np.sum(CURVATURE * x**2)


def test_progress_goes_to_stderr_and_away(capsys):
    st.minimize(
        quadratic, np.ones(3), stop=st.MaxIterations(2_000_000), progress=True, record=None
    )
    assert capsys.readouterr().out == ""
