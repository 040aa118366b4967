"""Many fits whose start values are guessed."""

import numpy as np
import pytest

import steepest as st
from steepest.errors import InputError


def peak(x, height, place, width, level):
    return height * np.exp(-(((x - place) / width) ** 2)) + level


X = np.linspace(0, 10, 60)
PLACES = np.array([2.0, 5.0, 8.5])
YS = np.stack([peak(X, 3.0, place, 0.6, 1.0) for place in PLACES])


def test_each_set_gets_its_own_guess_without_masked_points():
    mask = np.ones(YS.shape, bool)
    mask[0, 30:] = False
    broken = YS.copy()
    broken[0, 30:] = 1e3
    masked = st.curve_fit_many(peak, X, broken, "guess", mask=mask)
    assert masked.converged.all()
    np.testing.assert_allclose(masked.x[:, 1], PLACES, rtol=1e-6)


def test_another_word():
    with pytest.raises(InputError, match="'guess'"):
        st.curve_fit_many(peak, X, YS, "best")
