"""Differential equations in losses: value, gradient and a fit, beside diffrax and SciPy.

    python benchmarks/odes.py [--rounds 30] [name ...]

Each loss sums a solution of tolerance 1e-6 with weights. Methods of the same order solve it:
RK45 and Dopri5 (the same formulas), and Radau and Kvaerno5 for stiff systems. All are called in
turns in one process; a number is a median. First calls include tracing and compilation.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time

os.environ.setdefault("STEEPEST_CACHE_DIR", "")

import numpy as np
from scipy.integrate import solve_ivp
from scipy.optimize import least_squares

import steepest as st
from steepest.engines.native.jit import background

TOLERANCE = {"rtol": 1e-6, "atol": 1e-9}


def lotka_volterra(xp, t, y, p):
    return xp.stack([p[0] * y[0] - p[1] * y[0] * y[1], p[3] * y[0] * y[1] - p[2] * y[1]])


def pendulum(xp, t, y, p):
    return xp.stack([y[1], -p[0] * xp.sin(y[0]) - p[1] * y[1]])


def robertson(xp, t, y, p):
    first, second, third = p[0] * y[0], p[1] * y[1] * y[2], p[2] * y[1] ** 2
    return xp.stack([second - first, first - second - third, third])


def network(xp, t, y, p):
    number = np.arange(20)
    flow = np.exp(4 * np.sin(number)) * p[0] * y
    back = p[1] * number * y**2
    return xp.roll(flow, 1) - flow - back + xp.roll(back, -1)


# Right-hand side, start, end of time, parameters, method of SciPy, method of diffrax.
PROBLEMS = {
    "Lotka-Volterra": (
        lotka_volterra, [10.0, 5.0], 10.0, [1.1, 0.4, 0.4, 0.1], "RK45", "Dopri5",
    ),
    "pendulum": (pendulum, [1.0, 0.0], 10.0, [9.81, 0.2], "RK45", "Dopri5"),
    "Robertson": (robertson, [1.0, 0.0, 0.0], 300.0, [0.04, 1e4, 3e7], "Radau", "Kvaerno5"),
    "20 species": (network, np.ones(20), 20.0, [1.0, 0.3], "Radau", "Kvaerno5"),
}  # fmt: skip


def ours(name):
    """Return the loss in NumPy, and what computes value, forward and reverse derivative."""
    rhs, start, end, p, method, _ = PROBLEMS[name]
    start, p = np.array(start), np.array(p)
    times = np.linspace(0.0, end, 26)[1:]
    weights = np.cos(np.arange(start.size * times.size)).reshape(start.size, -1)

    def loss(p):
        found = solve_ivp(
            lambda t, y: rhs(np, t, y, p), (0.0, end), start, method, times, **TOLERANCE
        )
        return np.sum(weights * found.y)

    value, valued = st.compile(loss), st.compile(st.value_and_gradient(loss))
    pushed = st.compile(lambda p, v: st.pushforward(loss, (p,), (v,)))
    return {
        "SciPy": lambda: loss(p),
        "value": lambda: value(p),
        "forward": lambda: pushed(p, p),
        "reverse": lambda: valued(p),
    }


def diffrax(name):
    """Return what computes the same with diffrax."""
    import diffrax
    import jax

    jax.config.update("jax_enable_x64", True)
    rhs, start, end, p, _, method = PROBLEMS[name]
    start, p = jax.numpy.array(start), jax.numpy.array(p)
    times = jax.numpy.linspace(0.0, end, 26)[1:]
    weights = np.cos(np.arange(start.size * times.size)).reshape(start.size, -1)
    term = diffrax.ODETerm(lambda t, y, p: rhs(jax.numpy, t, y, p))

    def loss_by(adjoint):
        def loss(p):
            found = diffrax.diffeqsolve(
                term, getattr(diffrax, method)(), 0.0, end, None, start, p,
                saveat=diffrax.SaveAt(ts=times), adjoint=adjoint, max_steps=10_000,
                stepsize_controller=diffrax.PIDController(**TOLERANCE),
            )  # fmt: skip
            return (weights * found.ys.T).sum()

        return loss

    backward = diffrax.RecursiveCheckpointAdjoint()
    loss, forward = loss_by(backward), loss_by(diffrax.ForwardMode())
    made = {
        "value": jax.jit(loss),
        "forward": jax.jit(lambda p: jax.jvp(forward, (p,), (p,))),
        "reverse": jax.jit(jax.value_and_grad(loss)),
    }
    return {key: lambda f=f: jax.block_until_ready(f(p)) for key, f in made.items()}


def seconds(function):
    began = time.perf_counter()
    function()
    return time.perf_counter() - began


def beside_each_other(name, rounds):
    """Print a line for the value and each derivative of a problem."""
    mine, theirs = ours(name), diffrax(name)
    kinds = ("value", "forward", "reverse")
    first = {kind: (seconds(theirs[kind]), seconds(mine[kind])) for kind in kinds}
    for kind in kinds:  # until code that is used often is optimized
        deadline = time.perf_counter() + 1.0
        while time.perf_counter() < deadline:
            mine[kind]()
    background.finish()
    np.testing.assert_allclose(mine["value"](), mine["SciPy"](), rtol=1e-3)
    np.testing.assert_allclose(mine["value"](), theirs["value"](), rtol=1e-3)
    scipys = [seconds(mine["SciPy"]) for _ in range(3)]
    for kind in kinds:
        taken = np.median(
            [(seconds(theirs[kind]), seconds(mine[kind])) for _ in range(rounds)], axis=0
        )
        print(
            f"{name:15} {kind:8}"
            + "".join(f"{x:9.2f}" for x in first[kind])
            + f"{1e3 * min(scipys) if kind == 'value' else np.nan:11.2f}"
            + "".join(f"{1e3 * x:11.3f}" for x in taken)
            + f"{taken[0] / taken[1]:8.1f}",
            flush=True,
        )


def fit(rtol):
    """Fit four parameters to 50 numbers; print first and later calls beside SciPy's."""
    times, true = np.linspace(0.0, 10.0, 26)[1:], np.array([1.1, 0.4, 0.4, 0.1])
    options = {"rtol": rtol, "atol": min(1e-6, 1e-3 * rtol)}

    def model(p):
        rhs = lambda t, y: lotka_volterra(np, t, y, p)
        return solve_ivp(rhs, (0.0, 10.0), [10.0, 5.0], t_eval=times, **options).y

    data = model(true) * (1 + 0.03 * np.random.default_rng(0).normal(size=(2, 25)))
    residuals = lambda p: np.ravel(model(p) - data)
    start = true * np.array([1.1, 0.9, 1.1, 0.95])
    mine, scipys = (
        lambda: st.least_squares(residuals, start),
        lambda: least_squares(residuals, start),
    )
    theirs, first = seconds(scipys), seconds(mine)
    for _ in range(40):
        mine()
    background.finish()
    warm = np.median([(seconds(scipys), seconds(mine)) for _ in range(15)], axis=0)
    print(
        f"fit, rtol={rtol:<8g} first call: SciPy {1e3 * theirs:.0f} ms, steepest "
        f"{1e3 * first:.0f} ms; later: SciPy {1e3 * warm[0]:.1f} ms, steepest "
        f"{1e3 * warm[1]:.2f} ms ({warm[0] / warm[1]:.0f} times)"
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", default=list(PROBLEMS))
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--fit", type=float, help="measure a fit of this tolerance alone")
    options = parser.parse_args()
    if options.fit:
        fit(options.fit)
        return
    print(
        f"{'':24}{'first call [s]':>18}{'later calls [ms]':>33}\n"
        f"{'':24}{'diffrax':>9}{'ours':>9}{'SciPy':>11}{'diffrax':>11}{'ours':>11}{'ratio':>8}"
    )
    for name in options.names:
        beside_each_other(name, options.rounds)
    for rtol in ("1e-3", "1e-6", "1e-9"):  # each in a process of its own
        subprocess.run([sys.executable, __file__, "--fit", rtol], check=True)


if __name__ == "__main__":
    main()
