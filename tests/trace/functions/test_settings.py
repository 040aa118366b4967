"""NumPy's error state and Python's warning filters inside a traced function."""

import warnings

import numpy as np
import pytest

import steepest as st


def raising_state(x):
    with np.errstate(divide="raise"):
        return 1 / x


def raising_everywhere(x):
    np.seterr(all="raise")
    return 1 / x


def warnings_as_errors(x):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return 1 / x


def one_warning_as_error(x):
    with warnings.catch_warnings():
        warnings.filterwarnings("error", "divide", RuntimeWarning)
        return 1 / x


@pytest.mark.parametrize(
    "function", [raising_state, raising_everywhere, warnings_as_errors, one_warning_as_error]
)
def test_settings_that_raise_are_refused(function):
    with pytest.raises(TypeError, match=r"'(raise|error)'\) at test_settings.py:\d+ cannot be"):
        st.trace(function, np.array([0.0, 1.0]))


def test_settings_that_do_not_raise_are_accepted():
    def quiet(x):
        with np.errstate(all="ignore", divide="warn"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.filterwarnings("error", category=DeprecationWarning)
            return np.sqrt(x)

    assert st.trace(quiet, 4.0)(4.0) == 2
