"""Large problems with constraints: ``st.minimize`` beside IPOPT.

IPOPT takes part if casadi can be imported; its derivatives are exact and sparse, too. Its
tolerance is 1e-10, and it does not relax bounds, since by default its losses are right to 1e-6
only. The first call includes tracing and compiling, for IPOPT building its expressions. Ratios
are IPOPT's time by steepest's, of medians of solutions by turns::

    python benchmarks/large_constrained.py [--json FILE] [NAME ...]
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

REPEATS = 3


class Large(NamedTuple):
    """A problem: a loss, limits of functions, and bounds.

    Attributes
    ----------
    loss, functions
        Functions of x, in NumPy.
    limits
        A pair (lower, upper) for each function.
    start, bounds
        The start, and a pair of bounds.
    expressions
        Returns the loss and the functions as casadi's expressions of a symbol.
    symbol
        Kind of casadi's symbol: of numbers, or of matrices.
    """

    loss: Callable[[Any], Any]
    functions: tuple[Callable[[Any], Any], ...]
    limits: tuple[tuple[Any, Any], ...]
    start: np.ndarray
    bounds: tuple[Any, Any]
    expressions: Callable[[Any, Any], tuple[Any, list[Any]]]
    symbol: str = "SX"


def control(steps: int = 200) -> Large:
    """A pendulum swung up with least energy, by the trapezoidal rule, its steps in a loop."""
    width = 5.0 / steps

    def loss(z: Any) -> Any:
        return width * np.sum(z[2 * (steps + 1) :] ** 2)

    def gaps(z: Any) -> Any:
        angle, speed, force = z[: steps + 1], z[steps + 1 : 2 * steps + 2], z[2 * steps + 2 :]
        found = []
        for k in range(steps):
            pull = 0.5 * (np.sin(angle[k]) + np.sin(angle[k + 1]))
            found.append(angle[k + 1] - angle[k] - 0.5 * width * (speed[k] + speed[k + 1]))
            found.append(speed[k + 1] - speed[k] - width * (force[k] - pull))
        return np.stack(found)

    def ends(z: Any) -> Any:
        return np.stack([z[0], z[steps], z[steps + 1], z[2 * steps + 1]])

    def expressions(casadi: Any, z: Any) -> tuple[Any, list[Any]]:
        angle, speed, force = z[: steps + 1], z[steps + 1 : 2 * steps + 2], z[2 * steps + 2 :]
        found = []
        for k in range(steps):
            pull = 0.5 * (casadi.sin(angle[k]) + casadi.sin(angle[k + 1]))
            found.append(angle[k + 1] - angle[k] - 0.5 * width * (speed[k] + speed[k + 1]))
            found.append(speed[k + 1] - speed[k] - width * (force[k] - pull))
        at_ends = casadi.vertcat(z[0], z[steps], z[steps + 1], z[2 * steps + 1])
        return width * casadi.sumsqr(force), [casadi.vertcat(*found), at_ends]

    start = np.zeros(3 * steps + 2)
    start[: steps + 1] = np.linspace(0, np.pi, steps + 1)
    target = np.array([0, np.pi, 0, 0])
    free = np.full(2 * steps + 2, np.inf)
    high = np.concatenate([free, np.ones(steps)])
    limits = ((np.zeros(2 * steps), np.zeros(2 * steps)), (target, target))
    return Large(loss, (gaps, ends), limits, start, (-high, high), expressions)


def portfolio(assets: int = 500, sectors: int = 10) -> Large:
    """Risk minus return, with a budget, limits of the weights, and limits of the sectors."""
    rng = np.random.default_rng(0)
    factors = rng.normal(size=(assets, 20))
    covariance = factors @ factors.T / 20 + np.diag(rng.uniform(0.1, 1, assets))
    returns = rng.uniform(0, 0.2, assets)
    members = np.kron(np.eye(sectors), np.ones(assets // sectors))

    def loss(w: Any) -> Any:
        return 0.5 * w @ covariance @ w - returns @ w

    def by_sector(w: Any) -> Any:
        return members @ w

    def expressions(casadi: Any, w: Any) -> tuple[Any, list[Any]]:
        risk = 0.5 * casadi.bilin(casadi.DM(covariance), w, w) - casadi.dot(casadi.DM(returns), w)
        return risk, [casadi.sum1(w), casadi.DM(members) @ w]

    limits = ((np.ones(1), np.ones(1)), (np.full(sectors, -np.inf), np.full(sectors, 0.2)))
    start, bounds = np.full(assets, 1 / assets), (np.zeros(assets), np.full(assets, 0.05))
    return Large(loss, (np.sum, by_sector), limits, start, bounds, expressions, "MX")


def chain(links: int = 400, length: float = 1.6) -> Large:
    """The lowest potential energy of a chain whose links are at most so long."""
    joints, link = links + 1, length / links

    def loss(z: Any) -> Any:
        return np.mean(z[joints:])

    def lengths(z: Any) -> Any:
        x, y = z[:joints], z[joints:]
        return ((x[1:] - x[:-1]) ** 2 + (y[1:] - y[:-1]) ** 2) / link**2

    def ends(z: Any) -> Any:
        return np.stack([z[0], z[joints - 1], z[joints], z[2 * joints - 1]])

    def expressions(casadi: Any, z: Any) -> tuple[Any, list[Any]]:
        x, y = z[:joints], z[joints:]
        squares = ((x[1:] - x[:-1]) ** 2 + (y[1:] - y[:-1]) ** 2) / link**2
        at_ends = casadi.vertcat(z[0], z[joints - 1], z[joints], z[2 * joints - 1])
        return casadi.sum1(y) / joints, [squares, at_ends]

    target = np.array([0.0, 1.0, 0.0, 0.2])
    limits = ((np.full(links, -np.inf), np.ones(links)), (target, target))
    start = np.concatenate([np.linspace(0, 1, joints), np.linspace(0, 0.2, joints)])
    infinite = np.full(2 * joints, np.inf)
    return Large(loss, (lengths, ends), limits, start, (-infinite, infinite), expressions)


def linear(number: int = 10_000) -> Large:
    """A smooth loss of many numbers with bounds and sparse linear constraints."""
    import scipy.sparse

    rng = np.random.default_rng(1)
    rows = number // 2 - 10
    places = np.repeat(np.arange(rows), 4), (2 * np.arange(rows)[:, None] + np.arange(4)).ravel()
    matrix = scipy.sparse.csr_array((rng.normal(size=4 * rows), places), shape=(rows, number))
    target = rng.normal(size=number)

    def loss(x: Any) -> Any:
        return np.sum((x - target) ** 2) + np.sum((x[1:] - x[:-1]) ** 4)

    def products(x: Any) -> Any:
        return matrix @ x

    def expressions(casadi: Any, x: Any) -> tuple[Any, list[Any]]:
        of_column = matrix.tocsc()
        pattern = casadi.Sparsity(
            rows, number, of_column.indptr.tolist(), of_column.indices.tolist()
        )
        squares = casadi.sumsqr(x - casadi.DM(target))
        own = squares + casadi.sum1((x[1:] - x[:-1]) ** 4)
        return own, [casadi.DM(pattern, of_column.data) @ x]

    limits = ((np.full(rows, -0.1), np.full(rows, 0.3)),)
    bounds = np.full(number, -1.0), np.ones(number)
    return Large(loss, (products,), limits, np.zeros(number), bounds, expressions, "MX")


PROBLEMS: dict[str, Callable[[], Large]] = {
    "control": control,
    "portfolio": portfolio,
    "chain": chain,
    "linear": linear,
}


def ours(p: Large) -> Callable[[], tuple[float, int]]:
    """Return a call that solves a problem, and returns the loss and the evaluations."""
    import steepest as st

    constraints = [
        st.Constraint(function, lower=low, upper=high)
        for function, (low, high) in zip(p.functions, p.limits, strict=True)
    ]
    bounds = list(zip(*p.bounds, strict=True))

    def solve() -> tuple[float, int]:
        run = st.minimize(p.loss, p.start, bounds=bounds, constraints=constraints)
        if not run.success or run.constraint_violation > 1e-6:
            raise RuntimeError(run.message)
        return run.loss, run.nfev

    return solve


def ipopt(p: Large) -> Callable[[], tuple[float, int]]:
    """Return the same for IPOPT by casadi."""
    import casadi

    symbol = getattr(casadi, p.symbol).sym("x", p.start.size)
    loss, values = p.expressions(casadi, symbol)
    quiet = {"print_time": False, "ipopt.print_level": 0, "ipopt.sb": "yes"}
    quiet |= {"ipopt.tol": 1e-10, "ipopt.bound_relax_factor": 0.0}
    problem = {"x": symbol, "f": loss, "g": casadi.vertcat(*values)}
    solver = casadi.nlpsol("solver", "ipopt", problem, quiet)
    ends = [np.concatenate(end) for end in zip(*p.limits, strict=True)]

    def solve() -> tuple[float, int]:
        given = {"lbx": p.bounds[0], "ubx": p.bounds[1], "lbg": ends[0], "ubg": ends[1]}
        found = solver(x0=p.start, **given)
        if not solver.stats()["success"]:
            raise RuntimeError(solver.stats()["return_status"])
        return float(found["f"]), int(solver.stats()["n_call_nlp_f"])

    return solve


def measured(p: Large) -> dict[str, dict[str, Any]]:
    """Return for each solver its loss, evaluations, and the seconds of first and later calls."""
    solvers: dict[str, Any] = {"steepest": ours}
    try:
        __import__("casadi")
        solvers["IPOPT"] = ipopt
    except ImportError:
        pass
    found: dict[str, dict[str, Any]] = {}
    calls: dict[str, Callable[[], tuple[float, int]]] = {}
    for name, make in solvers.items():
        began = time.perf_counter()
        calls[name] = make(p)
        loss, evaluations = calls[name]()
        first = time.perf_counter() - began
        found[name] = {"loss": loss, "evaluations": evaluations, "first": first, "later": []}
    for _ in range(REPEATS):
        for name, solve in calls.items():
            began = time.perf_counter()
            solve()
            found[name]["later"].append(time.perf_counter() - began)
    for figures in found.values():
        figures["warm"] = float(np.median(figures.pop("later")))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", choices=[[], *PROBLEMS])
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    figures = {}
    print(f"{'':10}{'solver':>10}{'loss':>16}{'evaluations':>12}{'first s':>10}{'warm s':>10}")
    for name in asked.names or PROBLEMS:
        found = figures[name] = measured(PROBLEMS[name]())
        for solver, row in found.items():
            print(
                f"{name:10}{solver:>10}{row['loss']:16.9g}{row['evaluations']:12}"
                f"{row['first']:10.3f}{row['warm']:10.3f}",
                flush=True,
            )
        if "IPOPT" in found:
            mine, other = found["steepest"], found["IPOPT"]
            apart = abs(mine["loss"] - other["loss"]) / max(1.0, abs(other["loss"]))
            ratios = [other[kind] / mine[kind] for kind in ("first", "warm")]
            print(
                f"{name:10}  losses {apart:.0e} apart; IPOPT takes {ratios[0]:.2f} times as long "
                f"at first, {ratios[1]:.2f} times warm",
                flush=True,
            )
    if asked.json:
        asked.json.write_text(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
