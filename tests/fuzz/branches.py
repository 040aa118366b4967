"""Descents through losses with branches: engines against each other, and a loop in plain NumPy.

A loss is written together with its gradient, branch by branch, so that the plain loop needs
no differentiation. Some conditions hang on the last bit of a sum; their two sides are equal
up to rounding.
"""

import itertools
import random
import re
import warnings

import numpy as np

import steepest as st

from .case import Call, Case, arguments_of, load
from .compare import AGREES, REFUSED, Verdict, shown
from .outcome import observe, run

SIZES = (3, 3, 5, 10)
RATE = 0.05
STEPS = 40
METHODS = {
    "descent": st.GradientDescent(RATE),
    "momentum": st.Momentum(RATE),
    "adam": st.Adam(0.1),
}
HEAD = "import math\n\nimport numpy as np\n\n\n"

TERMS = (
    ("{a} * (x[{i}] - {c}) ** 2", "d[{i}] += 2.0 * {a} * (x[{i}] - {c})"),
    ("{a} * x[{i}]", "d[{i}] += {a}"),
    ("{a} * x[{i}] * x[{j}]", "d[{i}] += {a} * x[{j}]\nd[{j}] += {a} * x[{i}]"),
    ("{a} * math.sin(x[{i}])", "d[{i}] += {a} * math.cos(x[{i}])"),
    ("{a} * np.exp(-(x[{i}] ** 2))", "d[{i}] += -2.0 * {a} * x[{i}] * np.exp(-(x[{i}] ** 2))"),
    ("{a} * np.sum(x) ** 2", "d += 2.0 * {a} * np.sum(x)"),
    ("{a} * np.sum(np.tanh(x))", "d += {a} * (1.0 - np.tanh(x) ** 2)"),
)
CONDITIONS = (
    "x[{i}] > {c}",
    "x[{i}] < x[{j}]",
    "np.sum(x) > {c}",
    "np.max(np.abs(x)) > abs({c})",
    "{c} < x[{i}] <= 0.9",
    "x[{i}] > {c} and x[{j}] > 0.0",
    "not x[{i}] >= {c}",
    "np.argmax(x) == {i}",
    "int(x[{i}] * 3.0) == 1",
    "np.any(x > 1.0)",
    "abs(x[{i}] - x[{j}]) < abs({c})",
    "math.floor(x[{i}]) % 2 == 0",
)
LAST_BITS = (
    "p = np.exp(x) / np.sum(np.exp(x))\nif np.sum(p) {compare} 1.0:\n    p = p / np.sum(p)\n"
    "total = total + np.sum(p * p)",
    "n = np.linalg.norm(x)\np = x / n\nif np.linalg.norm(p) {compare} 1.0:\n"
    "    p = p / np.linalg.norm(p)\ntotal = total + p[0]",
    "s = np.sqrt(1.0 + x[0] ** 2)\nif s * s {compare} 1.0 + x[0] ** 2:\n"
    "    s = math.sqrt(x[0] ** 2 + 1.0)\ntotal = total + s",
    "m = np.mean(x)\np = x - m\nif np.sum(p) {compare} 0.0:\n    p = p - np.mean(p)\n"
    "total = total + np.sum(p * p)",
    "w = (x[0] * 3.0) / 3.0\nif w {compare} x[0]:\n    w = x[0]\ntotal = total + w * w",
    "q = 0.1 * x\nif q[0] + q[1] + q[2] {compare} np.sum(q):\n    q = x * 0.1\n"
    "total = total + np.sum(q * q)",
)
ROUNDED = re.compile("exp|tanh|sin")
"""Functions whose last bit may differ from engine to engine; arithmetic is equal bit for bit."""


def draw(seed, number):
    """Return a loss ``f``, its gradient ``g`` where it is known, and a start."""
    rng = random.Random(f"{seed}/{number}/branches")
    exact, size = rng.random() < 0.6, rng.choice(SIZES)
    value, slope = ["total = 0.1 * np.sum(x * x)"], ["d = 0.2 * x"]
    for _ in range(rng.choice((1, 2, 3))):
        lines, slopes = _branch(rng, size)
        value += lines
        slope += slopes
    if not exact:
        compare = rng.choice(("!=", "==", ">", "<", ">=", "<="))
        value += rng.choice(LAST_BITS).replace("{compare}", compare).splitlines()
    source = f"{HEAD}def f(x):\n{_indented(value)}\n    return total\n"
    if exact:
        source += f"\n\ndef g(x):\n{_indented(slope)}\n    return d\n"
    start = ", ".join(f"{rng.uniform(-2.0, 2.0):.3g}" for _ in range(size))
    method = rng.choice(("descent", "descent", "momentum", "adam"))
    kind = "branches" if exact else "last bits"
    return Case(f"{kind}, {method}", source, (Call(f"(np.array([{start}]),)"),))


def check(case, engine="native"):
    """Return the verdict on a descent on an engine and on "numpy", step by step."""
    names = run(load, case)
    (start,) = run(arguments_of, names, case.calls[0])
    method, kind = case.name.partition(", ")[2], case.name.partition(", ")[0]
    runs = [observe(_descent, (names["f"], start.copy(), method, on)) for on in (engine, "numpy")]
    for outcome in runs:
        if outcome.is_refusal:
            return Verdict(REFUSED, str(outcome.error))
        if outcome.error is not None:
            return Verdict("internal error", repr(outcome.error))
    (path, losses), (other, other_losses) = (outcome.result for outcome in runs)
    if kind == "branches" and not ROUNDED.search(case.source):
        if path.tobytes() != other.tobytes() or losses.tobytes() != other_losses.tobytes():
            return Verdict("engines differ", f"{shown(path[-1])} and {shown(other[-1])}")
    elif not np.allclose(path, other, rtol=1e-6, atol=1e-9, equal_nan=True):
        return Verdict("engines differ", f"{shown(path[-1])} and {shown(other[-1])}")
    plain = np.array([names["f"](x.copy()) for x in other])
    if not np.allclose(plain, other_losses, rtol=1e-10, atol=1e-13, equal_nan=True):
        return Verdict("loss", f"plain {shown(plain)}; gave {shown(other_losses)}")
    verdict = _compiled(names["f"], other[:: STEPS // 8], plain[:: STEPS // 8])
    if verdict.is_wrong:
        return verdict
    if "g" in names and method == "descent":
        return _against_loop(names["g"], start, path)
    return Verdict(AGREES)


def _compiled(function, points, losses):
    """Compare a compiled loss, and its value and gradient, with the plain loss at points."""
    compiled = st.compile(function)
    both = st.compile(st.value_and_gradient(function))
    for x, loss in zip(points, losses, strict=True):
        for call in (compiled, both):
            found = observe(call, (x.copy(),))
            if found.error is not None:
                return Verdict("compiled raises", f"at {x.tolist()}: {found.error!r}")
            value = found.result[0] if call is both else found.result
            if not np.allclose(value, loss, rtol=1e-9, atol=1e-12, equal_nan=True):
                return Verdict("compiled", f"at {x.tolist()}: plain {loss}; gave {value}")
    return Verdict(AGREES)


def _descent(function, start, method, engine):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = st.minimize(
            function,
            start,
            method=METHODS[method],
            stop=st.MaxIterations(STEPS),
            engine=engine,
            record="all",
        )
    return np.array(result.history.x), np.array(result.history.loss)


def _against_loop(gradient, x, path):
    """Compare a descent with a loop, from each of its points for one step."""
    for before, after in itertools.pairwise(path):
        expected = before - RATE * gradient(before)
        if not np.allclose(after, expected, rtol=1e-9, atol=1e-11):
            return Verdict(
                "plain descent", f"from {before.tolist()}: plain {expected}; gave {after}"
            )
    if not np.array_equal(path[0], x):
        return Verdict("plain descent", f"starts at {path[0]} and not at {x}")
    return Verdict(AGREES)


def _branch(rng, size):
    """Return the lines of a branch in the loss, and in its gradient."""
    form = rng.random()
    i, j = rng.randrange(size), rng.randrange(size)
    condition = rng.choice(CONDITIONS).format(i=i, j=j, c=_constant(rng))
    first, second = _term(rng, size), _term(rng, size)
    if form < 0.7:
        return (
            [
                f"if {condition}:",
                f"    total = total + {first[0]}",
                "else:",
                f"    total = total + {second[0]}",
            ],
            [f"if {condition}:", *_deeper(first[1]), "else:", *_deeper(second[1])],
        )
    if form < 0.85:
        a, c = _constant(rng), _constant(rng)
        test = f"x[k] > {c}"
        return (
            [
                "for k in range(len(x)):",
                f"    if {test}:",
                f"        total = total + {a} * (x[k] - {c})",
                "        continue",
                f"    total = total + 0.5 * (x[k] - {c}) ** 2",
            ],
            [
                "for k in range(len(x)):",
                f"    if {test}:",
                f"        d[k] += {a}",
                "        continue",
                f"    d[k] += x[k] - {c}",
            ],
        )
    return (
        [
            "scale = 1.0",
            f"while scale * abs(x[{i}]) > 0.5:",
            "    scale = scale * 0.5",
            f"total = total + scale * {first[0]}",
        ],
        [
            "scale = 1.0",
            f"while scale * abs(x[{i}]) > 0.5:",
            "    scale = scale * 0.5",
            "before, d = d, np.zeros(len(x))",
            *first[1].splitlines(),
            "d = before + scale * d",
        ],
    )


def _constant(rng):
    return f"{rng.uniform(-1.0, 1.0):.2g}"


def _term(rng, size):
    value, slope = rng.choice(TERMS)
    i, j = rng.sample(range(size), 2)
    a, c = _constant(rng), _constant(rng)
    return value.format(a=a, c=c, i=i, j=j), slope.format(a=a, c=c, i=i, j=j)


def _deeper(text):
    return [f"    {line}" for line in text.splitlines()]


def _indented(lines):
    return "\n".join(f"    {line}" for line in lines)
