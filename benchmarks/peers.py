"""The same work written for each peer, as its users would write it.

Every entry makes a function without arguments that does the whole work once and returns
(x, loss, iterations).
"""

from __future__ import annotations

import functools
import itertools

import numpy as np

import steepest as st
from steepest.lesson import digits

STEP, GOAL, LIMIT = 0.001, 0.001, 100_000
PACKAGES = {
    "steepest": "steepest",
    "steepest, loop alone": "steepest",
    "steepest, x recorded too": "steepest",
    "hand-written Numba loop": "numba",
    "JAX while_loop": "jax",
    "JAX scan": "jax",
    "NumPy by hand": "numpy",
    "autograd": "autograd",
    "torch eager": "torch",
}
SLOW = {"torch eager", "autograd", "NumPy by hand"}


def rosenbrock(x):
    return (1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2


def steepest_rosenbrock(record=None):
    x0 = np.zeros(2)
    method = st.GradientDescent(STEP)
    stop = st.LossBelow(GOAL) | st.MaxIterations(LIMIT)

    def run():
        result = st.minimize(rosenbrock, x0, method=method, stop=stop, record=record)
        return result.x, result.loss, result.iterations

    return run


def steepest_loop_alone():
    """The machine code of the descent, and what resets it."""
    from steepest.descent.iteration.trace import trace_iteration
    from steepest.descent.problem.objective import Objective
    from steepest.descent.problem.parameters import ravel_parameters
    from steepest.engines import Native, Program, Start

    layout, x0 = ravel_parameters(np.zeros(2))
    stop = st.LossBelow(GOAL) | st.MaxIterations(LIMIT)
    method = st.GradientDescent(STEP)
    built = trace_iteration(Objective(rosenbrock), layout, x0, (), method, stop, layout.dtype)
    descent = Native().prepare(Program((built.iteration,), (), None, False))(Start(x0, [], []))

    descent.advance(1)
    call, table = descent.machine_code()

    def run():
        descent.restart(x0)
        call(table, LIMIT + 1, 0)
        return descent.x, descent.loss, descent.count

    return run


def steepest_timings():
    """Return a first descent's own account, for a loss that was not seen before."""

    def fresh(x):
        return (1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2 + 0.0 * x[0]

    run = st.minimize(fresh, np.zeros(2), method=st.GradientDescent(STEP), stop=st.LossBelow(GOAL))
    return {"trace": run.timings.trace, "compile": run.timings.compile, "run": run.timings.run}


def numba_rosenbrock():
    import numba

    @numba.njit
    def descend(x, y):
        count = 0
        while True:
            u = y - x * x
            loss = (1 - x) * (1 - x) + 100 * u * u
            if loss <= GOAL or count >= LIMIT:
                return x, y, loss, count
            gx, gy = -2 + 2 * x - 400 * u * x, 200 * u
            x, y, count = x - STEP * gx, y - STEP * gy, count + 1

    def run():
        x, y, loss, count = descend(0.0, 0.0)
        return np.array([x, y]), loss, count

    return run


def jax_rosenbrock():
    import jax

    jax.config.update("jax_enable_x64", True)
    import jax.numpy as jnp

    loss_and_gradient = jax.value_and_grad(rosenbrock)

    @jax.jit
    def descend(x):
        def proceed(state):
            _, loss, _, count = state
            return (loss > GOAL) & (count < LIMIT)

        def step(state):
            x, _, gradient, count = state
            x = x - STEP * gradient
            return (x, *loss_and_gradient(x), count + 1)

        return jax.lax.while_loop(proceed, step, (x, *loss_and_gradient(x), 0))

    def run():
        x, loss, _, count = descend(jnp.zeros(2))
        return np.asarray(x), float(loss), int(count)

    return run


def numpy_rosenbrock():
    def run():
        x, y, count = 0.0, 0.0, 0
        while True:
            u = y - x * x
            loss = (1 - x) ** 2 + 100 * u * u
            if loss <= GOAL or count >= LIMIT:
                return np.array([x, y]), loss, count
            gradient = np.array([-2 + 2 * x - 400 * u * x, 200 * u])
            x, y = np.array([x, y]) - STEP * gradient
            count += 1

    return run


def autograd_rosenbrock():
    import autograd

    loss_and_gradient = autograd.value_and_grad(rosenbrock)

    def run():
        x, count = np.zeros(2), 0
        while True:
            loss, gradient = loss_and_gradient(x)
            if loss <= GOAL or count >= LIMIT:
                return x, loss, count
            x, count = x - STEP * gradient, count + 1

    return run


def torch_rosenbrock():
    import torch

    def run():
        x, count = torch.zeros(2, dtype=torch.float64, requires_grad=True), 0
        while True:
            loss = rosenbrock(x)
            if loss <= GOAL or count >= LIMIT:
                return x.detach().numpy(), loss.item(), count
            loss.backward()
            with torch.no_grad():
                x -= STEP * x.grad
                x.grad.zero_()
            count += 1

    return run


ROSENBROCK = {
    "steepest": steepest_rosenbrock,
    "steepest, loop alone": steepest_loop_alone,
    "steepest, x recorded too": functools.partial(steepest_rosenbrock, "auto"),
    "hand-written Numba loop": numba_rosenbrock,
    "JAX while_loop": jax_rosenbrock,
    "NumPy by hand": numpy_rosenbrock,
    "autograd": autograd_rosenbrock,
    "torch eager": torch_rosenbrock,
}


# The digits network: 40 whole batches of 32 an epoch, so that all peers do the same steps.

EPOCHS, BATCH = 20, 32
SAMPLES = 40 * BATCH
DIGITS_STEPS = EPOCHS * 40
RATE = np.float32(0.1)


@functools.cache
def digits_data():
    images, _, labels, _ = digits.load()
    return images[:SAMPLES], labels[:SAMPLES]


def digits_order():
    batches = st.Batches(size=BATCH, epochs=EPOCHS, seed=0)
    orders = [batches.order(SAMPLES, epoch) for epoch in range(EPOCHS)]
    return np.concatenate(orders).reshape(-1, BATCH)


def steepest_digits():
    images, labels = digits_data()
    start = digits.start()
    settings = {
        "args": (images, labels),
        "method": st.GradientDescent(0.1),
        "batches": st.Batches(size=BATCH, epochs=EPOCHS, seed=0),
        "record": None,
    }
    return lambda: st.minimize(digits.loss, start, **settings)


def jax_digits():
    import jax
    import jax.numpy as jnp

    images, labels = digits_data()

    def loss(network, X, y):
        hidden = jnp.tanh(X @ network["hidden"]["weights"] + network["hidden"]["bias"])
        scores = hidden @ network["output"]["weights"] + network["output"]["bias"]
        chosen = jnp.take_along_axis(jax.nn.log_softmax(scores), y[:, None], axis=1)
        return -jnp.mean(chosen)

    @jax.jit
    def train(network, images, labels, order):
        def step(network, rows):
            value, gradient = jax.value_and_grad(loss)(network, images[rows], labels[rows])
            return jax.tree.map(lambda p, g: p - RATE * g, network, gradient), value

        return jax.lax.scan(step, network, order)

    def run():
        return float(train(digits.start(), images, labels, digits_order())[1][-1])

    return run


def numpy_digits():
    images, labels = digits_data()

    def run():
        network = digits.start()
        w1, b1 = network["hidden"]["weights"], network["hidden"]["bias"]
        w2, b2 = network["output"]["weights"], network["output"]["bias"]
        for rows in digits_order():
            X, y = images[rows], labels[rows]
            hidden = np.tanh(X @ w1 + b1)
            scores = hidden @ w2 + b2
            powers = np.exp(scores - scores.max(axis=1, keepdims=True))
            slope = powers / powers.sum(axis=1, keepdims=True)
            slope[np.arange(BATCH), y] -= 1
            slope /= np.float32(BATCH)
            inner = (slope @ w2.T) * (1 - hidden * hidden)
            w2, b2 = w2 - RATE * (hidden.T @ slope), b2 - RATE * slope.sum(axis=0)
            w1, b1 = w1 - RATE * (X.T @ inner), b1 - RATE * inner.sum(axis=0)
        return float(w1[0, 0])

    return run


def torch_digits():
    import torch

    images, labels = map(torch.as_tensor, digits_data())

    def run():
        network = digits.start()
        parameters = [
            torch.tensor(network[layer][name], requires_grad=True)
            for layer in ("hidden", "output")
            for name in ("weights", "bias")
        ]
        w1, b1, w2, b2 = parameters
        optimizer = torch.optim.SGD(parameters, lr=0.1)
        for rows in torch.as_tensor(digits_order()):
            scores = torch.tanh(images[rows] @ w1 + b1) @ w2 + b2
            loss = torch.nn.functional.cross_entropy(scores, labels[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        return loss.item()

    return run


DIGITS = {
    "steepest": steepest_digits,
    "JAX scan": jax_digits,
    "NumPy by hand": numpy_digits,
    "torch eager": torch_digits,
}

# A larger network, 784-256-128-10 with rectified units: numbers in place of pictures.

WIDTHS, WIDE_BATCH, WIDE_EPOCHS = (784, 256, 128, 10), 128, 2
WIDE_SAMPLES = 20 * WIDE_BATCH
WIDE_STEPS = WIDE_EPOCHS * 20


@functools.cache
def wide_data():
    random = np.random.default_rng(0)
    X = random.normal(size=(WIDE_SAMPLES, WIDTHS[0])).astype(np.float32)
    return X, random.integers(0, WIDTHS[-1], WIDE_SAMPLES)


def wide_start():
    random = np.random.default_rng(1)
    sizes = list(itertools.pairwise(WIDTHS))
    weights = [(random.normal(size=size) / np.sqrt(size[0])).astype(np.float32) for size in sizes]
    return {"weights": weights, "biases": [np.zeros(n, np.float32) for n in WIDTHS[1:]]}


def wide_batches():
    return st.Batches(size=WIDE_BATCH, epochs=WIDE_EPOCHS, seed=0)


def wide_order():
    orders = [wide_batches().order(WIDE_SAMPLES, epoch) for epoch in range(WIDE_EPOCHS)]
    return np.concatenate(orders).reshape(-1, WIDE_BATCH)


def wide_loss(network, X, y):
    *hidden, (last_weights, last_biases) = zip(network["weights"], network["biases"], strict=True)
    for weights, biases in hidden:
        X = np.maximum(X @ weights + biases, 0)
    scores = st.log_softmax(X @ last_weights + last_biases, axis=1)
    return -np.mean(np.take_along_axis(scores, y[:, None], axis=1))


def steepest_wide():
    X, y = wide_data()
    settings = {"method": st.GradientDescent(0.1), "batches": wide_batches(), "record": None}
    return lambda: st.minimize(wide_loss, wide_start(), args=(X, y), **settings)


def jax_wide():
    import jax
    import jax.numpy as jnp

    X, y = wide_data()

    def loss(network, X, y):
        layers = zip(network["weights"], network["biases"], strict=True)
        *hidden, (last_weights, last_biases) = layers
        for weights, biases in hidden:
            X = jnp.maximum(X @ weights + biases, 0)
        scores = jax.nn.log_softmax(X @ last_weights + last_biases)
        return -jnp.mean(jnp.take_along_axis(scores, y[:, None], axis=1))

    @jax.jit
    def train(network, X, y, order):
        def step(network, rows):
            value, gradient = jax.value_and_grad(loss)(network, X[rows], y[rows])
            return jax.tree.map(lambda p, g: p - RATE * g, network, gradient), value

        return jax.lax.scan(step, network, order)

    return lambda: float(train(wide_start(), X, y, wide_order())[1][-1])


def torch_wide():
    import torch

    X, y = map(torch.as_tensor, wide_data())

    def run():
        start = wide_start()
        layers = [
            (torch.tensor(weights, requires_grad=True), torch.tensor(biases, requires_grad=True))
            for weights, biases in zip(start["weights"], start["biases"], strict=True)
        ]
        optimizer = torch.optim.SGD([p for layer in layers for p in layer], lr=0.1)
        for rows in torch.as_tensor(wide_order()):
            out = X[rows]
            for weights, biases in layers[:-1]:
                out = torch.relu(out @ weights + biases)
            out = out @ layers[-1][0] + layers[-1][1]
            loss = torch.nn.functional.cross_entropy(out, y[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        return loss.item()

    return run


WIDE = {"steepest": steepest_wide, "JAX scan": jax_wide, "torch eager": torch_wide}

_COLD_STEEPEST = """
import numpy as np, steepest as st
def rosenbrock(x):
    return (1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2
run = st.minimize(rosenbrock, np.zeros(2), method=st.GradientDescent(0.001),
                  stop=st.LossBelow(0.001) | st.MaxIterations(100_000))
assert run.iterations == 5771
"""

_COLD_JAX = """
import jax
jax.config.update("jax_enable_x64", True)
import jax.numpy as jnp
def rosenbrock(x):
    return (1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2
loss_and_gradient = jax.value_and_grad(rosenbrock)
def proceed(state):
    return (state[1] > 0.001) & (state[3] < 100_000)
def step(state):
    x = state[0] - 0.001 * state[2]
    return (x, *loss_and_gradient(x), state[3] + 1)
@jax.jit
def descend(x):
    return jax.lax.while_loop(proceed, step, (x, *loss_and_gradient(x), 0))
assert int(descend(jnp.zeros(2))[3]) == 5771
"""

COLD = {"steepest": _COLD_STEEPEST, "JAX while_loop": _COLD_JAX}
