"""Python loops: the first value and gradient, and the next ones, beside plain Python.

    python benchmarks/loops.py [--scale 0.1] [name ...]

Each loss is a plain loop of Python over its data. The first call traces, finds the loop,
differentiates and compiles, in a process of its own without a cache.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time

os.environ.setdefault("STEEPEST_CACHE_DIR", "")

import numpy as np

import steepest as st

random = np.random.default_rng(0)


def kalman(steps):
    """A scalar Kalman filter: the negative log-likelihood of a random walk with noise."""
    y = np.cumsum(random.normal(size=steps)) + random.normal(size=steps)

    def loss(p):
        walk, noise = np.exp(p[0]), np.exp(p[1])
        mean, variance, total = 0.0, 10.0, 0.0
        for t in range(steps):
            variance = variance + walk
            spread = variance + noise
            error, gain = y[t] - mean, variance / spread
            total = total + 0.5 * (np.log(2 * np.pi * spread) + error * error / spread)
            mean, variance = mean + gain * error, (1 - gain) * variance
        return total

    return loss, np.zeros(2)


def garch(steps):
    """A GARCH(1, 1) likelihood of returns."""
    returns = random.normal(size=steps)

    def loss(p):
        base, new, old = np.exp(p[0]), p[1], p[2]
        variance, total = 1.0, 0.0
        for t in range(steps):
            total = total + 0.5 * (np.log(variance) + returns[t] ** 2 / variance)
            variance = base + new * returns[t] ** 2 + old * variance
        return total

    return loss, np.array([-2.0, 0.1, 0.8])


def runge_kutta(steps):
    """Prey and predators by the classical Runge-Kutta method."""

    def change(s, p):
        both = s[0] * s[1]
        return np.array([p[0] * s[0] - p[1] * both, p[3] * both - p[2] * s[1]])

    def loss(p):
        state, h = np.array([10.0, 5.0]), 0.01
        for _ in range(steps):
            a = change(state, p)
            b = change(state + h / 2 * a, p)
            c = change(state + h / 2 * b, p)
            d = change(state + h * c, p)
            state = state + h / 6 * (a + 2 * b + 2 * c + d)
        return np.sum(state)

    return loss, np.array([1.0, 0.1, 1.5, 0.075])


def lstm(steps):
    """A long short-term memory cell of 8 units."""
    inputs = random.normal(size=(steps, 8))

    def squashed(z):
        return 1 / (1 + np.exp(-z))

    def loss(p):
        weights, hidden, cell = p.reshape(16, 32), np.zeros(8), np.zeros(8)
        for t in range(steps):
            z = np.concatenate([inputs[t], hidden]) @ weights
            cell = squashed(z[8:16]) * cell + squashed(z[:8]) * np.tanh(z[24:])
            hidden = squashed(z[16:24]) * np.tanh(cell)
        return np.sum(hidden**2)

    return loss, 0.1 * random.normal(size=512)


def samples(number):
    """A network of 400-25-10 units, one sample after the other."""
    inputs, labels = random.normal(size=(number, 400)), random.integers(0, 10, size=number)

    def loss(p):
        first, second, total = p[:10_000].reshape(400, 25), p[10_000:].reshape(25, 10), 0.0
        for i in range(number):
            hidden = 1 / (1 + np.exp(-(inputs[i] @ first)))
            output = 1 / (1 + np.exp(-(hidden @ second)))
            target = np.zeros(10)
            target[labels[i]] = 1.0
            total = total + np.sum((output - target) ** 2)
        return total / number

    return loss, 0.1 * random.normal(size=10_250)


def hidden_markov(steps):
    """A hidden Markov model of 4 states and 3 symbols, forward."""
    symbols = random.integers(0, 3, size=steps)

    def loss(p):
        moves = np.exp(p[:16].reshape(4, 4))
        moves = moves / moves.sum(1, keepdims=True)
        emits = np.exp(p[16:28].reshape(4, 3))
        emits = emits / emits.sum(1, keepdims=True)
        belief, total = np.ones(4) / 4 * emits[:, symbols[0]], 0.0
        for t in range(1, steps):
            belief = (belief @ moves) * emits[:, symbols[t]]
            size = belief.sum()
            total, belief = total - np.log(size), belief / size
        return total

    return loss, random.normal(size=28)


def horner(terms):
    """A polynomial by Horner's scheme."""
    coefficients = random.normal(size=terms) / np.arange(1, terms + 1)

    def loss(x):
        total = 0.0
        for k in range(terms):
            total = total * x + coefficients[k]
        return total

    return loss, np.array(0.5)


def sines(steps):
    """``sin(x) + 0.1`` again and again."""

    def loss(x):
        for _ in range(steps):
            x = np.sin(x) + 0.1
        return x

    return loss, np.array(0.5)


LOOPS = {
    "kalman": (kalman, 2000), "runge-kutta": (runge_kutta, 1000), "garch": (garch, 3000),
    "lstm": (lstm, 16), "samples": (samples, 5000), "hidden markov": (hidden_markov, 500),
    "horner": (horner, 10_000), "sines": (sines, 10_000),
}  # fmt: skip


def seconds(call):
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def measure(name, scale):
    """Print the times of one loop."""
    make, size = LOOPS[name]
    loss, x = make(max(2, int(size * scale)))
    st.compile(st.value_and_gradient(np.sum))(np.ones(3))  # imports, and NumPy's own first call
    plain = min(seconds(lambda: loss(x)) for _ in range(3))
    traced = seconds(lambda: st.trace(loss, x))
    both = st.compile(st.value_and_gradient(loss))
    first = seconds(lambda: both(x))
    warm = min(seconds(lambda: both(x)) for _ in range(50))
    print(
        f"{name:14} {int(size * scale):6,}  {plain * 1e3:8.2f} {traced:8.2f} {first:8.2f} "
        f"{warm * 1e6:10,.0f}",
        flush=True,
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", default=list(LOOPS), help="loops; all unless given")
    parser.add_argument("--scale", type=float, default=1.0, help="times as many iterations")
    parser.add_argument("--here", action="store_true", help="in this process")
    options = parser.parse_args()
    if options.here:
        for name in options.names:
            measure(name, options.scale)
        return
    print("loop           length  plain ms  trace s  first s    warm us")
    for name in options.names:
        command = [sys.executable, __file__, name, "--here", "--scale", str(options.scale)]
        subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
