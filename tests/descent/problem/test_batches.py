"""Descents over batches of the data."""

from collections import OrderedDict

import numpy as np
import pytest

import steepest as st
from steepest import Status
from steepest.descent.running import compile as prepare
from steepest.engines.native.programs import function as program
from steepest.engines.native.runs import rows_in_order, workspace

ENGINES = ["native", "numpy", "torch"]


def with_little_room_for_history(monkeypatch, rows):
    monkeypatch.setattr(workspace, "_HISTORY_ROWS", rows)
    monkeypatch.setattr(prepare, "_prepared", OrderedDict())  # and with it memory that is kept
    monkeypatch.setattr(program, "_programs", OrderedDict())


def least_squares(w, X, y, weight=1.0):
    return weight * np.mean((X @ w - y) ** 2)


@pytest.mark.parametrize("samples", [24, 23])
@pytest.mark.parametrize("shuffle", [True, False])
def test_batches_are_the_same_on_every_engine_and_as_written_by_hand(samples, shuffle, random):
    X, y = random.normal(size=(samples, 3)), random.normal(size=samples)
    batches = st.Batches(size=5, epochs=4, shuffle=shuffle, seed=3)
    w = np.zeros(3)
    losses = []
    for epoch in range(4):
        order = (
            np.random.default_rng([3, epoch]).permutation(samples)
            if shuffle
            else np.arange(samples)
        )
        for start in range(0, samples, 5):
            rows = order[start : start + 5]
            residual = X[rows] @ w - y[rows]
            losses.append(2.0 * np.mean(residual**2))
            w = w - 0.05 * 2.0 * 2 / len(rows) * X[rows].T @ residual
    for engine in ENGINES:
        run = st.minimize(
            least_squares,
            np.zeros(3),
            args=(X, y, 2.0),
            method=st.GradientDescent(0.05),
            batches=batches,
            engine=engine,
        )
        assert run.status is Status.EPOCHS_DONE
        assert run.converged
        np.testing.assert_allclose(run.x, w, rtol=1e-11)
        np.testing.assert_allclose(run.history.loss, losses, rtol=1e-11)
        assert run.loss == pytest.approx(least_squares(w, X, y, 2.0), rel=1e-11)
        assert run.iterations == len(losses)


def test_batches_survive_being_dealt_in_pieces(monkeypatch, random):

    X, y = random.normal(size=(23, 3)), random.normal(size=23)
    settings = {
        "args": (X, y),
        "method": st.Momentum(0.01),
        "batches": st.Batches(size=5, epochs=9, seed=1),
    }
    whole = st.minimize(least_squares, np.zeros(3), **settings)
    monkeypatch.setattr(rows_in_order, "_ROWS_IN_ORDER", 50)
    with_little_room_for_history(monkeypatch, 3)
    pieces = st.minimize(least_squares, np.zeros(3), **settings)
    stopped = st.minimize(least_squares, np.zeros(3), callback=lambda state: None, **settings)
    for run in (pieces, stopped):
        np.testing.assert_array_equal(whole.x, run.x)
        np.testing.assert_array_equal(whole.history.loss, run.history.loss)


def test_a_batch_larger_than_the_data_is_all_of_it():
    X, y = np.ones((4, 1)), np.ones(4)
    run = st.minimize(
        least_squares, np.zeros(1), args=(X, y), batches=st.Batches(size=100, epochs=3)
    )
    assert run.iterations == 3


def test_stop_rules_end_batches_early():
    X, y = np.ones((8, 1)), np.ones(8)
    run = st.minimize(
        least_squares,
        np.zeros(1),
        args=(X, y),
        method=st.GradientDescent(0.25),
        batches=st.Batches(size=4, epochs=100),
        stop=st.LossBelow(1e-3),
    )
    assert run.status is Status.CONVERGED
    assert run.iterations == 5
