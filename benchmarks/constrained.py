"""Problems of Hock and Schittkowski: ``st.SQP`` beside SciPy's SLSQP and trust-constr, and IPOPT.

Evaluations are those of the loss, for SciPy with its differences. Times are medians of repeated
solutions from the same start. IPOPT, which takes part if casadi can be imported, has exact
derivatives, too::

    python benchmarks/constrained.py [--json FILE] [--multipliers] [NUMBER ...]
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.cases.hock_schittkowski import PROBLEMS, HockSchittkowski

REPEATS = 9
WARM_SECONDS = 2.0
"""How long to wait for optimized code, which comes after many solutions."""

SOLVED = 1e-4
"""Distance from the published minimum and violation up to which a problem counts as solved."""


def ours(p: HockSchittkowski) -> tuple[Callable[[], Any], Any]:
    """Return a call of ``st.minimize`` that was made before, and its result."""
    import steepest as st

    def solve() -> Any:
        return st.minimize(
            p.loss, p.start, method="sqp", bounds=p.bounds, constraints=p.constraints()
        )

    began = time.perf_counter()
    for _ in range(20):
        result = solve()
    while "baseline" in result.timings.tiers and time.perf_counter() - began < WARM_SECONDS:
        result = solve()
    return solve, (result.x, result.nfev)


def scipys(method: str) -> Callable[[HockSchittkowski], tuple[Callable[[], Any], Any]]:
    """Return what makes a call of SciPy's ``minimize``."""

    def made(p: HockSchittkowski) -> tuple[Callable[[], Any], Any]:
        from scipy.optimize import minimize

        bounds = p.bounds
        if bounds is not None:
            bounds = [bounds] * p.start.size if isinstance(bounds, tuple) else bounds

        def solve() -> Any:
            return minimize(
                p.loss, p.start, method=method, bounds=bounds, constraints=p.constraints()
            )

        result = solve()
        return solve, (result.x, result.nfev)

    return made


class Symbol:
    """An expression of casadi's, as an element of NumPy's arrays of objects."""

    def __init__(self, expression: Any) -> None:
        self.expression = expression

    def __neg__(self) -> Symbol:
        return Symbol(-self.expression)


def _operation(name: str) -> Callable[[Symbol, Any], Symbol]:
    def operation(symbol: Symbol, other: Any) -> Any:
        if isinstance(other, np.ndarray):
            return NotImplemented
        other = getattr(other, "expression", other)
        other = float(other) if isinstance(other, np.generic) else other
        return Symbol(getattr(symbol.expression, name)(other))

    return operation


for _name in ("add", "radd", "sub", "rsub", "mul", "rmul", "truediv", "rtruediv", "pow", "rpow"):
    setattr(Symbol, f"__{_name}__", _operation(f"__{_name}__"))
for _name in ("sin", "cos", "exp", "log", "sqrt"):
    setattr(Symbol, _name, lambda self, _name=_name: Symbol(_casadi_function(_name, self)))


def _casadi_function(name: str, symbol: Symbol) -> Any:
    import casadi

    return getattr(casadi, name)(symbol.expression)


def ipopt(p: HockSchittkowski) -> tuple[Callable[[], Any], Any]:
    """Return a call of IPOPT by casadi, and its result."""
    import casadi

    symbols = [casadi.SX.sym(f"x{i}") for i in range(p.start.size)]
    x = np.array([Symbol(symbol) for symbol in symbols], dtype=object)
    values, low, high = [], [], []
    for constraint in p.constraints():
        rows = np.ravel(constraint["fun"](x))
        values += [row.expression for row in rows]
        low += [0.0] * rows.size
        high += [0.0 if constraint["type"] == "eq" else np.inf] * rows.size
    problem = {
        "x": casadi.vertcat(*symbols),
        "f": p.loss(x).expression,
        "g": casadi.vertcat(*values),
    }
    quiet = {"print_time": False, "ipopt.print_level": 0, "ipopt.sb": "yes"}
    solver = casadi.nlpsol("solver", "ipopt", problem, quiet)
    given = {"x0": p.start, "lbg": low, "ubg": high}
    if p.bounds is not None:
        pairs = np.broadcast_to(np.array(p.bounds, float), (p.start.size, 2))
        given |= {
            "lbx": np.where(np.isnan(pairs[:, 0]), -np.inf, pairs[:, 0]),
            "ubx": np.where(np.isnan(pairs[:, 1]), np.inf, pairs[:, 1]),
        }
    solve = lambda: solver(**given)
    found = solve()
    return solve, (np.array(found["x"]).ravel(), int(solver.stats()["n_call_nlp_f"]))


def is_solved(p: HockSchittkowski, x: np.ndarray) -> bool:
    """Whether a point is feasible and as low as the published minimum."""
    worst = 0.0
    for constraint in p.constraints():
        value = np.ravel(constraint["fun"](x))
        amounts = np.abs(value) if constraint["type"] == "eq" else np.maximum(-value, 0)
        worst = max(worst, float(np.max(amounts)))
    excess = float(p.loss(x)) - p.least
    return bool(worst < SOLVED and excess < SOLVED * max(1.0, abs(p.least)))


def measured(make: Any, p: HockSchittkowski) -> dict[str, Any]:
    """Return evaluations, median seconds, and whether a problem was solved."""
    try:
        solve, (x, evaluations) = make(p)
    except Exception as error:  # a solver that fails has not solved it
        return {"solved": False, "error": f"{type(error).__name__}: {error}"}
    taken = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        solve()
        taken.append(time.perf_counter() - began)
    seconds = float(np.median(taken))
    return {"solved": is_solved(p, x), "evaluations": evaluations, "seconds": seconds}


def available() -> dict[str, Any]:
    """Return the solvers that can be imported."""
    solvers = {
        "steepest": ("steepest", ours),
        "SLSQP": ("scipy", scipys("SLSQP")),
        "trust-constr": ("scipy", scipys("trust-constr")),
        "IPOPT": ("casadi", ipopt),
    }
    found = {}
    for name, (module, make) in solvers.items():
        try:
            __import__(module)
        except ImportError:
            continue
        found[name] = make
    return found


def cell(found: dict[str, Any]) -> str:
    """Return a cell of the table: evaluations and time, with a mark if it was not solved."""
    if "seconds" not in found:
        return f"{'failed':>20}"
    mark = " " if found["solved"] else "*"
    return f"{found['evaluations']:>8} {1e6 * found['seconds']:>9.0f}us{mark}"


def compare_multipliers(numbers: list[int]) -> None:
    """Print how far multipliers are from differences of the least loss, for solved problems."""
    import steepest as st
    from tests.support.multipliers import multiplier_error

    errors = []
    for number in numbers:
        p = PROBLEMS[number]
        run = st.minimize(
            p.loss, p.start, method="sqp", bounds=p.bounds, constraints=p.constraints()
        )
        if not (run.success and p.constraints()):
            continue
        errors.append(multiplier_error(p, run))
        print(f"{number:>4} {errors[-1]:>10.1e} {run.kkt_residual:>10.1e}", flush=True)
    exact = sum(error < 1e-3 for error in errors)
    print(f"{exact} of {len(errors)} agree to a thousandth of the largest multiplier")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("numbers", nargs="*", type=int)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--only", nargs="*", help="names of solvers")
    parser.add_argument(
        "--multipliers", action="store_true", help="compare them with differences of the minima"
    )
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    np.seterr(all="ignore")
    solvers = {n: s for n, s in available().items() if not asked.only or n in asked.only}
    if asked.multipliers:
        compare_multipliers(asked.numbers or list(PROBLEMS))
        return
    figures: dict[int, dict[str, Any]] = {}
    print(f"{'HS':>4} " + "".join(f"{name:>20}" for name in solvers))
    for number in asked.numbers or PROBLEMS:
        figures[number] = {n: measured(make, PROBLEMS[number]) for n, make in solvers.items()}
        print(f"{number:>4} " + "".join(map(cell, figures[number].values())), flush=True)
    for name in solvers:
        known = [row[name] for row in figures.values()]
        solved = sum(found["solved"] for found in known)
        evaluations = sum(found.get("evaluations", 0) for found in known)
        ratios = [
            row[name]["seconds"] / row["steepest"]["seconds"]
            for row in figures.values()
            if "seconds" in row[name] and "seconds" in row.get("steepest", {})
        ]
        times = f", {np.median(ratios):.1f} times steepest's time" if ratios else ""
        print(f"{name}: {solved} of {len(known)} solved, {evaluations} evaluations{times}")
    if asked.json:
        asked.json.write_text(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
