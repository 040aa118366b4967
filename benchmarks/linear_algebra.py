"""Dense linear algebra: a value and its gradient beside JAX and torch, on one core and on two.

    python benchmarks/linear_algebra.py [--cores 1] [--seconds 1.0] [name ...]

Gaussian processes by a Cholesky factor and by an inverse, and the density of a normal
distribution. All packages compute in double precision, in one process for each number of cores.
They take turns, so that what else the machine does slows all of them. The table shows the median
times, and those of the peers as multiples of steepest's.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time

os.environ.setdefault("STEEPEST_CACHE_DIR", "")

import numpy as np

import steepest as st
from steepest.engines.native.jit import background


def gaussian_process(n):
    """Points of a sine with noise; hyperparameters are the logarithms of scales."""
    random = np.random.default_rng(0)
    x = np.sort(random.uniform(0, 10, n))
    y = np.sin(x) + 0.1 * random.normal(size=n)
    return (x[:, None] - x) ** 2, y, np.eye(n), np.array([0.0, 0.0, -2.0])


def covariance(p, squares, eye, exp):
    return exp(p[0]) * exp(-0.5 * squares / exp(2 * p[1])) + exp(p[2]) * eye


def cholesky_process(n):
    """A likelihood by a Cholesky factor and a triangular system."""
    squares, y, eye, start = gaussian_process(n)

    def of(module, squares, y, eye, solve, diagonal):
        def loss(p):
            factor = module.linalg.cholesky(covariance(p, squares, eye, module.exp))
            a = solve(factor, y)
            return 0.5 * (a * a).sum() + module.log(diagonal(factor)).sum()

        return loss

    return of, (squares, y, eye), start


def inverse_process(n):
    """A likelihood by an inverse and a determinant."""
    squares, y, eye, start = gaussian_process(n)

    def of(module, squares, y, eye, solve, diagonal):
        def loss(p):
            k = covariance(p, squares, eye, module.exp)
            return 0.5 * y @ module.linalg.inv(k) @ y + 0.5 * module.linalg.slogdet(k)[1]

        return loss

    return of, (squares, y, eye), start


def solving_process(n):
    """A likelihood by a system with the matrix itself, next to its factor."""
    squares, y, eye, start = gaussian_process(n)

    def of(module, squares, y, eye, solve, diagonal):
        def loss(p):
            k = covariance(p, squares, eye, module.exp)
            factor = module.linalg.cholesky(k)
            return 0.5 * y @ module.linalg.solve(k, y) + module.log(diagonal(factor)).sum()

        return loss

    return of, (squares, y, eye), start


def density(n):
    """A normal density whose parameter is the Cholesky factor of the covariance."""
    random = np.random.default_rng(0)
    start = np.tril(random.normal(size=(n, n))) / n + 2 * np.eye(n)

    def of(module, y, solve, diagonal):
        def loss(p):
            factor = module.tril(p)
            z = solve(factor, y)
            return 0.5 * (z * z).sum() + module.log(diagonal(factor)).sum()

        return loss

    return of, (random.normal(size=n),), start


CASES = {
    "density 60": (density, 60),
    **{
        f"{name} {n}": (make, n)
        for n in (100, 200, 600)
        for name, make in (
            ("cholesky", cholesky_process),
            ("inverse", inverse_process),
            ("solve", solving_process),
        )
    },
}


def solve(a, b):
    return np.linalg.solve(a, b)


def diagonal(a):
    return np.diag(a)


def steepest_call(of, arrays, start):
    both = st.compile(st.value_and_gradient(of(np, *arrays, solve, diagonal)))
    return lambda: both(start)


def jax_call(of, arrays, start):
    import jax
    import jax.numpy as jnp
    from jax.scipy.linalg import solve_triangular

    jax.config.update("jax_enable_x64", True)
    arrays = [jnp.asarray(array) for array in arrays]
    loss = of(jnp, *arrays, lambda a, b: solve_triangular(a, b, lower=True), jnp.diag)
    both = jax.jit(jax.value_and_grad(loss))
    start = jnp.asarray(start)
    return lambda: [np.asarray(value) for value in both(start)]


def torch_call(of, arrays, start):
    import torch

    torch.set_num_threads(len(os.sched_getaffinity(0)))
    arrays = [torch.as_tensor(array) for array in arrays]

    def solve(a, b):
        return torch.linalg.solve_triangular(a, b[:, None], upper=False)[:, 0]

    loss = of(torch, *arrays, solve, torch.diag)
    start = torch.as_tensor(start)

    def call():
        p = start.clone().requires_grad_()
        value = loss(p)
        value.backward()
        return value.item(), p.grad.numpy()

    return call


CALLS = {"steepest": steepest_call, "JAX": jax_call, "torch": torch_call}


def measure(name, least):
    """Print the median times of one case, in microseconds."""
    make, n = CASES[name]
    of, arrays, start = make(n)
    calls = {package: call(of, arrays, start) for package, call in CALLS.items()}
    begin = time.perf_counter()
    value, gradient = calls["steepest"]()
    first = time.perf_counter() - begin
    for package, call in calls.items():
        theirs, slopes = call()
        np.testing.assert_allclose(theirs, value, rtol=1e-8, err_msg=package)
        scale = np.max(np.abs(gradient))
        np.testing.assert_allclose(slopes, gradient, rtol=0, atol=1e-6 * scale, err_msg=package)
    begin = time.perf_counter()
    while time.perf_counter() - begin < 0.5:  # code that is used often is optimized
        calls["steepest"]()
    background.finish()
    times = {package: [] for package in calls}
    begin = time.perf_counter()
    while len(times["torch"]) < 9 or time.perf_counter() - begin < least:
        for package, call in calls.items():
            call()  # the caches, and threads that another package left spinning
            before = time.perf_counter()
            call()
            times[package].append(time.perf_counter() - before)
    medians = {package: statistics.median(found) for package, found in times.items()}
    ours = medians.pop("steepest")
    ratios = "".join(f"{theirs / ours:9.2f}" for theirs in medians.values())
    print(f"{name:14}{first * 1e3:10.0f}{ours * 1e6:12.0f}{ratios}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", default=list(CASES), help="cases; all unless given")
    parser.add_argument("--cores", type=int, nargs="*", default=[1, 2], help="numbers of cores")
    parser.add_argument("--seconds", type=float, default=1.0, help="least time for each case")
    parser.add_argument("--here", action="store_true", help="in this process")
    options = parser.parse_args()
    if options.here:
        for name in options.names:
            measure(name, options.seconds)
        return
    for cores in options.cores:
        available = sorted(os.sched_getaffinity(0))
        if cores > len(available):
            print(f"skipped: {cores} cores, but there are {len(available)}")
            continue
        processors = available[:cores]
        print(f"{cores} core{'s' * (cores > 1)}        first ms     warm us  times JAX   torch")
        names = ("OMP", "OPENBLAS", "MKL")
        threads = {f"{name}_NUM_THREADS": str(cores) for name in names}
        command = [sys.executable, __file__, *options.names, "--here"]
        subprocess.run(
            [*command, "--seconds", str(options.seconds)],
            env={**os.environ, **threads},
            preexec_fn=lambda chosen=processors: os.sched_setaffinity(0, chosen),
            check=True,
        )


if __name__ == "__main__":
    main()
