"""The engine torch where the package or the device is missing."""

import numpy as np
import pytest
import torch

import steepest as st

CURVATURE = np.array([1.0, 4.0, 9.0])


def quadratic(x):
    return 0.5 * np.sum(CURVATURE * x**2)


def test_a_missing_package_says_how_to_install_it(monkeypatch):
    def missing(name):
        raise ImportError(name)

    monkeypatch.setattr("importlib.import_module", missing)
    with pytest.raises(ImportError, match=r"pip install 'steepest\[torch\]'"):
        st.minimize(quadratic, np.ones(3), engine="torch")


def test_a_device_may_be_torchs():
    engine = st.engines.Torch(torch.device("cpu"))
    assert engine == st.engines.Torch("cpu")
    assert st.minimize(lambda x: (x - 1) ** 2, 0.0, engine=engine).converged


def test_an_unknown_device_is_refused():
    with pytest.raises(ImportError, match="cannot use the device 'cuda"):
        st.engines.Torch(device="cuda:7")
