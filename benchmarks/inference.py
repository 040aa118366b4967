"""What fits tell, beside lmfit: profile intervals on NIST's sets, joint regions, bootstraps.

    python benchmarks/inference.py --markdown docs/inference.md

The tables replace those between the marks on the page. Times are the fastest of some runs. lmfit
gets NIST's certified values as start, and is stopped where an interval takes a minute.
"""

from __future__ import annotations

import argparse
import os
import re
import signal
import sys
import time
import warnings
from pathlib import Path

os.environ.setdefault("STEEPEST_CACHE_DIR", "")  # first calls compile

import lmfit
import numpy as np
from scipy.optimize import least_squares

import steepest as st
from steepest.files import write_atomically

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.cases import nist as nist_cases
from tests.cases import published_fits as published

LIMIT = 60


def fastest(run, rounds):
    """Return the seconds of the fastest of some runs, and the last result."""
    times, result = [], None
    for _ in range(rounds):
        start = time.perf_counter()
        result = run()
        times.append(time.perf_counter() - start)
    return min(times), result


class TooSlowError(Exception):
    """A peer took longer than a minute."""


def _stop(*_):
    raise TooSlowError


def our_intervals(case):
    """Return what makes a fit and its profile intervals."""
    return lambda: st.curve_fit(case.model, case.x, case.y, case.starts[1]).confidence_intervals(
        method="profile"
    )


def their_intervals(case):
    """Return a fit of lmfit's and its intervals, and the seconds of both; None if it failed."""
    model = lmfit.Model(case.model, independent_vars=["x"])
    start = dict(zip(model.param_names, case.certified, strict=True))
    signal.signal(signal.SIGALRM, _stop)
    signal.alarm(LIMIT)
    try:
        began = time.perf_counter()
        tight = {"xtol": 1e-12, "ftol": 1e-12}
        fit = model.fit(case.y, x=case.x, fit_kws=tight, **start)
        found = lmfit.conf_interval(fit, fit, sigmas=[0.95])
        seconds = time.perf_counter() - began
    except TooSlowError:
        return f"over {LIMIT} s", None
    except (ValueError, TypeError, lmfit.minimizer.MinimizerException) as error:
        return f"{type(error).__name__}", None
    finally:
        signal.alarm(0)
    ends = [[found[name][0][1], found[name][-1][1]] for name in model.param_names]
    return seconds, np.array(ends, float)


def profiles():
    """Return rows on profile intervals of NIST's sets."""
    rows = []
    for case in nist_cases.CASES:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            seconds, ours = fastest(our_intervals(case), 5)
            theirs, ends = their_intervals(case)
        row = [case.name, str(ours.shape[0]), f"{1e3 * seconds:.1f} ms"]
        if ends is None:
            rows.append([*row, theirs, ""])
            continue
        both = np.isfinite(ours) & np.isfinite(ends)
        width = np.diff(ours, axis=1)
        apart = np.max(np.abs(ours - ends)[both] / np.broadcast_to(width, ours.shape)[both])
        rows.append([*row, f"{1e3 * theirs:.0f} ms", f"{apart:.0e}"])
    return rows


PUBLISHED = {
    "Puromycin": (
        published.michaelis_menten,
        *(published.CONCENTRATION, published.RATE, [200, 0.05]),
        [[197.30212848, 229.29006490], [0.04692517, 0.08615995]],
    ),
    "DNase": (
        published.logistic,
        *(published.DENSITY_AT, published.DENSITY, [2, 1, 1]),
        [[2.1935437, 2.539039], [1.3214540, 1.678751], [0.9743072, 1.114939]],
    ),
}
"""Fits of nls whose intervals R's manual prints."""


def of_r():
    """Return rows on profile intervals that are published."""
    rows = []
    for name, (model, x, y, start, theirs) in PUBLISHED.items():
        fit = st.curve_fit(model, x, y, start)
        ours = fit.confidence_intervals(method="profile")
        for parameter, (a, b), (c, d) in zip(fit.names, ours, theirs, strict=True):
            rows.append([name, parameter, f"{a:.7g} to {b:.7g}", f"{c:.7g} to {d:.7g}"])
    return rows


def decay(t, amplitude, rate, offset):
    return amplitude * np.exp(-rate * t) + offset


def others():
    """Return rows on bootstraps and joint regions."""
    t = np.linspace(0, 4, 50)
    y = decay(t, 3, 1.3, 0.5) + 0.05 * np.random.default_rng(0).normal(size=50)
    fit = st.curve_fit(decay, t, y)
    model = lmfit.Model(decay).fit(y, t=t, amplitude=3, rate=1, offset=0.5)
    first = time.perf_counter()
    fit.bootstrap(2000, seed=0)
    first = time.perf_counter() - first
    refits = lambda: fit.bootstrap(2000, seed=0)
    with_intervals = lambda: refits().confidence_intervals()
    in_turn = [[fastest(one, 1)[0] for one in (refits, with_intervals)] for _ in range(25)]
    boot, bca = np.min(in_turn, axis=0)
    names = "amplitude", "rate"
    grid = lambda: fit.contour(*names, size=21).probability
    ours, _ = fastest(grid, 5)
    edge, _ = fastest(lambda: fit.contour(*names).edge(0.95), 5)
    theirs, _ = fastest(lambda: lmfit.conf_interval2d(model, model, *names, 21, 21), 1)
    return [
        ["2,000 refits, resampled residuals", f"{1e3 * boot:.1f} ms", ""],
        ["... the first time", f"{first:.2g} s", ""],
        ["... with BCa intervals", f"{1e3 * bca:.1f} ms", ""],
        ["joint region on a grid of 21 by 21", f"{1e3 * ours:.1f} ms", f"{1e3 * theirs:.0f} ms"],
        ["the edge of a joint region", f"{1e3 * edge:.1f} ms", ""],
    ]


def peaks(x, a, m, s, b, n, t):
    return a * np.exp(-(((x - m) / s) ** 2)) + b * np.exp(-(((x - n) / t) ** 2))


def starts():
    """Return rows on 1,000 starts of a fit with six parameters."""
    x = np.linspace(0, 10, 50)
    y = peaks(x, 3, 3, 1, 2, 6, 1.5) + 0.05 * np.random.default_rng(0).normal(size=50)
    bounds = [(0, 5), (0, 10), (0.2, 4)] * 2
    run = lambda: st.multistart(peaks, x=x, y=y, bounds=bounds, count=1000, seed=0)
    first, _ = fastest(run, 1)
    ours, found = fastest(run, 20)
    low, high = np.transpose(bounds)
    few = found.starts[:25]

    def theirs():
        for start in few:
            least_squares(lambda p: peaks(x, *p) - y, start, bounds=(low, high))

    seconds = fastest(theirs, 2)[0] * len(found.starts) / len(few)
    best = found.minima[0].starts + found.minima[1].starts  # the peaks in either order
    return [
        [
            "1,000 starts, two peaks",
            f"{1e3 * ours:.0f} ms",
            f"{seconds:.0f} s",
            f"{best / 10:.0f}%",
        ],
        ["... the first time", f"{first:.2g} s", "", ""],
    ]


def guesses():
    """Return rows on fits without start values."""
    found, seconds = 0, []
    for case in nist_cases.CASES:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            known = st.curve_fit(case.model, case.x, case.y, case.certified)
            taken, fit = fastest(lambda c=case: st.curve_fit(c.model, c.x, c.y, "guess"), 2)
        found += fit.cost <= known.cost * 1.0001 + 1e-20
        seconds.append(taken)
    median = 1e3 * float(np.median(seconds))
    return [[f"{found} of {len(seconds)}", f"{median:.0f} ms"]]


def table(heads, rows):
    """Return rows as Markdown."""
    lines = [heads, ["---", *["---:"] * (len(heads) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


TABLES = {
    "profiles": (["set", "parameters", "steepest", "lmfit", "largest difference"], profiles),
    "R": (["fit", "parameter", "steepest", "R"], of_r),
    "others": (["", "steepest", "lmfit"], others),
    "starts": (["", "steepest", "SciPy's `least_squares`", "ended at the best minimum"], starts),
    "guesses": (["best fit found", "median time"], guesses),
}


def filled(page, texts):
    """Return a page with tables between their marks."""
    for name, text in texts.items():
        marks = rf"(<!-- table: {name} -->\n).*?(<!-- end -->)"
        page = re.sub(marks, lambda m, text=text: m[1] + text + "\n" + m[2], page, flags=re.DOTALL)
    return page


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--markdown", type=Path, help="replace the tables of this page")
    arguments = parser.parse_args()
    texts = {}
    for name, (heads, rows) in TABLES.items():
        texts[name] = table(heads, rows())
        print(f"{name}\n\n{texts[name]}\n", flush=True)
    if arguments.markdown:
        write_atomically(arguments.markdown, filled(arguments.markdown.read_text(), texts))


if __name__ == "__main__":
    main()
