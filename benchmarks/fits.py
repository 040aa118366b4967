"""Fits and minima: NIST's sets, test problems, many fits at once, single fits, L-BFGS.

    python benchmarks/fits.py --markdown docs/fits.md

All peers run in one process and take turns; times are medians. Peers get the same starts, and
Jacobians and gradients written by hand where they take any. One that is not installed is left
out.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

os.environ.setdefault("STEEPEST_CACHE_DIR", "")  # first calls compile

import numpy as np
import scipy.optimize

import steepest as st
from steepest.files import write_atomically

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.cases import more_garbow_hillstrom as mgh_cases
from tests.cases import nist as nist_cases

METHODS = {"LBFGS": st.LBFGS(), "BFGS": st.BFGS(), "TrustRegion": st.TrustRegion()}
SCIPY = {"LBFGS": "L-BFGS-B", "BFGS": "BFGS", "TrustRegion": "trust-exact"}
FITS, POINTS = 100_000, 20


def has(package):
    return importlib.util.find_spec(package) is not None


def medians(runners, rounds):
    """Return the median seconds of each runner; they take turns."""
    times = {name: [] for name in runners}
    for _ in range(rounds):
        for name, run in runners.items():
            start = time.perf_counter()
            run()
            times[name].append(time.perf_counter() - start)
    return {name: float(np.median(taken)) for name, taken in times.items()}


# NIST's nonlinear regression sets.


def lmfit_of(case, start):
    import lmfit

    model = lmfit.Model(case.model, independent_vars=["x"])
    values = dict(zip(model.param_names, start, strict=True))
    return lambda: model.fit(case.y, x=case.x, **values)


def digits_of(case, fit):
    """Return how many digits of a peer's fit agree, 0 where it failed."""
    try:
        return case.digits(fit())
    except (RuntimeError, ValueError, TypeError):
        return 0.0


def nist():
    """Return digits for every set and start, and total seconds for each peer."""
    digits, runs, first, errors = {}, {}, 0.0, []
    for case in nist_cases.CASES:
        for number, start in enumerate(case.starts, 1):
            run = {"steepest": lambda c=case, s=start: st.curve_fit(c.model, c.x, c.y, s)}
            run["SciPy"] = lambda c=case, s=start: scipy.optimize.curve_fit(c.model, c.x, c.y, s)
            began = time.perf_counter()
            fit = run["steepest"]()
            first += time.perf_counter() - began
            errors.append(case.digits(fit.standard_errors, case.standard_errors))
            found = {"steepest": case.digits(fit.x)}
            found["SciPy"] = digits_of(case, lambda run=run: run["SciPy"]()[0])
            if has("lmfit"):
                run["lmfit"] = lmfit_of(case, start)
                found["lmfit"] = digits_of(
                    case, lambda run=run: list(run["lmfit"]().best_values.values())
                )
            digits[f"{case.name}, start {number}"] = found
            for name, one in run.items():
                runs.setdefault(name, []).append(one)

    def all_of(name):
        def run():
            for one in runs[name]:
                try:
                    one()
                except (RuntimeError, ValueError, TypeError):
                    continue

        return run

    for _ in range(10):  # until the code is optimized
        all_of("steepest")()
    seconds = medians({name: all_of(name) for name in runs}, rounds=5)
    return {"digits": digits, "errors": errors, "seconds": seconds, "first": first}


# Test problems of Moré, Garbow and Hillstrom.


def is_found(value, case):
    return any(abs(value - m) <= (1e-6 * m if m else 1e-10) for m in case.minima)


def problems():
    """Return for every problem, start and method: evaluations, and whether a minimum is found."""
    table = {}
    stop = st.GradientNormBelow(1e-9) | st.MaxIterations(10_000)
    for case in mgh_cases.CASES:
        both = st.compile(st.value_and_gradient(case.sum_of_squares))
        curvature = st.compile(st.hessian(case.sum_of_squares))
        slopes = st.compile(st.jacobian(case.residuals))
        for place, start in case.starts.items():
            row = {}
            for name, method in METHODS.items():
                run = st.minimize(case.sum_of_squares, start, method=method, stop=stop)
                row[name] = run.evaluations, is_found(run.loss, case)
                options = {"gtol": 1e-9, "maxiter": 10_000}
                more = {"hess": curvature} if name == "TrustRegion" else {}
                if name == "LBFGS":
                    options |= {"ftol": 0, "maxfun": 20_000}
                other = scipy.optimize.minimize(
                    both, start, jac=True, method=SCIPY[name], options=options, **more
                )
                row[f"SciPy {SCIPY[name]}"] = other.nfev, is_found(other.fun, case)
            fit = st.least_squares(case.residuals, start)
            row["LevenbergMarquardt"] = fit.evaluations, is_found(2 * fit.loss, case)
            tall = len(case.residuals(start)) >= len(start)
            other = scipy.optimize.least_squares(
                case.residuals, start, slopes, method="lm" if tall else "trf",
                xtol=1e-15, ftol=1e-15, gtol=1e-15, max_nfev=10_000,
            )  # fmt: skip
            row["SciPy lm"] = other.nfev, is_found(2 * other.cost, case)
            table[f"{case.name}, {place}"] = row
    return table


# Many fits of one model.


def decay(t, amplitude, rate, offset):
    return amplitude * np.exp(-rate * t) + offset


T = np.linspace(0, 4, POINTS)
P0 = np.array([1.0, 1.0, 0.0])


def sets(number):
    random = np.random.default_rng(0)
    truth = random.uniform([1, 0.5, 0], [3, 2, 1], (number, 3))
    clean = truth[:, :1] * np.exp(-truth[:, 1:2] * T) + truth[:, 2:]
    return clean + 0.02 * random.normal(size=clean.shape)


def optimistix_of(y):
    import jax

    jax.config.update("jax_enable_x64", True)
    import jax.numpy as jnp
    import optimistix

    solver = optimistix.LevenbergMarquardt(rtol=1e-8, atol=1e-8)

    def residuals(p, data):
        return p[0] * jnp.exp(-p[1] * T) + p[2] - data

    def one(data):
        return optimistix.least_squares(
            residuals, solver, jnp.array(P0), args=data, max_steps=256, throw=False
        ).value

    fit = jax.jit(jax.vmap(one))
    return lambda: fit(y).block_until_ready()


def many():
    """Return seconds for each fit, and how much hopeless ones among them cost."""
    y = sets(FITS)
    few, some = y[:300], y[:10_000]
    runs = {"steepest": lambda: st.curve_fit_many(decay, T, y, P0)}
    runs["SciPy curve_fit"] = lambda: [scipy.optimize.curve_fit(decay, T, r, P0) for r in few]
    counts = {"steepest": FITS, "SciPy curve_fit": len(few)}
    first = {}
    if has("optimistix"):
        runs["Optimistix vmap"], counts["Optimistix vmap"] = optimistix_of(some), len(some)
    for name, run in runs.items():
        began = time.perf_counter()
        run()
        first[name] = time.perf_counter() - began
    each = {name: s / counts[name] for name, s in medians(runs, rounds=7).items()}
    spoiled = {}
    random = np.random.default_rng(1)
    rows = random.permutation(FITS)[: FITS // 100]
    for name, data in {
        "noise": random.normal(size=(len(rows), POINTS)),
        "NaN": np.nan,
        "a straight line": T,
        "a growing curve": np.exp(1.2 * T),
    }.items():
        other = y.copy()
        other[rows] = data
        spoiled[name] = lambda other=other: st.curve_fit_many(decay, T, other, P0)
    taken = medians({"good": runs["steepest"], **spoiled}, rounds=7)
    together = st.curve_fit_many(decay, T, few, P0)
    alone = [st.curve_fit(decay, T, row, P0).x for row in few]
    return {
        "each": each,
        "first": first,
        "hopeless": {name: taken[name] / taken["good"] for name in spoiled},
        "identical": int(np.sum(np.all(together.x == alone, axis=1))),
        "compared": len(few),
    }


# Single fits.


def decay_slopes(t, a, b, c):
    e = np.exp(-b * t)
    return np.stack([e, -a * t * e, np.ones_like(t)], axis=1)


def peak(t, height, center, width):
    return height * np.exp(-(((t - center) / width) ** 2))


def peak_slopes(t, height, center, width):
    u = (t - center) / width
    e = np.exp(-(u**2))
    return np.stack([e, height * e * 2 * u / width, height * e * 2 * u**2 / width], axis=1)


def growth(t, top, rate, middle):
    return top / (1 + np.exp(-rate * (t - middle)))


def growth_slopes(t, top, rate, middle):
    e = np.exp(-rate * (t - middle))
    s = 1 / (1 + e)
    return np.stack([s, top * s**2 * e * (t - middle), -top * s**2 * e * rate], axis=1)


def saturation(t, top, half):
    return top * t / (half + t)


def saturation_slopes(t, top, half):
    return np.stack([t / (half + t), -top * t / (half + t) ** 2], axis=1)


def wave(t, amplitude, frequency, phase, level):
    return amplitude * np.sin(frequency * t + phase) + level


def wave_slopes(t, amplitude, frequency, phase, level):
    s, c = np.sin(frequency * t + phase), np.cos(frequency * t + phase)
    return np.stack([s, amplitude * c * t, amplitude * c, np.ones_like(t)], axis=1)


SINGLE = {
    "decay": (decay, decay_slopes, [2.0, 1.3, 0.5], [1.0, 1.0, 0.0]),
    "peak": (peak, peak_slopes, [2.0, 1.8, 0.8], [1.0, 2.0, 1.0]),
    "growth": (growth, growth_slopes, [3.0, 2.0, 1.5], [2.0, 1.0, 1.0]),
    "saturation": (saturation, saturation_slopes, [3.0, 0.7], [1.0, 1.0]),
    "wave": (wave, wave_slopes, [1.5, 2.0, 0.3, 0.5], [1.0, 1.9, 0.0, 0.0]),
}


def data_of(model, truth, stretch=1.0):
    return model(stretch * T, *truth) + 0.01 * np.sin(40 * T)


def single():
    """Return seconds of one fit, whole call, of five models, and those of the first calls."""
    figures, calls = {}, first_calls()
    for name, (model, slopes, truth, start) in SINGLE.items():
        y, start = data_of(model, truth), np.array(start)

        def residuals(p, model=model, y=y):
            return model(T, *p) - y

        def jacobian(p, slopes=slopes):
            return slopes(T, *p)

        def unpacked(fit):
            popt, pcov = fit
            return popt, pcov

        runs = {
            "steepest curve_fit": lambda: unpacked(st.curve_fit(model, T, y, start)),
            "steepest least_squares": lambda: st.least_squares(residuals, start).x,
            "SciPy curve_fit": lambda: scipy.optimize.curve_fit(model, T, y, start, jac=slopes),
            "SciPy least_squares": lambda: scipy.optimize.least_squares(
                residuals, start, jacobian
            ),
        }
        for _ in range(20):  # until the code is optimized
            answers = {name: run() for name, run in runs.items()}
        (x, covariance), (theirs, other) = (
            answers["steepest curve_fit"],
            answers["SciPy curve_fit"],
        )
        np.testing.assert_allclose(theirs, x, rtol=1e-5)
        np.testing.assert_allclose(other, covariance, rtol=1e-3)
        rows = {name: in_a_row(run) for name, run in runs.items()}
        figures[name] = {
            "in a row": medians(rows, rounds=60),
            "in turn": medians(runs, rounds=300),
            "machine code": machine_code(st.curve_fit(model, T, y, start)),
            "first": {kind: seconds[name] for kind, seconds in calls.items()},
        }
    return figures


ROW = 10


def in_a_row(run):
    """Return a function that calls another so many times."""

    def runs():
        for _ in range(ROW):
            run()

    return runs


def first_calls():
    """Return seconds of first calls, import not included, in processes of their own.

    Nothing is known on this machine; then what it knows after that; both for the first model
    of a process with as many parameters, and for another one.
    """
    figures = {}
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {"STEEPEST_CACHE_DIR": folder}
        for place in ("never seen", "seen before"):
            taken = {name: {} for name in SINGLE}
            for name in SINGLE:
                command = [sys.executable, __file__, "--first", name]
                if place == "never seen":
                    shutil.rmtree(folder, ignore_errors=True)
                rounds = [
                    json.loads(subprocess.check_output(command, env=environment))
                    for _ in range(1 if place == "never seen" else 3)
                ]
                taken[name] = np.median(rounds, axis=0)
            figures[place] = {name: float(t[0]) for name, t in taken.items()}
            if place == "never seen":
                figures["another model"] = {name: float(t[1]) for name, t in taken.items()}
    return figures


def print_first_calls(name):
    """Print seconds of the first fits of two models in this process."""
    model, _, truth, start = SINGLE[name]
    y, y2, start = data_of(model, truth), data_of(model, truth, 0.5), np.array(start)
    began = time.perf_counter()
    tuple(st.curve_fit(model, T, y, start))
    between = time.perf_counter()
    tuple(st.curve_fit(lambda t, *p: model(0.5 * t, *p), T, y2, start))
    print(json.dumps([between - began, time.perf_counter() - between]))


def machine_code(fit):
    """Return the median seconds of the compiled loop of a fit."""
    from steepest.descent.running.compile import compile_problem, start_of

    problem = fit.problem
    start = fit.history.x[0].astype(problem.layout.dtype)
    prepared, _, _ = compile_problem(problem, start)
    taken = []
    for _ in range(300):
        run = prepared.start(start_of(problem, prepared, start))
        began = time.perf_counter()
        run.advance(1 << 40)
        taken.append(time.perf_counter() - began)
        run.release()
    return float(np.median(taken))


# L-BFGS.


def banana(x):
    return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def banana_slopes(x):
    slope = np.zeros_like(x)
    inner = x[1:] - x[:-1] ** 2
    slope[:-1] = -400 * x[:-1] * inner - 2 * (1 - x[:-1])
    slope[1:] += 200 * inner
    return banana(x), slope


def logistic(w, X, y):
    return np.mean(np.logaddexp(0, -y * (X @ w))) + 0.5e-4 * np.sum(w * w)


def logistic_slopes(w, X, y):
    margin = y * (X @ w)
    share = 1 / (1 + np.exp(margin))
    loss = np.mean(np.logaddexp(0, -margin)) + 0.5e-4 * np.sum(w * w)
    return loss, -(X.T @ (y * share)) / len(y) + 1e-4 * w


def jax_runs(loss, x0, limit, goal):
    """Return runs of jaxopt's and optax's L-BFGS, each of which returns x and evaluations."""
    import jax

    jax.config.update("jax_enable_x64", True)
    import jax.numpy as jnp

    runs = {}
    if has("jaxopt"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import jaxopt

        solver = jaxopt.LBFGS(loss, maxiter=limit, tol=goal, history_size=10)
        go = jax.jit(solver.run)
        runs["jaxopt"] = lambda: jax.block_until_ready(go(x0)).params
    if has("optax"):
        import optax

        method = optax.lbfgs(memory_size=10)
        both = optax.value_and_grad_from_state(loss)

        def step(carry):
            x, state, _ = carry
            value, gradient = both(x, state=state)
            updates, state = method.update(
                gradient, state, x, value=value, grad=gradient, value_fn=loss
            )
            return optax.apply_updates(x, updates), state, carry[2] + 1

        def goes_on(carry):
            gradient = optax.tree.get(carry[1], "grad")
            return (carry[2] == 0) | ((carry[2] < limit) & (jnp.linalg.norm(gradient) > goal))

        @jax.jit
        def descend(x):
            return jax.lax.while_loop(goes_on, step, (x, method.init(x), 0))[0]

        runs["optax"] = lambda: descend(x0).block_until_ready()
    return runs


def lbfgs():
    """Return evaluations and seconds of L-BFGS on two problems."""
    figures = {}
    random = np.random.default_rng(0)
    X = random.normal(size=(100_000, 50))
    y = np.where(random.random(100_000) < 1 / (1 + np.exp(-X @ random.normal(size=50))), 1.0, -1.0)
    start = np.tile([-1.2, 1.0], 500)
    goal = {"Rosenbrock, 1,000 variables": 1e-5, "logistic regression, 100,000 x 50": 1e-6}
    for title, wanted in goal.items():
        stop = st.GradientNormBelow(wanted) | st.MaxIterations(20_000)
        if title.startswith("Rosenbrock"):
            ours = lambda: st.minimize(banana, start, method=st.LBFGS(), stop=stop, record=None)
            both, args, x0, loss = banana_slopes, (), start, None
        else:
            ours = lambda: st.minimize(
                logistic, np.zeros(50), (X, y), method=st.LBFGS(), stop=stop, record=None
            )
            both, args, x0 = logistic_slopes, (X, y), np.zeros(50)
        length = lambda x: float(np.linalg.norm(both(np.asarray(x), *args)[1]))

        def scipys(tolerance):
            return scipy.optimize.minimize(
                both, x0, args=args, jac=True, method="L-BFGS-B",
                options={"gtol": tolerance, "ftol": 0, "maxfun": 10**6, "maxiter": 10**6},
            )  # fmt: skip

        # SciPy looks at the largest slope: the tolerance that just leads below the same norm.
        tolerance = wanted
        while length(scipys(tolerance).x) > wanted:
            tolerance *= 0.8
        runs = {"steepest": ours, "SciPy L-BFGS-B": lambda: scipys(tolerance)}
        if has("jax"):
            import jax

            jax.config.update("jax_enable_x64", True)
            import jax.numpy as jnp

            if title.startswith("Rosenbrock"):
                loss = lambda x: jnp.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)
            else:
                jX, jy = jnp.asarray(X), jnp.asarray(y)
                loss = lambda w: (
                    jnp.mean(jnp.logaddexp(0, -jy * (jX @ w))) + 0.5e-4 * jnp.sum(w * w)
                )
            runs |= jax_runs(loss, jnp.asarray(x0), 20_000, wanted)
        answers = {name: run() for name, run in runs.items()}
        evaluations = {
            "steepest": answers["steepest"].evaluations,
            "SciPy L-BFGS-B": answers["SciPy L-BFGS-B"].nfev,
        }
        left = {
            name: length(answer if name in ("jaxopt", "optax") else answer.x)
            for name, answer in answers.items()
        }
        figures[title] = {
            "evaluations": evaluations,
            "gradient": left,
            "seconds": medians(runs, rounds=5),
        }
    return figures


def measure():
    """Return all figures."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return {
            "nist": nist(),
            "problems": problems(),
            "many": many(),
            "single": single(),
            "lbfgs": lbfgs(),
        }


# As text.


def table(heads, rows):
    lines = [f"| {' | '.join(heads)} |", "| --- |" + " ---: |" * (len(heads) - 1)]
    return "\n".join([*lines, *(f"| {' | '.join(map(str, row))} |" for row in rows)])


def time_of(seconds):
    for unit, factor in (("s", 1), ("ms", 1e3)):
        if seconds * factor >= 1:
            return f"{seconds * factor:.3g} {unit}"
    return f"{seconds * 1e6:.3g} us"


def markdown(figures):
    """Return the figures as a page."""
    nist, many, single = figures["nist"], figures["many"], figures["single"]
    peers = list(nist["seconds"])
    counted = {
        least: [sum(d[p] >= least for d in nist["digits"].values()) for p in peers]
        for least in (6, 9)
    }
    lines = [HEAD, "## NIST's reference sets", ""]
    lines.append(
        f"{len(nist['digits'])} fits with default settings, seconds for all of them, failed ones "
        f"included; steepest's first time, with trace and compile: {time_of(nist['first'])}. "
        f"Standard errors agree to 5 digits in {sum(d >= 5 for d in nist['errors'])}.\n"
    )
    rows = [
        (p, counted[6][i], counted[9][i], time_of(nist["seconds"][p])) for i, p in enumerate(peers)
    ]
    lines.append(table(["", "at least 6 digits", "at least 9", "all"], rows))
    lines += ["", "Digits of the worst parameter, at most 11 being certified:", ""]
    rows = [(n, *(f"{d[p]:.1f}" for p in peers)) for n, d in nist["digits"].items()]
    lines.append(table(["set", *peers], rows))
    lines += ["", "## Test problems", "", PROBLEMS, ""]
    heads = list(next(iter(figures["problems"].values())))
    rows = [
        (n, *(f"{count}" if found else f"({count})" for count, found in row.values()))
        for n, row in figures["problems"].items()
    ]
    found = [sum(row[h][1] for row in figures["problems"].values()) for h in heads]
    lines.append(table(["problem, start", *heads], [*rows, ("minima found", *found)]))
    lines += ["", "## Many fits", "", f"{FITS:,} fits of three parameters to {POINTS} points.", ""]
    own = many["each"]["steepest"]
    rows = [(n, time_of(s), f"{s / own:.3g}") for n, s in many["each"].items()]
    lines.append(table(["", "each", "to steepest"], rows))
    lines.append(
        f"\nThe same in every bit as by itself: {many['identical']} of {many['compared']}. With "
        "1% hopeless problems, time to that without:\n"
    )
    lines.append(table(["", "ratio"], [(n, f"{r:.2f}") for n, r in many["hopeless"].items()]))
    lines += ["", "## Single fits", ""]
    for way, sentence in WAYS.items():
        calls, rows = ROW if way == "in a row" else 1, []
        for n, row in single.items():
            taken = row[way]
            times = [taken[f"SciPy {door}"] / taken[f"steepest {door}"] for door in DOORS]
            each = [time_of(seconds / calls) for seconds in taken.values()]
            rows.append((n, *each, *(f"{ratio:.1f}" for ratio in times)))
        heads = ["model", *taken, *(f"{door}, times" for door in DOORS)]
        lines += [sentence, "", table(heads, rows), ""]
    heads = list(next(iter(single.values()))["first"])
    rows = [
        (n, time_of(row["machine code"]), *(time_of(row["first"][h]) for h in heads))
        for n, row in single.items()
    ]
    lines += [FIRST, "", table(["model", "machine code alone", *heads], rows)]
    lines += ["", "## L-BFGS", ""]
    for title, found in figures["lbfgs"].items():
        own = found["seconds"]["steepest"]
        rows = [
            (n, found["evaluations"].get(n, ""), f"{found['gradient'][n]:.1e}", time_of(s),
             f"{s / own:.2f}")
            for n, s in found["seconds"].items()
        ]  # fmt: skip
        heads = [title, "evaluations", "gradient norm left", "time", "to steepest"]
        lines += [table(heads, rows), ""]
    return "\n".join(lines)


HEAD = """# Fits and minima beside their peers

`python benchmarks/fits.py --markdown docs/fits.md` makes this page. Two cores of a shared
server; the ratios matter, not the times. [inference.md](inference.md) has profile intervals, joint
regions and bootstraps beside lmfit and R.
"""

DOORS = ("curve_fit", "least_squares")

WAYS = {
    "in a row": f"""Whole calls, parameters and covariance unpacked, {ROW} of the same in
a row; SciPy with Jacobians written by hand.""",
    "in turn": """The same where one call of each takes its turn, so that none finds the
processor's caches warm.""",
}

FIRST = """The compiled loop alone; then first calls with trace and compile, each in a process
of its own, import not included: on a machine that never saw a fit of as many parameters, of
another model after that, and of the first model when the script is run again."""

PROBLEMS = """Evaluations from the standard start and from ten times that; in parentheses where no
known minimum was found. SciPy gets exact gradients, Hessians and Jacobians."""


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--first", help=argparse.SUPPRESS)
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    parser.add_argument("--markdown", type=Path, help="write the page to this file")
    arguments = parser.parse_args()
    if arguments.first:
        print_first_calls(arguments.first)
        sys.exit()
    found = measure()
    if arguments.json:
        write_atomically(arguments.json, json.dumps(found, indent=2, default=str) + "\n")
    if arguments.markdown:
        write_atomically(arguments.markdown, markdown(found))
    else:
        print(markdown(found))
