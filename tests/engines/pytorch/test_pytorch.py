"""The engine torch where the package or the device is missing."""

import numpy as np
import pytest

import steepest as st

CURVATURE = np.array([1.0, 4.0, 9.0])


def quadratic(x):
    return 0.5 * np.sum(CURVATURE * x**2)


def test_a_missing_package_says_how_to_install_it(monkeypatch):
    import steepest.engines.pytorch.engine as engine

    def missing(name):
        raise ImportError(name)

    monkeypatch.setattr(engine.importlib, "import_module", missing)
    with pytest.raises(ImportError, match=r"pip install 'steepest\[torch\]'"):
        st.minimize(quadratic, np.ones(3), engine="torch")


def test_an_unknown_device_is_refused():
    with pytest.raises(ImportError, match="cannot use the device 'cuda"):
        st.engines.Torch(device="cuda:7")
