"""Whole programs: their values on several inputs after a trace at one, and their gradients."""

import dataclasses
import random
import re

from .case import Call, Case, arguments_of, is_python, load, run_before, with_needed
from .compare import AGREES
from .definitions import HEAD
from .expressions import LENGTH, Writer
from .oracle import check_gradient, check_values
from .outcome import observe, run
from .statements import ending, statement

SIGNATURES = (
    ((("x", "vec"),), ("(np.array([{v}]),)",)),
    ((("x", "vec"), ("y", "vec")), ("(np.array([{v}]), np.array([{v}]))",)),
    ((("x", "vec"), ("t", "num")), ("(np.array([{v}]), {n})",)),
    ((("x", "vec"), ("y", "vec")), ("(lambda a: (a, a))(np.array([{v}]))",)),
    (
        (("x", "vec"), ("y", "vec")),
        ("(lambda a: (a[:4], a[1:]))(np.array([{v}, {n}]))", "(np.array([{v}]), np.array([{v}]))"),
    ),
    ((("x", "vec"), ("y", "vec")), ("(lambda a: (a, a[::-1]))(np.array([{v}]))",)),
)
"""Arguments of ``f`` by type, and how they are given: the same array twice, too."""


def draw(seed, number):
    """Return a program that runs on all of its arguments, or raises on some."""
    rng = random.Random(f"{seed}/{number}/programs")
    while True:
        case = _drawn(rng)
        if is_python(case.source) and _count_of_errors(case) <= rng.choice((0, 0, 1)):
            return case


def check(case, engine="numpy"):
    """Return the verdict on values, then on gradients."""
    verdict = check_values(case, engine)
    if verdict.kind != AGREES or engine != "numpy" or case.name != "program":
        return verdict
    return check_gradient(_with_flat_ends(case))


def _with_flat_ends(case):
    """Return a program whose result is flat where its numbers are so large that steps are lost."""
    source = re.sub(r"np\.sum\(np\.sin\((\w+)\)\)", r"np.sum(\1 / (1 + abs(\1)))", case.source)
    return dataclasses.replace(case, source=source)


def _drawn(rng):
    arguments, forms = rng.choice(SIGNATURES[:3] if rng.random() < 0.85 else SIGNATURES[3:])
    writer = Writer(rng, arguments)
    for _ in range(rng.choice((2, 3, 5, 7))):
        statement(writer)
    ending(writer)
    names = ", ".join(name for name, _ in arguments)
    source = with_needed(HEAD, f"def f({names}):\n" + "\n".join(writer.lines))
    calls = [Call(_given(rng, rng.choice(forms))) for _ in range(4)]
    is_shared = any("lambda a:" in call.arguments for call in calls)
    return Case("arguments that share memory" if is_shared else "program", source, tuple(calls))


def _given(rng, form):
    while "{v}" in form:
        form = form.replace("{v}", ", ".join(_number(rng) for _ in range(LENGTH)), 1)
    while "{n}" in form:
        form = form.replace("{n}", _number(rng), 1)
    return form


def _number(rng):
    return f"{rng.uniform(-1.2, 1.5):.2g}" if rng.random() < 0.93 else rng.choice(("0.0", "1.0"))


def _count_of_errors(case):
    names = load(case)
    errors = 0
    for call in case.calls:
        run(run_before, names, call)
        errors += observe(names["f"], run(arguments_of, names, call)).error is not None
    return errors
