"""Functions of installed packages: Python code is followed, compiled code is called as it is."""

import importlib.util
import sys
import textwrap
import warnings

import numpy as np
import pytest
import scipy.optimize
from numpy.testing import assert_allclose

import steepest as st
from steepest.errors import UnsupportedError

X = np.linspace(0.2, 5.0, 30)


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package of some lab, installed."""
    site = tmp_path / "site-packages"
    site.mkdir()
    (site / "labtools.py").write_text(
        textwrap.dedent(
            """
            import math
            import numpy as np
            from numpy import exp as expo

            WIDTH = 2.0
            TABLE = {"offset": np.array([0.5])}

            def peak(x, center):
                return expo(-((x - center) / WIDTH) ** 2) + TABLE["offset"]

            def counted(x, n=3):
                total = np.zeros_like(x)
                for k in range(n):
                    total += np.cos(k * x) / (k + 1)
                return total

            class Shape:
                def __init__(self, power):
                    self.power = power
                def __call__(self, x):
                    return np.abs(x) ** self.power

            def bytewise(x):
                return np.frombuffer(np.sqrt(x).tobytes())
            """
        )
    )
    monkeypatch.syspath_prepend(str(site))
    import labtools

    yield labtools
    del sys.modules["labtools"]


def numerical(f, p):
    return [(f(p + h) - f(p - h)) / 2e-6 for h in 1e-6 * np.eye(p.size)]


def test_python_code_is_followed(package):
    def loss(p):
        return np.sum(package.peak(X, p[0]) * package.counted(p[1] * X, n=4)) + p[0] ** 2

    p = np.array([1.5, 0.7])
    assert_allclose(st.compile(loss)(p), loss(p), rtol=1e-13)
    assert_allclose(st.gradient(loss)(p), numerical(loss, p), rtol=1e-7)
    package.WIDTH = 3.0  # a global of the package, which is read again
    assert_allclose(st.gradient(loss)(p), numerical(loss, p), rtol=1e-7)


def test_objects_of_a_package(package):
    shape = package.Shape(1.5)
    loss = lambda p: np.sum(shape(X * p[0])) + p[1]
    p = np.array([1.5, 0.7])
    assert_allclose(st.gradient(loss)(p), numerical(loss, p), rtol=1e-7)


def test_a_helper_that_cannot_be_recorded_is_named(package):
    loss = lambda p: (np.sum(package.bytewise(X * p[0])) - 30.0) ** 2
    with pytest.raises(UnsupportedError, match=r"labtools\.bytewise at test_installed_packages"):
        st.gradient(loss)(np.ones(1))
    with pytest.warns(st.FiniteDifferenceWarning, match=r"labtools\.bytewise"):
        run = st.minimize(loss, np.ones(1))
    assert_allclose(np.sum(np.sqrt(X * run.x[0])), 30.0, rtol=1e-6)


def test_line_shapes_of_lmfit_are_exact():
    shapes = pytest.importorskip("lmfit.lineshapes")
    two = lambda x, a, b: shapes.pvoigt(x, a, b, 0.5, 0.3) + shapes.step(x, a, b, 0.7, form="erf")
    fits = {
        **{name: getattr(shapes, name) for name in ("gaussian", "lorentzian", "moffat")},
        "two": two,
    }
    for name, shape in fits.items():
        start = [2.0, 2.4] if name == "two" else [2.0, 2.4, 0.9]
        y = shape(X, *start) + 0.01 * np.sin(17 * X)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            popt, pcov = st.curve_fit(shape, X, y, np.multiply(start, 1.1))
        expected, covariance = scipy.optimize.curve_fit(shape, X, y, np.multiply(start, 1.1))
        assert_allclose(popt, expected, rtol=1e-5, err_msg=name)
        assert_allclose(np.diag(pcov), np.diag(covariance), rtol=1e-3, err_msg=name)


needs_numba = pytest.mark.skipif(
    importlib.util.find_spec("numba") is None, reason="Numba is not installed"
)


@needs_numba
def test_functions_of_numba_are_followed_by_their_python_code():
    import numba

    @numba.njit
    def inner(x, b):
        return np.exp(-b * x)

    @numba.njit
    def model(x, a, b):
        out = np.empty_like(x)
        for i in range(x.size):
            out[i] = a * inner(x[i], b)
        return out

    y = model(X, 1.3, 0.5) + 0.01 * np.sin(17 * X)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        popt, _ = st.curve_fit(model, X, y, [1.0, 1.0])
    assert_allclose(popt, scipy.optimize.curve_fit(model, X, y, [1.0, 1.0])[0], rtol=1e-6)


@needs_numba
def test_ufuncs_of_numba_are_called_as_they_are():
    import numba

    ramp = numba.vectorize(lambda a, b: a * b if a > b else a)
    with pytest.raises(UnsupportedError, match="cannot be recorded"):
        st.gradient(lambda x: np.sum(ramp(x, 0.5)))(X)
    with pytest.warns(st.FiniteDifferenceWarning):
        run = st.minimize(lambda p: np.sum((ramp(X * p[0], 0.1) - 0.2 * X) ** 2), [1.0])
    assert_allclose(run.x, [2.0], rtol=1e-6)


def test_packages_with_arrays_of_their_own_are_not_followed():
    torch = pytest.importorskip("torch")
    target = torch.zeros(30, dtype=torch.float64)

    def distance(values):
        return torch.nn.functional.mse_loss(torch.as_tensor(values), target).item()

    with warnings.catch_warnings(record=True) as noted:
        warnings.simplefilter("always")
        run = st.minimize(lambda p: distance(p[0] * X - p[1]) + p[1] ** 2, [1.0, 1.0])
    assert any(issubclass(w.category, st.FiniteDifferenceWarning) for w in noted)
    assert_allclose(run.x, [0.0, 0.0], atol=1e-4)
