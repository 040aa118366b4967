"""Schedules of step sizes, against torch's and as formulas."""

import numpy as np
import pytest
import torch

import steepest as st

ENGINES = ["native", "numpy", "torch"]
CURVATURE = np.array([1.0, 4.0, 9.0])


def quadratic(x):
    return 0.5 * np.sum(CURVATURE * x**2)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    "schedule",
    [
        st.ExponentialDecay(0.1, factor=0.5, every=10),
        st.CosineDecay(0.1, iterations=20, final=0.01),
        lambda k: 0.1 / (1 + 0.1 * k),
    ],
    ids=["exponential", "cosine", "own"],
)
def test_schedules_set_the_step_size(schedule, engine):
    run = st.minimize(
        quadratic,
        np.ones(3),
        method=st.GradientDescent(schedule),
        stop=st.MaxIterations(30),
        engine=engine,
    )
    x = np.ones(3)
    for k in range(30):
        x = x - schedule(k) * CURVATURE * x
    np.testing.assert_allclose(run.x, x, rtol=1e-12)


def test_schedules_do_not_widen_float32():
    run = st.minimize(
        lambda x: np.sum(x * x),
        np.ones(3, np.float32),
        method=st.Adam(st.CosineDecay(0.1, 10)),
        stop=st.MaxIterations(3),
    )
    assert run.x.dtype == np.float32


def test_a_changed_schedule_is_seen():
    rate = 0.1
    method = st.GradientDescent(lambda k: rate)
    settings = {"method": method, "stop": st.MaxIterations(1)}
    assert st.minimize(lambda x: x * x, 1.0, **settings).x == 0.8
    rate = 0.25
    assert st.minimize(lambda x: x * x, 1.0, **settings).x == 0.5


def torch_rates(make, initial, count):
    x = torch.zeros(1, requires_grad=True)
    optimizer = torch.optim.SGD([x], lr=initial)
    schedule = make(optimizer)
    rates = []
    for _ in range(count):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    return rates


SCHEDULES = {
    "step": (
        st.StepDecay(0.3, factor=0.5, every=7),
        lambda o: torch.optim.lr_scheduler.StepLR(o, 7, 0.5),
    ),
    "exponential": (
        st.ExponentialDecay(0.3, factor=0.9, every=1),
        lambda o: torch.optim.lr_scheduler.ExponentialLR(o, 0.9),
    ),
    "cosine": (
        st.CosineDecay(0.3, iterations=30, final=0.1),
        lambda o: torch.optim.lr_scheduler.CosineAnnealingLR(o, 30, eta_min=0.1),
    ),
    "warm-up": (
        st.WarmUp(0.3, iterations=10, initial=0.03),
        lambda o: torch.optim.lr_scheduler.LinearLR(o, 0.1, 1.0, 10),
    ),
    "one-cycle": (
        st.OneCycle(0.3, iterations=29, rise=0.31034482758620685),
        lambda o: torch.optim.lr_scheduler.OneCycleLR(
            o, 0.3, total_steps=30, pct_start=1 / 3, cycle_momentum=False
        ),
    ),
}


@pytest.mark.parametrize("name", SCHEDULES)
def test_schedules_are_torchs(name):
    schedule, make = SCHEDULES[name]
    expected = torch_rates(make, 0.3, 30)
    np.testing.assert_allclose([schedule(i) for i in range(30)], expected, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("name", SCHEDULES)
def test_schedules_compile(name):
    schedule, _ = SCHEDULES[name]
    run = st.minimize(
        lambda x: np.sum(x),
        np.zeros(1),
        method=st.GradientDescent(schedule),
        stop=st.MaxIterations(30),
    )
    steps = -np.diff(run.history.x[:, 0])
    np.testing.assert_allclose(steps, [schedule(i) for i in range(30)], rtol=1e-9, atol=1e-14)
