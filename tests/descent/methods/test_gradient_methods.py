"""Methods that step along gradients, against torch.optim, optax and theory."""

import jax
import numpy as np
import optax
import pytest
import torch

import steepest as st

ENGINES = ["native", "numpy", "torch"]
CURVATURE = np.array([1.0, 4.0, 25.0])
START = np.array([1.0, -2.0, 0.5])
STEPS = 40


def quadratic(x):
    return 0.5 * np.sum(CURVATURE * (x - 1) ** 2) + 0.1 * np.sum(x**4)


def gradient(x):
    return CURVATURE * (x - 1) + 0.4 * x**3


def path_of(method, engine="native", stop=None):
    stop = stop or st.MaxIterations(STEPS)
    return st.minimize(quadratic, START, method=method, stop=stop, engine=engine).history.x


# Method, torch's optimizer and its settings. AdamW decays x before the step, and so in effect
# with it; torch adds epsilon to the root, as here.
TORCH = {
    "gradient descent": (st.GradientDescent(0.01), "SGD", {"lr": 0.01}),
    "momentum": (st.Momentum(0.001, 0.9), "SGD", {"lr": 0.001, "momentum": 0.9}),
    "nesterov": (
        st.Nesterov(0.001, 0.8),
        "SGD",
        {"lr": 0.001, "momentum": 0.8, "nesterov": True},
    ),
    "adagrad": (st.Adagrad(0.3), "Adagrad", {"lr": 0.3}),
    "adagrad from 0.1": (
        st.Adagrad(0.3, initial=0.1, epsilon=1e-7),
        "Adagrad",
        {"lr": 0.3, "initial_accumulator_value": 0.1, "eps": 1e-7},
    ),
    "rmsprop": (st.RMSProp(0.02, decay=0.9), "RMSprop", {"lr": 0.02, "alpha": 0.9}),
    "rmsprop with momentum": (
        st.RMSProp(0.02, momentum=0.5),
        "RMSprop",
        {"lr": 0.02, "momentum": 0.5},
    ),
    "adam": (st.Adam(0.02, 0.8, 0.99), "Adam", {"lr": 0.02, "betas": (0.8, 0.99)}),
    "adamw": (
        st.AdamW(0.02, weight_decay=0.3),
        "AdamW",
        {"lr": 0.02, "weight_decay": 0.3},
    ),
    "weight decay": (
        st.WeightDecay(st.Momentum(0.001), 0.3),
        "SGD",
        {"lr": 0.001, "momentum": 0.9, "weight_decay": 0.3},
    ),
}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", TORCH)
def test_methods_step_as_torchs_optimizers(name, engine):
    method, optimizer, settings = TORCH[name]
    x = torch.tensor(START, requires_grad=True)
    theirs = getattr(torch.optim, optimizer)([x], **settings)
    path = [x.detach().numpy().copy()]
    for _ in range(STEPS):
        x.grad = torch.tensor(gradient(x.detach().numpy()))
        theirs.step()
        path.append(x.detach().numpy().copy())
    np.testing.assert_allclose(path_of(method, engine), path, rtol=1e-12, atol=1e-14)


# optax adds Adagrad's and RMSProp's epsilon under the root unless it is told otherwise; it is
# so small here that this is no difference beyond rounding.
OPTAX = {
    "gradient descent": (st.GradientDescent(0.01), lambda: optax.sgd(0.01)),
    "momentum": (st.Momentum(0.001, 0.9), lambda: optax.sgd(0.001, momentum=0.9)),
    "nesterov": (st.Nesterov(0.001, 0.8), lambda: optax.sgd(0.001, momentum=0.8, nesterov=True)),
    "adagrad": (
        st.Adagrad(0.3, initial=0.1, epsilon=1e-30),
        lambda: optax.adagrad(0.3, initial_accumulator_value=0.1, eps=1e-60),
    ),
    "rmsprop": (
        st.RMSProp(0.02, decay=0.9, epsilon=1e-30),
        lambda: optax.rmsprop(0.02, decay=0.9, eps=1e-60),
    ),
    "adam": (st.Adam(0.02, 0.8, 0.99), lambda: optax.adam(0.02, b1=0.8, b2=0.99)),
    "adamw": (st.AdamW(0.02, weight_decay=0.3), lambda: optax.adamw(0.02, weight_decay=0.3)),
    "lion": (
        st.Lion(0.02, weight_decay=0.3),
        lambda: optax.lion(0.02, b1=0.9, b2=0.99, weight_decay=0.3),
    ),
    "clipped by norm": (
        st.Clipped(st.Adam(0.02), norm=2.0),
        lambda: optax.chain(optax.clip_by_global_norm(2.0), optax.adam(0.02)),
    ),
    "clipped by value": (
        st.Clipped(st.GradientDescent(0.02), value=2.0),
        lambda: optax.chain(optax.clip(2.0), optax.sgd(0.02)),
    ),
}


@pytest.mark.parametrize("name", OPTAX)
def test_methods_step_as_optaxs(name):
    method, make = OPTAX[name]
    with jax.enable_x64(True):
        theirs, x = make(), jax.numpy.array(START)
        state, path = theirs.init(x), [START]
        for _ in range(STEPS):
            updates, state = theirs.update(gradient(x), state, x)
            x = optax.apply_updates(x, updates)
            path.append(np.asarray(x))
    np.testing.assert_allclose(path_of(method), path, rtol=1e-12, atol=1e-14)


def test_averages_of_the_path():
    plain = path_of(st.GradientDescent(0.05))
    averaged = st.minimize(
        quadratic,
        START,
        method=st.Averaged(st.GradientDescent(0.05), start=10),
        stop=st.MaxIterations(STEPS),
    )
    np.testing.assert_allclose(averaged.x, plain[11:].mean(axis=0), rtol=1e-12)
    assert averaged.loss == pytest.approx(quadratic(averaged.x), rel=1e-14)
    running = st.minimize(
        quadratic,
        START,
        method=st.Averaged(st.GradientDescent(0.05), decay=0.9),
        stop=st.MaxIterations(STEPS),
    )
    mean = plain[1]
    for x in plain[2:]:
        mean = 0.9 * mean + 0.1 * x
    np.testing.assert_allclose(running.x, mean, rtol=1e-12)


def test_gradient_descent_contracts_by_its_factor():
    eigenvalues, step = np.array([1.0, 3.0, 10.0]), 2 / 11  # the best: 2 / (largest + smallest)
    run = st.minimize(
        lambda x: 0.5 * np.sum(eigenvalues * x**2),
        np.array([1.0, 0.0, 1.0]),
        method=st.GradientDescent(step),
        stop=st.MaxIterations(50),
    )
    lengths = np.linalg.norm(run.history.x, axis=1)
    np.testing.assert_allclose(lengths[1:] / lengths[:-1], 9 / 11, rtol=1e-12)


def test_momentum_contracts_by_the_root_of_its_share():
    # Polyak 1964: with the best settings the spectral radius is the root of the momentum.
    low, high = 1.0, 100.0
    share = ((np.sqrt(high) - np.sqrt(low)) / (np.sqrt(high) + np.sqrt(low))) ** 2
    step = 4 / (np.sqrt(high) + np.sqrt(low)) ** 2
    run = st.minimize(
        lambda x: 0.5 * np.sum(np.array([low, high]) * x**2),
        np.ones(2),
        method=st.Momentum(step, share),
        stop=st.MaxIterations(400),
    )
    lengths = np.linalg.norm(run.history.x, axis=1)
    rate = (lengths[300] / lengths[100]) ** (1 / 200)
    assert rate == pytest.approx(np.sqrt(share), rel=0.01)
