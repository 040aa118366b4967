"""Arrays of every size: calls, data, networks, elementwise functions, compile time.

    python benchmarks/arrays.py

Peers take turns, each several times in a row, with a pause before: threads of BLAS and OpenMP
go on spinning for a while, and would slow down whoever comes next. Figures are medians over
rounds. A peer that is not installed is left out.
"""

from __future__ import annotations

import importlib.util
import time

import limits
import numpy as np
import peers
import scipy.special

import steepest as st

ROWS, COLUMNS, STEPS = 1_000_000, 32, 100
PAUSE, SHORT_PAUSE = 0.25, 0.02


def has(package):
    return importlib.util.find_spec(package) is not None


def turns(runners, repeats, rounds=9, pause=SHORT_PAUSE, account=None, rest=0.0):
    """Return the median seconds of each runner, or what it says itself of its last run.

    It runs once before it is measured, to wake up its threads, and may `rest` after that,
    for those to fall asleep that it will not need.
    """
    times = {name: [] for name in runners}
    for run in runners.values():
        run()
    for _ in range(rounds):
        for name, run in runners.items():
            time.sleep(pause)
            run()
            time.sleep(rest)
            start = time.perf_counter()
            for _ in range(repeats):
                answer = run()
            seconds = (time.perf_counter() - start) / repeats
            times[name].append(account(answer, seconds) if account else seconds)
    return {name: float(np.median(taken)) for name, taken in times.items()}


def jax_numpy():
    import jax

    jax.config.update("jax_enable_x64", True)
    return jax, jax.numpy


# Calls of value and gradient.


def rosenbrock_with(xp):
    return lambda x: xp.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def rosenbrock(x):
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def torch_call(loss, x):
    import torch

    def run():
        leaf = torch.tensor(x, requires_grad=True)
        value = loss(leaf)
        value.backward()
        return value.item(), leaf.grad.numpy()

    return run


def calls():
    """Value and gradient of Rosenbrock's function, called from Python with NumPy arrays."""
    compiled = st.compile(st.value_and_gradient(rosenbrock))
    result = {}
    for size in (2, 100, 10_000, 1_000_000):
        x = np.random.default_rng(0).normal(size=size)
        runners = {"steepest": lambda x=x: compiled(x)}
        if has("jax"):
            jax, jnp = jax_numpy()
            jitted = jax.jit(jax.value_and_grad(rosenbrock_with(jnp)))

            def jax_call(x=x, jitted=jitted):
                value, gradient = jitted(x)
                return float(value), np.asarray(gradient)

            runners["JAX"] = jax_call
        if has("torch"):
            import torch

            runners["torch eager"] = torch_call(rosenbrock_with(torch), x)
        result[f"{size:,} variables"] = turns(runners, max(20, min(300, 1_000_000 // size)))
    return result


# Losses over a million rows.


def data():
    random = np.random.default_rng(0)
    X, w = random.normal(size=(ROWS, COLUMNS)), random.normal(size=COLUMNS)
    return X, X @ w + random.normal(size=ROWS)


def squares(w, X, y):
    return np.mean((X @ w - y) ** 2)


def logistic(w, X, y):
    z = X @ w
    return np.mean(np.logaddexp(0.0, z) - y * z)


def regression(X, y):
    """A hundred steps of gradient descent on all rows: seconds of the whole call."""
    settings = {
        "args": (X, y),
        "method": st.GradientDescent(0.1),
        "stop": st.MaxIterations(STEPS),
        "record": None,
    }
    start = np.zeros(COLUMNS)

    def descend(threads):
        def run():
            before = st.get_num_threads()
            st.set_num_threads(threads)
            result = st.minimize(squares, start, **settings).x
            st.set_num_threads(before)
            return result

        return run

    def fast():
        return st.minimize(squares, start, **settings, fast=True).x

    runners = {
        "steepest": descend(2),
        "steepest, one thread": descend(1),
        "steepest, fast=True": fast,
    }
    if has("jax"):
        jax, jnp = jax_numpy()
        jX, jy = jnp.asarray(X), jnp.asarray(y)
        gradient = jax.grad(lambda w, X, y: jnp.mean((X @ w - y) ** 2))

        @jax.jit
        def train(w, X, y):
            return jax.lax.fori_loop(0, STEPS, lambda _, w: w - 0.1 * gradient(w, X, y), w)

        runners["JAX"] = lambda: np.asarray(train(start, jX, jy))
    if has("torch"):
        import torch

        tX, ty = torch.as_tensor(X), torch.as_tensor(y)

        def torch_train():
            w = torch.zeros(COLUMNS, dtype=torch.float64, requires_grad=True)
            for _ in range(STEPS):
                torch.mean((tX @ w - ty) ** 2).backward()
                with torch.no_grad():
                    w -= 0.1 * w.grad
                    w.grad = None
            return w.detach().numpy()

        runners["torch eager"] = torch_train

    def by_hand():
        w = start
        for _ in range(STEPS):
            w = w - 0.1 * (2 / ROWS) * (X.T @ (X @ w - y))
        return w

    runners["NumPy by hand"] = by_hand
    answers = [run() for run in runners.values()]
    for answer in answers[1:]:
        np.testing.assert_allclose(answer, answers[0], rtol=1e-9)
    return turns(runners, 1, rounds=3, pause=PAUSE)


def classification(X, y):
    """Loss and gradient of logistic regression, once."""
    y = (y > 0).astype(float)
    w = np.zeros(COLUMNS) + 0.1
    compiled = st.compile(st.value_and_gradient(logistic))
    runners = {"steepest": lambda: compiled(w, X, y)}
    if has("jax"):
        jax, jnp = jax_numpy()
        jX, jy = jnp.asarray(X), jnp.asarray(y)

        def loss(w, X, y):
            z = X @ w
            return jnp.mean(jnp.logaddexp(0.0, z) - y * z)

        jitted = jax.jit(jax.value_and_grad(loss))
        runners["JAX"] = lambda: jitted(w, jX, jy)[1].block_until_ready()
    if has("torch"):
        import torch

        tX, ty = torch.as_tensor(X), torch.as_tensor(y)

        def torch_loss():
            leaf = torch.tensor(w, requires_grad=True)
            torch.nn.functional.binary_cross_entropy_with_logits(tX @ leaf, ty).backward()
            return leaf.grad

        runners["torch eager"] = torch_loss
    if has("sklearn"):
        from sklearn._loss import HalfBinomialLoss
        from sklearn.linear_model._linear_loss import LinearModelLoss

        own = LinearModelLoss(base_loss=HalfBinomialLoss(), fit_intercept=False)
        runners["scikit-learn's own"] = lambda: own.loss_gradient(w, X, y, n_threads=2)
    return turns(runners, 3, rounds=7, pause=PAUSE)


# Elementwise functions.


def elementwise():
    """Functions alone and in a chain, on a thousand and on a million numbers."""

    def kinds(name):
        yield "NumPy", getattr(np, name, None) or getattr(scipy.special, name)
        if has("jax"):
            jax, jnp = jax_numpy()
            function = getattr(jnp, name, None) or getattr(jax.scipy.special, name)
            yield "JAX", jax.jit(function)
        if has("torch"):
            import torch

            yield "torch", getattr(torch, name)

    def chains():
        yield "NumPy", np
        if has("jax"):
            yield "JAX", jax_numpy()[1]
        if has("torch"):
            import torch

            yield "torch", torch

    result = {}
    for size in (1000, 1_000_000):
        x = np.random.default_rng(0).uniform(0.1, 3, size)
        own = {"NumPy": x}
        if has("jax"):
            own["JAX"] = jax_numpy()[1].asarray(x)
        if has("torch"):
            import torch

            own["torch"] = torch.as_tensor(x)
        for name in ("exp", "log", "tanh", "sin", "erf", "a chain of three"):
            if name == "a chain of three":
                peers = {}
                for peer, xp in chains():
                    function = _chain(xp)
                    peers[peer] = jax_numpy()[0].jit(function) if peer == "JAX" else function
                plain = _chain(np)
            else:
                peers = dict(kinds(name))
                plain = peers["NumPy"]
            compiled = st.compile(lambda x, plain=plain: plain(x))
            runners = {"steepest": lambda compiled=compiled: compiled(x)}
            for peer, function in peers.items():
                runners[peer] = _waiting(function, own[peer])
            taken = turns(runners, max(20, 100_000 // size))
            result[f"{name}, {size:,}"] = taken
    return result


def _chain(xp):
    return lambda x: xp.exp(xp.sin(x) * xp.tanh(x))


def _waiting(function, x):
    def run():
        result = function(x)
        if hasattr(result, "block_until_ready"):
            result.block_until_ready()
        return result

    return run


# What a gradient costs, how cost grows, how long compiling takes.

LOSSES = {
    "sum of squares": lambda x: np.sum(x * x),
    "Rosenbrock": rosenbrock,
    "log-sum-exp": lambda x: np.log(np.sum(np.exp(x - np.max(x)))) + np.max(x),
    "norm": lambda x: np.sqrt(np.sum(x * x) + 1.0),
    "Huber": lambda x: np.sum(np.where(np.abs(x) < 1, 0.5 * x * x, np.abs(x) - 0.5)),
    "soft absolute": lambda x: np.sum(np.sqrt(1 + x * x) - 1),
    "Cauchy": lambda x: np.sum(np.log1p(x * x)),
    "Rastrigin": lambda x: np.sum(x * x - 10 * np.cos(2 * np.pi * x) + 10),
    "total variation": lambda x: np.sum(np.sqrt((x[1:] - x[:-1]) ** 2 + 1e-3)),
    "logistic": lambda x: np.mean(np.logaddexp(0.0, -x)),
    "variance": lambda x: np.var(x),
    "tanh of tanh": lambda x: np.sum(np.tanh(np.tanh(x) * 2.0)),
}


def gradient_to_value():
    """How many times as long value and gradient take as the value alone."""
    result = {}
    for name, loss in LOSSES.items():
        value, both = st.compile(lambda x, f=loss: f(x)), st.compile(st.value_and_gradient(loss))
        ratios = {}
        for size in (10, 1000, 100_000, 1_000_000):
            x = np.random.default_rng(0).normal(size=size)
            runners = {"value": lambda x=x: value(x), "both": lambda x=x: both(x)}
            taken = turns(runners, max(20, 200_000 // size))
            ratios[f"{size:,}"] = taken["both"] / taken["value"]
        result[name] = ratios
    return result


def growth():
    """Seconds of value and gradient of Rosenbrock's function, by size."""
    compiled = st.compile(st.value_and_gradient(rosenbrock))
    result = {}
    for power in range(2, 8):
        x = np.random.default_rng(0).normal(size=10**power)
        repeats = max(5, 10**6 // 10**power)
        result[f"{10**power:,}"] = turns({"steepest": lambda x=x: compiled(x)}, repeats)[
            "steepest"
        ]
    return result


def compile_times():
    """Seconds to trace and compile value and gradient, by operations of the function."""
    result = {}
    for count in (10, 100, 1000, 10_000):

        def long(x, count=count):
            for i in range(count // 2):
                x = x * (1.0 + 1e-6 * i) + 1e-3 * x[0]
            return np.sum(x)

        taken = {}
        x = np.ones(3)
        start = time.perf_counter()
        st.compile(st.value_and_gradient(long))(x)
        taken["steepest"] = time.perf_counter() - start
        if has("jax") and count <= 1000:  # ten thousand take minutes
            jax, jnp = jax_numpy()

            def same(x, count=count):
                for i in range(count // 2):
                    x = x * (1.0 + 1e-6 * i) + 1e-3 * x[0]
                return jnp.sum(x)

            start = time.perf_counter()
            jax.jit(jax.value_and_grad(same))(x)[1].block_until_ready()
            taken["JAX"] = time.perf_counter() - start
        result[f"{count:,} operations"] = taken
    return result


def networks():
    """Seconds of a step; steepest's own last look at all data is left out."""
    result = {}
    for name, makers, steps in (
        ("64-32-10 tanh, batch 32", peers.DIGITS, peers.DIGITS_STEPS),
        ("784-256-128-10 relu, batch 128", peers.WIDE, peers.WIDE_STEPS),
    ):
        runners = {peer: make() for peer, make in makers.items() if has(peers.PACKAGES[peer])}
        # Some peers' threads are the faster for being awake, others lose by those that spin.
        medians = {}
        for rest in (0.0, PAUSE):
            taken = turns(runners, 1, pause=PAUSE, account=_without_last_look, rest=rest)
            medians = {peer: min(taken[peer], medians.get(peer, np.inf)) for peer in taken}
        result[name] = {peer: seconds / steps for peer, seconds in medians.items()}
    return result


def _without_last_look(answer, seconds):
    return answer.timings.run if isinstance(answer, st.Result) else seconds


def measure():
    """Return all figures."""
    X, y = data()
    own = limits.all_limits()
    linear = regression(X, y)
    moved = X.nbytes + y.nbytes
    rates = {
        name: STEPS * moved / linear[name] / limits.read_bandwidth(threads)
        for name, threads in (("steepest", 2), ("steepest, one thread", 1))
    }
    return {
        "limits": own,
        "calls": calls(),
        "linear regression, 100 steps": linear,
        "of the bandwidth": rates,
        "logistic regression, loss and gradient": classification(X, y),
        "networks, each step": networks(),
        "elementwise": elementwise(),
        "gradient to value": gradient_to_value(),
        "growth": growth(),
        "compile": compile_times(),
    }


def tables(figures):
    """Yield (title, columns, rows) of text."""
    yield (
        "What this machine can do",
        ("", ""),
        [(name, f"{value:.3g}") for name, value in figures["limits"].items()],
    )
    timed = (
        "calls",
        "linear regression, 100 steps",
        "logistic regression, loss and gradient",
        "networks, each step",
        "elementwise",
        "compile",
    )
    for title in timed:
        found = figures[title]
        groups = found if isinstance(next(iter(found.values())), dict) else {"": found}
        rows = []
        for group, taken in groups.items():
            own = taken["steepest"]
            for name, seconds in taken.items():
                rows.append((group, name, time_of(seconds), f"{seconds / own:.2f}"))
                group = ""
        yield title, ("", "", "time", "to steepest"), rows
    rates = figures["of the bandwidth"]
    rows = [(name, f"{rate:.0%}") for name, rate in rates.items()]
    yield "linear regression, of the bandwidth of reading", ("", ""), rows
    ratios = figures["gradient to value"]
    sizes = list(next(iter(ratios.values())))
    rows = [(name, *(f"{r[size]:.2f}" for size in sizes)) for name, r in ratios.items()]
    yield "value and gradient, to the value alone", ("", *sizes), rows
    rows = [(size, time_of(seconds)) for size, seconds in figures["growth"].items()]
    yield "Rosenbrock's value and gradient, by size", ("", "time"), rows


def markdown(figures):
    """Return the tables as in docs/speed.md."""
    lines = []
    for title, columns, rows in tables(figures):
        lines += ["", f"**{title}**", "", f"| {' | '.join(columns)} |"]
        texts = [
            number == 0 or (not column and len(columns) > 2)
            for number, column in enumerate(columns)
        ]
        lines.append("| " + " | ".join("---" if is_text else "---:" for is_text in texts) + " |")
        lines += [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join(lines)


def time_of(seconds):
    for unit, factor in (("s", 1), ("ms", 1e3), ("us", 1e6)):
        if seconds * factor >= 1:
            return f"{seconds * factor:.3g} {unit}"
    return f"{seconds * 1e9:.0f} ns"


def show(console, figures):
    from rich.table import Table

    for title, columns, rows in tables(figures):
        table = Table(title=title, title_justify="left")
        for number, column in enumerate(columns):
            is_text = number == 0 or (column == "" and len(columns) > 2)
            table.add_column(column, justify="left" if is_text else "right")
        for row in rows:
            table.add_row(*row)
        console.print(table)


if __name__ == "__main__":
    from rich.console import Console

    show(Console(width=100), measure())
