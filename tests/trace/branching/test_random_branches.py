"""Random loops with branches: their values and slopes are those of plain Python.

A longer run::

    STEEPEST_EXAMPLES=3000 pytest tests/trace/branching/test_random_branches.py
"""

import os

import numpy as np
import pytest

import steepest as st
from tests.support.branches import defined, outcome, value_and_slopes_of_one_path

EXAMPLES = int(os.environ.get("STEEPEST_EXAMPLES", "60"))
GROUPS = 10

NUMBERS = ("u", "w", "v", "b", "s", "x[i]", "y[i]", "0.5", "2.0", "t")


class Writer:
    """Writes a random function of parameters ``p`` and data ``x``."""

    def __init__(self, seed):
        self.random = np.random.default_rng(seed)
        self.in_arm = False

    def one_of(self, *choices):
        return choices[self.random.integers(len(choices))]

    def number(self, depth=2):
        if depth == 0 or self.random.random() < 0.3:
            return self.one_of(*NUMBERS[: self.one_of(4, 7, 9, 9, 10)])
        a, b = self.number(depth - 1), self.number(depth - 1)
        return self.one_of(
            f"({a} + {b})",
            f"({a} - {b})",
            f"{a} * {b}",
            f"np.sin({a})",
            f"np.tanh({a}) * {b}",
            f"np.sqrt(2.0 + {a})",
            f"np.log(3.0 + {a})",
            f"{a} / {b}",
            f"helper({a}, {b})",
            f"({a} if {self.test(1)} else {b})",
            "n" if self.random.random() < 0.3 else a,
        )

    def test(self, depth=2):
        kind = self.random.integers(8) if depth else 0
        a, b = self.number(1), self.one_of("b", "s", "v", "0.3", "w")
        if kind == 5:
            return f"{self.test(depth - 1)} {self.one_of('and', 'or')} {self.test(depth - 1)}"
        if kind == 6:
            return f"not ({self.test(depth - 1)})"
        if kind == 7:
            return f"{b} < {a} < {self.one_of('b', 's', '1.0')}"
        return f"{a} {self.one_of('<', '>', '<=', '>=')} {b}"

    def block(self, depth, count=None):
        lines = []
        for _ in range(count or self.random.integers(1, 4)):
            lines += self.statement(depth)
        return lines

    def statement(self, depth):
        kind = self.random.integers(14 if depth else 8)
        name = self.one_of("u", "w", "v", "t")
        if kind == 0:
            return [f"y[i] {self.one_of('', '+', '-', '*')}= {self.number()}"]
        if kind == 1:
            return [f"{name} = {self.number()}"]
        if kind == 2:
            return [f"{self.one_of('u', 'w')} {self.one_of('+', '-', '*')}= {self.number()}"]
        if kind == 3:
            return [f"u, w = {self.number()}, {self.number()}"]
        if kind == 4:
            kept = f"kept.append({self.number()})"
            return [kept] if self.random.random() < 0.1 else [self.one_of("n += 1", "n = n + 2")]
        if kind == 5:
            return [f"{name} = {self.one_of('0.0', '1.0', '0', 'n')}"]
        if kind == 6:
            return [f"for k in range({self.one_of(1, 3)}):", f"    u = 0.5 * u + {self.number()}"]
        if kind == 7:
            rare = ("z = y.copy()", "y = y * 1.0")
            often = ("z[:2] = y[1:3] * b", "z += s", "z[i] = y[i - 1]", "z[0], z[1] = z[1], u")
            return [self.one_of(*(rare if self.random.random() < 0.1 else often))]
        lines = [f"if {self.test()}:", *self.inner(depth)]
        if kind > 9:
            if kind == 12:
                lines += [f"elif {self.test()}:", *self.inner(depth)]
            lines += ["else:", *self.inner(depth)]
        return lines

    def inner(self, depth):
        lines = self.block(depth - 1)
        if self.random.random() < 0.1:
            lines.append("continue")
        return ["    " + line for line in lines]

    def helper(self):
        lines = ["def helper(u, w):", "    b, s, v, i, t, n = 0.4, u * 0.5, w, 0, u, 2"]
        lines += ["    x, y = [w, u], [u, w]"]
        for _ in range(self.random.integers(0, 3)):
            lines += [f"    if {self.test(1)}:", f"        return {self.number(1)}"]
        return [*lines, f"    return {self.number(1)}"]

    def program(self):
        body = self.block(3, self.random.integers(1, 4))
        first, *rest = self.helper()
        helper = [first, *(line.replace("helper(", "np.add(") for line in rest)]
        return "\n".join([
            *helper, "",
            "def program(p, x):",
            "    b, s = p[0], p[1]",
            "    u, v, w, n, kept = 0.0 * b, b * s, 1.0, 0, []",
            self.one_of("    t = 0.5", "    t = s", "    pass"),
            "    y, z = np.zeros(len(x)), np.ones(len(x))",
            "    for i in range(len(x)):",
            *["        " + line for line in body],
            "    total = u + np.sum(y * np.cos(x)) + 0.5 * np.sum(z) + n * s + w",
            "    for value in kept:",
            "        total = total + 0.3 * value",
            "    return total", "",
        ])  # fmt: skip


def same(found, expected, scale=1.0):
    return np.allclose(found, expected, rtol=1e-8, atol=1e-9 * scale, equal_nan=True)


@pytest.mark.sampled(2)
@pytest.mark.parametrize("group", range(GROUPS))
def test_random_loops_agree_with_plain_python(group, monkeypatch):
    x = np.array([-1.2, 0.35, 0.9, -0.3, 1.7, 0.1])
    for number in range(EXAMPLES // GROUPS):
        seed = 1000 * group + number
        text = Writer(seed).program()
        plain = defined(text, "program", f"/random_branches/{seed}.py")
        function = lambda p, plain=plain: plain(p, x)
        compiled = st.compile(st.value_and_gradient(function))
        random = np.random.default_rng(seed)
        for _ in range(4):
            p = random.normal(size=2)
            expected, found = outcome(function, p), outcome(compiled, p)
            if isinstance(expected, type):
                assert isinstance(found, type), (seed, text, p, found)
                continue
            assert isinstance(found, tuple), (seed, text, p, found, expected)
            assert same(found[0], expected), (seed, text, p, found, expected)
            _, slopes = value_and_slopes_of_one_path(function, p, monkeypatch)
            if np.isfinite(slopes).all():
                size = max(np.max(np.abs(slopes)), abs(expected))
                assert same(found[1], slopes, size), (seed, text, p, found, slopes)
