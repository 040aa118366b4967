"""Checks and figures of the torch engine on a GPU, in less than four minutes.

    python benchmarks/gpu.py [--device cuda] [--seconds 220] [--json gpu.json]
    python benchmarks/gpu.py --device cpu          # the same in small, to try the script

Without a GPU it says so and ends. Results are compared with those of machine code on the CPU. The
peers: JAX's vmap where JAX has the device, torch with torch.optim, and torch.compile. Times are
the best of several runs of what was compiled before; first runs have rows of their own.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import itertools
import json
import sys
import time

import numpy as np
import torch

import steepest as st

SIZES = {
    "cuda": {
        "iterations": 600,
        "fits": (100_000, 1_000_000),
        "batches": (256, 4096),
        "steps": 500,
        "rows": 1_000_000,
    },
    "cpu": {"iterations": 100, "fits": (200,), "batches": (32,), "steps": 40, "rows": 2_000},
}
T = np.linspace(0, 4, 20)
WAITS = ("item", "tolist", "cpu", "nonzero", "__bool__", "__float__", "__int__")


def decay(t, amplitude, rate, offset):
    return amplitude * np.exp(-rate * t) + offset


def rosenbrock(x):
    return np.sum((1 - x[:-1]) ** 2 + 100 * (x[1:] - x[:-1] ** 2) ** 2)


def cross_entropy(p, x, labels):
    for weight, bias in p[:-1]:
        x = np.tanh(x @ weight + bias)
    z = x @ p[-1][0] + p[-1][1]
    z = z - np.max(z, axis=1, keepdims=True)
    return np.mean(np.log(np.sum(np.exp(z), axis=1)) - np.sum(z * labels, axis=1))


def logistic(w, x, y):
    return np.mean(np.logaddexp(0.0, -y * (x @ w)))


class Table:
    """Prints rows as they come, and keeps them."""

    def __init__(self, seconds, eager):
        self.eager, self.rows = eager, []
        self.end = time.perf_counter() + seconds
        print(f"{'what':44} {'who':26} {'figure':>12} unit")

    def add(self, what, who, figure, unit):
        self.rows.append({"what": what, "who": who, "figure": figure, "unit": unit})
        print(f"{what:44} {who:26} {figure:12.4g} {unit}", flush=True)

    def is_late(self, what):
        """Whether there is no time left, or it needs a compiler; what is left out is said."""
        if self.eager and "compile" in what:
            return True
        late = time.perf_counter() > self.end
        if late:
            print(f"{what}: left out, the time is over")
        return late


@contextlib.contextmanager
def counted_waits():
    """Yield a list that gets the name of each call that waits for the device."""
    names = {getattr(torch.Tensor, name): name for name in WAITS}
    met = []

    class Counter(torch.overrides.TorchFunctionMode):
        def __torch_function__(self, function, types, args=(), kwargs=None):
            if function in names:
                met.append(names[function])
            return function(*args, **(kwargs or {}))

    with Counter():
        yield met


def timed(run, device, repeats=3):
    """Return seconds of the first run, the best of the others, and what the last one returned."""
    seconds = []
    for _ in range(repeats + 1):
        began = time.perf_counter()
        found = run()
        if device != "cpu":
            torch.cuda.synchronize()
        seconds.append(time.perf_counter() - began)
    return seconds[0], min(seconds[1:]), found


def check(table, device, iterations):
    """Compare descents with those that look at each iteration, and with machine code."""
    start, stop = np.array([-1.2, 1.0, 0.5]), st.MaxIterations(iterations) | st.LossBelow(1e-9)
    for method in (st.GradientDescent(1e-3), st.Adam(0.01), st.LBFGS(), st.BFGS()):

        def run(engine, method=method):
            return st.minimize(rosenbrock, start, method=method, stop=stop, engine=engine)

        native, looking = run("native"), run(st.engines.Torch(device, check_every=1))
        with counted_waits() as met:
            ahead = run(st.engines.Torch(device, check_every=64))
        queued = run(st.engines.Torch(device, check_every=64, capture=False))
        for other, name in ((queued, "queued one by one"), (ahead, "captured")):
            same = np.array_equal(other.vector, looking.vector)
            same &= np.array_equal(other.history.loss, looking.history.loss)
            assert other.iterations == looking.iterations, (name, method)
            assert same or (name == "captured" and device != "cpu"), (name, method)
            table.add(f"{type(method).__name__}: every bit as looking each time", name, same, "")
        far = np.max(
            np.abs(ahead.vector - native.vector) / np.maximum(np.abs(native.vector), 1e-9)
        )
        assert far < 1e-5, (method, far)
        name = type(method).__name__
        table.add(f"{name}: difference from machine code", "relative", far, "")
        table.add(f"{name}: waits in {ahead.evaluations} evaluations", "steepest", len(met), "")


def fits(table, device, number):
    """Fit three parameters to 20 points, many times."""
    random = np.random.default_rng(0)
    truth = random.uniform([1, 0.5, 0], [3, 2, 1], (number, 3))
    y = decay(T, *(truth.T[..., None])) + 0.02 * random.normal(size=(number, 20))
    what, start = f"{number} fits of 3 parameters, 20 points", np.array([1.0, 1.0, 0.0])
    engines = {
        "machine code, CPU": "native",
        "torch": st.engines.Torch(device),
        "torch, compiled": st.engines.Torch(device, compiled=True),
    }
    expected = None
    for who, engine in engines.items():
        if table.is_late(f"{what}, {who}"):
            continue
        first, best, many = timed(
            lambda engine=engine: st.curve_fit_many(decay, T, y, start, engine=engine), device, 2
        )
        table.add(what, who, best / number * 1e9, "ns a fit")
        table.add(what, f"{who}: first call", first, "s")
        if expected is None:
            expected = many
            continue
        assert many.side_by_side
        assert np.mean(many.iterations == expected.iterations) > 0.999
        np.testing.assert_allclose(many.x, expected.x, rtol=1e-6, atol=1e-9)
        table.add(what, f"{who}: same bits", np.mean(many.x == expected.x), "of all numbers")
    jax_fits(table, device, what, y, start, expected)


def jax_fits(table, device, what, y, start, expected):
    """Fit with JAX: Levenberg-Marquardt in a while_loop, under vmap."""
    if importlib.util.find_spec("jax") is None or table.is_late(f"{what}, JAX"):
        return
    import jax

    kind = {"cuda": "gpu"}.get(device.partition(":")[0], "cpu")
    if jax.default_backend() != kind:
        print(f"{what}: JAX has no {kind}")
        return
    jax.config.update("jax_enable_x64", True)
    import jax.numpy as jnp

    def residual(p, row):
        return p[0] * jnp.exp(-p[1] * T) + p[2] - row

    def fit(row):
        def goes_on(carry):
            _, _, change, count, _ = carry
            return (change > 1e-12) & (count < 100)

        def step(carry):
            p, loss, change, count, damping = carry
            j, r = jax.jacfwd(residual)(p, row), residual(p, row)
            a = j.T @ j
            new = p - jnp.linalg.solve(a + damping * jnp.diag(jnp.diag(a)), j.T @ r)
            after = jnp.sum(residual(new, row) ** 2)
            better = after < loss
            change = jnp.where(better, (loss - after) / loss, change)
            return (
                jnp.where(better, new, p),
                jnp.where(better, after, loss),
                change,
                count + 1,
                jnp.where(better, damping / 10, damping * 10),
            )

        first = (jnp.asarray(start), jnp.sum(residual(start, row) ** 2), 1.0, 0, 1e-3)
        return jax.lax.while_loop(goes_on, step, first)[0]

    many = jax.jit(jax.vmap(fit))
    first, best, x = timed(lambda: np.asarray(many(y)), device, 2)
    table.add(what, "JAX vmap", best / len(y) * 1e9, "ns a fit")
    table.add(what, "JAX vmap: first call", first, "s")
    table.add(what, "JAX vmap: within 1e-5", np.mean(np.isclose(x, expected.x, 1e-5)), "of all")


def network(table, device, size, steps):
    """Train a network: 64-256-256-10, float32, Adam."""
    random = np.random.default_rng(0)
    widths = (64, 256, 256, 10)
    p = [
        (random.normal(size=(a, b)).astype(np.float32) / np.sqrt(np.float32(a)), np.zeros(b, "f4"))
        for a, b in itertools.pairwise(widths)
    ]
    x = random.normal(size=(16 * size, 64)).astype(np.float32)
    labels = np.eye(10, dtype=np.float32)[random.integers(0, 10, 16 * size)]
    what = f"step of a network, batch {size}"
    losses = {}
    for who, more in (("steepest, torch", {}), ("steepest, torch compiled", {"compiled": True})):
        if table.is_late(f"{what}, {who}"):
            continue
        batches = st.Batches(size, epochs=max(1, steps // 16))

        def train(more=more, batches=batches):
            engine = st.engines.Torch(device, **more)
            return st.minimize(
                cross_entropy, p, args=(x, labels), batches=batches, method=st.Adam(1e-3),
                engine=engine,
            )  # fmt: skip

        first, best, run = timed(train, device)
        losses[who] = run.loss
        table.add(what, who, best / run.iterations * 1e6, "us")
        table.add(what, f"{who}: first run", first, "s")
    values = list(losses.values())
    np.testing.assert_allclose(values[1:], values[0], rtol=1e-2)
    torch_network(table, device, what, (p, x, labels), size, steps)


def torch_network(table, device, what, given, size, steps):
    """Train the same network with torch.optim, and with torch.compile."""
    p, x, labels = given
    layers = []
    for weight, bias in p:
        layer = torch.nn.Linear(*weight.shape)
        layer.weight.data, layer.bias.data = torch.tensor(weight.T), torch.tensor(bias)
        layers += [layer, torch.nn.Tanh()]
    model = torch.nn.Sequential(*layers[:-1]).to(device)
    x, targets = torch.tensor(x, device=device), torch.tensor(labels.argmax(1), device=device)
    loss = torch.nn.functional.cross_entropy
    kinds = {"torch.optim": lambda f: f, "torch.optim, torch.compile": torch.compile}
    for who, wrap in kinds.items():
        if table.is_late(f"{what}, {who}"):
            continue
        forward = wrap(lambda rows: loss(model(x[rows]), targets[rows]))
        optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)

        def train(forward=forward, optimizer=optimizer):
            for _ in range(max(1, steps // 16)):
                for rows in torch.randperm(len(x), device=device).split(size):
                    optimizer.zero_grad()
                    forward(rows).backward()
                    optimizer.step()

        first, best, _ = timed(train, device)
        table.add(what, who, best / (16 * max(1, steps // 16)) * 1e6, "us")
        table.add(what, f"{who}: first run", first, "s")


def regression(table, device, rows, steps):
    """Descend the loss of a logistic regression with 32 features over all rows."""
    random = np.random.default_rng(0)
    x = random.normal(size=(rows, 32))
    y = np.sign(x @ random.normal(size=32) + random.normal(size=rows))
    what, stop, method = (
        f"logistic regression, {rows} x 32",
        st.MaxIterations(steps),
        st.Nesterov(1.0),
    )
    expected = None
    for who, engine in (
        ("machine code, CPU", "native"),
        ("torch", st.engines.Torch(device)),
        ("torch, compiled", st.engines.Torch(device, compiled=True)),
    ):
        if table.is_late(f"{what}, {who}"):
            continue

        def run(engine=engine):
            return st.minimize(
                logistic, np.zeros(32), args=(x, y), method=method, stop=stop, engine=engine
            )

        _, _, found = timed(run, device, 1)
        table.add(what, who, found.timings.run / found.evaluations * 1e6, "us an iteration")
        expected = expected or found
        np.testing.assert_allclose(found.vector, expected.vector, rtol=1e-6)
    if table.is_late(f"{what}, torch by hand"):
        return
    on_device, signs = torch.tensor(x, device=device), torch.tensor(y, device=device)

    def by_hand():
        w = torch.zeros(32, dtype=torch.float64, device=device, requires_grad=True)
        optimizer = torch.optim.SGD([w], lr=1.0, momentum=0.9, nesterov=True)
        for _ in range(steps):
            optimizer.zero_grad()
            torch.mean(torch.nn.functional.softplus(-signs * (on_device @ w))).backward()
            optimizer.step()

    _, best, _ = timed(by_hand, device, 1)
    table.add(what, "torch.optim", best / steps * 1e6, "us an iteration")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--seconds", type=float, default=220.0, help="when to leave out the rest")
    parser.add_argument("--eager", action="store_true", help="leave torch.compile out")
    parser.add_argument("--json", help="a file for the figures")
    options = parser.parse_args()
    device = options.device
    kind = device.partition(":")[0]
    if kind == "cuda" and not torch.cuda.is_available():
        print("benchmarks/gpu.py: there is no CUDA device here, so nothing was measured.")
        return 0
    sizes = SIZES["cuda" if kind == "cuda" else "cpu"]
    name = torch.cuda.get_device_name(device) if kind == "cuda" else "CPU"
    print(f"{name}, torch {torch.__version__}, steepest {st.__version__}")
    table = Table(options.seconds, options.eager)
    check(table, device, sizes["iterations"])
    for number in sizes["fits"]:
        fits(table, device, number)
    for size in sizes["batches"]:
        network(table, device, size, sizes["steps"])
    regression(table, device, sizes["rows"], min(100, sizes["steps"]))
    if options.json:
        from steepest.files import write_atomically

        write_atomically(options.json, json.dumps(table.rows, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
