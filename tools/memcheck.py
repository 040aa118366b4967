"""Programs of the native engine, to be run under Valgrind.

    STEEPEST_CACHE_DIR= valgrind --smc-check=all-non-file python tools/memcheck.py

Everything that it reports from frames without a name is ours; there should be nothing. (The
loader of shared libraries reads a few bytes past short strings, on purpose.)
"""

from __future__ import annotations

import numpy as np
from scipy import special

import steepest as st


def squares(w, X, y):
    return np.mean((X @ w - y) ** 2)


def logistic(w, X, y):
    z = X @ w
    return np.mean(np.logaddexp(0, z) - y * z)


def rosenbrock(x):
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def main():
    random = np.random.default_rng(0)
    X, w = random.normal(size=(9000, 7)), random.normal(size=7)
    y = X @ w
    for loss, arguments in (
        (squares, (w, X, y)),
        (logistic, (w, X, y)),
        (rosenbrock, (y,)),  # by panels, shared by threads
        (rosenbrock, (y[:5],)),  # in registers
        (lambda x: np.sum(np.sort(x)[:3] * np.exp(x[0])), (y[:9],)),
        (lambda A: np.sum(A @ A.T @ A), (X[:37, :5],)),
        (lambda x: np.sum(np.cumsum(np.sin(x)) * x), (y,)),
        (lambda x: np.sum(np.sqrt((x[2:] - x[:-2]) ** 2 + 1) * special.erf(x[1:-1])), (y,)),
        (lambda x: np.var(x) + np.log(np.sum(np.exp(x - np.max(x)))), (y,)),
        (
            lambda A, B: np.sum((A @ B) ** 2),
            (X[:1800].reshape(42, 300), X[:4500].reshape(300, 105)),
        ),
        (lambda x: np.sum(np.concatenate([np.sin(x), np.cos(x) * x]) ** 2), (y[:300],)),
    ):
        function = st.compile(st.value_and_gradient(loss))
        for _ in range(3):
            value, _ = function(*arguments)
        print(float(value))
    settings = {"args": (X, y), "method": st.Adam(0.1)}
    print(st.minimize(squares, w * 0, stop=st.MaxIterations(5), **settings).loss)
    batches = st.Batches(size=64, epochs=1, seed=0)
    print(st.minimize(squares, w * 0, batches=batches, **settings).loss)


if __name__ == "__main__":
    main()
