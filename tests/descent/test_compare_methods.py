"""Several methods on one loss."""

import numpy as np
import pytest

import steepest as st


def loss(x, target):
    return np.sum((x - target) ** 4)


def test_runs_are_those_of_minimize():
    target, stop = np.array([1.0, 2.0]), st.MaxIterations(20)
    found = st.compare(loss, np.zeros(2), ["bfgs", st.Adam(0.1), "lbfgs"], (target,), stop=stop)
    assert found.names == ("BFGS", "Adam", "LBFGS")
    for run, method in zip(found.runs, ["bfgs", st.Adam(0.1), "lbfgs"], strict=True):
        alone = st.minimize(loss, np.zeros(2), (target,), method, stop=stop)
        np.testing.assert_array_equal(run.x, alone.x)
    assert found["Adam"] is found[1] is found.runs[1]
    with pytest.raises(KeyError, match="there is BFGS, Adam, LBFGS"):
        found["SGD"]


def test_methods_of_one_class_are_told_apart():
    methods = [st.Adam(0.1), st.Adam(0.2), st.Adam(0.2)]
    found = st.compare(loss, np.zeros(2), methods, (1.0,), stop=st.MaxIterations(2))
    assert [name.partition(",")[0] for name in found.names] == [
        "Adam(step_size=0.1", "Adam(step_size=0.2", "Adam(step_size=0.2",
    ]  # fmt: skip
    assert len(set(found.names)) == 3
    named = st.compare(
        loss, np.zeros(2), methods, (1.0,), stop=st.MaxIterations(2), names=["a", "b", "c"]
    )
    assert named.names == ("a", "b", "c")


def test_invalid_arguments():
    with pytest.raises(TypeError, match="methods must be a list"):
        st.compare(loss, np.zeros(2), "bfgs", (1.0,))
    with pytest.raises(ValueError, match="methods is empty"):
        st.compare(loss, np.zeros(2), [], (1.0,))
    with pytest.raises(ValueError, match="there are 1 methods, but names is"):
        st.compare(loss, np.zeros(2), ["bfgs"], (1.0,), names=["a", "b"])
