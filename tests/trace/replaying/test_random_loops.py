"""Random loops: what is replayed agrees with plain Python, bit for bit, and with what is not."""

import contextlib
import random

import numpy as np
import pytest

import steepest as st
from steepest.trace.branching import retrace
from steepest.trace.replaying import replay
from tests.support.branches import defined

GROUPS, EXAMPLES = 12, 20
ROUNDS = 70

DATA = np.random.default_rng(3).normal(size=(ROUNDS + 3, 3))
LABELS = np.random.default_rng(4).integers(0, 3, size=ROUNDS + 3)


class Writer:
    """Writes a function with one long loop, of statements that people write in loops."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.numbers = ["total", "level", "old", "p[0]", "p[1]", "D[i, 0]", "0.5", "scale"]
        self.arrays = ["state", "D[i]", "p[1:4]", "work", "np.ones(3)", "table[L[i]]"]

    def number(self, depth=0):
        pick = self.random.random()
        if depth > 2 or pick < 0.35:
            return self.random.choice(self.numbers)
        if pick < 0.6:
            sign = self.random.choice(["+", "-", "*"])
            return f"({self.number(depth + 1)} {sign} {self.number(depth + 1)})"
        return self.random.choice([
            f"np.tanh({self.number(depth + 1)})",
            f"np.sum({self.array(depth + 1)})",
            f"{self.array(depth + 1)}[{self.random.randrange(3)}]",
            f"({self.array(depth + 1)} @ {self.array(depth + 1)})",
            f"{self.array(depth + 1)}.max()",
            f"helper({self.number(depth + 1)}, i)",
            f"np.exp(-np.abs({self.number(depth + 1)})) / (1.0 + i)",
            f"times[i] * {self.number(depth + 1)}",
            f"{self.number(depth + 1)} / (2.0 + {self.number(depth + 1)} ** 2)",
            f"np.abs({self.number(depth + 1)}) ** (i % 3)",
        ])  # fmt: skip

    def array(self, depth=0):
        pick = self.random.random()
        if depth > 2 or pick < 0.4:
            return self.random.choice(self.arrays)
        if pick < 0.6:
            sign = self.random.choice(["+", "-", "*"])
            return f"({self.array(depth + 1)} {sign} {self.array(depth + 1)})"
        return self.random.choice([
            f"np.array([{self.number(depth + 1)}, {self.number(depth + 1)}, 0.1])",
            f"np.tanh({self.array(depth + 1)})",
            f"(M @ {self.array(depth + 1)})",
            f"({self.number(depth + 1)} * {self.array(depth + 1)})",
            f"np.where({self.array(depth + 1)} > 0, {self.array(depth + 1)}, 0.0)",
            f"np.concatenate([{self.array(depth + 1)}[:2], D[i][2:]])",
            f"{self.array(depth + 1)}[::-1]",
            f"{self.array(depth + 1)}.copy()",
            f"np.maximum({self.array(depth + 1)}, {self.number(depth + 1)})",
        ])  # fmt: skip

    def statement(self):
        index = self.random.randrange(3)
        return self.random.choice([
            f"total = 0.9 * total + np.tanh({self.number()})",
            f"total += np.sin({self.number()})",
            f"level, old = np.tanh({self.number()}), level",
            f"state = np.tanh({self.array()})",
            f"state = 0.5 * state + np.tanh({self.array()})",
            f"state[{index}] = np.tanh({self.number()})",
            f"state[:] = np.tanh({self.array()})",
            f"state += np.tanh({self.array()})",
            f"work = np.zeros(3); work[{index}] = np.tanh({self.number()}); work[L[i]] = 1.0",
            f"work = state[:]; work[{index}] = np.tanh({self.number()})",
            "work = state",
            "work = state.copy()",
            f"out[i] = np.tanh({self.number()})",
            "level = 0.5 * level + out[i - 1]",
            "level = 0.5 * level + out[i + 1]",
            f"out[i + {self.random.choice([1, -1, 2])}] = np.sin({self.number()})",
            f"rows[i] = np.tanh({self.array()})",
            f"rows[i] = np.tanh({self.number()})",
            f"rows[i, -{index + 1}] = np.sin({self.number()})",
            f"level = 0.5 * level + rows[i, {index - 2}]",
            f"wide = np.broadcast_to({self.random.choice(['state', 'work'])}, (2, 3)); "
            f"level = 0.5 * level + np.tanh(wide[1, {index}])",
            "level = 0.5 * level + np.sum(table, **({'axis': 0} if i < 40 else {})).max()",
            f"rows[i, {index}] = np.tanh({self.number()})",
            "state = 0.3 * state + rows[i - 1]",
            f"kept.append(np.tanh({self.number()}))",
            f"kept.append({self.array()})",
            "old = old + kept[-1] if kept and i % 2 else level",
            f"if i % {self.random.choice([2, 7, 40])} == 0: total = total + {self.number()}",
            f"if D[i, 1] > {self.random.choice([-9.0, 0.0, 2.0])}: level = level * 0.9 + 0.1",
            f"for j in range({self.random.choice([2, 3])}): level = level * 0.5 + out[j] * p[j]",
            "scale = scale * 0.99",
            "memory[i % 3] = total",
            "total = total + 0.1 * memory.get((i - 1) % 3, 0.0)",
            "box.value = np.tanh(total)",
            "total = 0.5 * total + box.value",
            "np.add(state, 1.0, out=state); state = np.tanh(state)",
            "table = table * 0.99",
            f"i == {self.random.choice([30, 60])} and kept.append(total)",
        ])  # fmt: skip

    def program(self):
        body = [self.statement() for _ in range(self.random.randint(1, 6))]
        lines = [
            "def helper(u, i):",
            "    v = np.tanh(u)",
            "    return v * v + 0.1 * i",
            "def program(p):",
            "    total, level, old, scale, kept, memory = p[0] * 0.1, p[1], 0.0, 1.0, [], {}",
            "    state, work = np.zeros(3), np.ones(3)",
            "    out, rows = np.zeros(N + 3), np.zeros((N + 3, 3))",
            "    table = np.outer(p[:3], p[1:4])",
            "    box = Box()",
            f"    for i in {self.random.choice(['range(1, N)', 'range(N - 1, 0, -1)', 'I'])}:",
            *[f"        {line}" for line in body],
        ]
        if self.random.random() < 0.2:
            lines.append("        if i == 50: break")
        lines += [
            "    for value in kept: total = total + 0.01 * np.sum(value)",
            "    total = np.sum(total) + level + 0.1 * old + np.sum(state * work)",
            "    total = total + np.sum(out * out)",
            "    return np.sum(total) + 0.1 * np.sum(np.tanh(rows)) + np.sum(table) + box.value",
        ]
        return "\n".join(lines) + "\n"


class Box:
    value = 0.0


def programs(group):
    for number in range(EXAMPLES):
        text = Writer(1000 * group + number).program()
        names = {
            "np": np, "D": DATA, "L": LABELS, "N": ROUNDS, "Box": Box, "I": list(range(1, ROUNDS)),
            "M": np.array([[0.1, 0.2, 0.3], [0.3, 0.1, 0.2], [-0.2, 0.4, 0.1]]),
            "times": np.linspace(0.0, 1.0, ROUNDS + 3).tolist(),
        }  # fmt: skip
        yield text, defined(text, "program", f"/random_loops/{group}/{number}.py", names)


@pytest.mark.sampled(2)
@pytest.mark.parametrize("group", range(GROUPS))
def test_random_loops_agree_with_plain_python(group, monkeypatch):
    built = []
    made = replay.made_loop
    monkeypatch.setattr(replay, "made_loop", lambda what: (n := made(what), built.append(n))[0])
    start, other = np.array([0.3, -0.7, 1.1, 0.5]), np.array([-0.2, 0.4, 0.9, -1.3])
    for text, program in programs(group):
        with np.errstate(all="ignore"):
            try:
                expected = [program(x.copy()) for x in (start, other)]
            except (TypeError, ValueError):  # such as an array in place of a number
                continue
            graph = st.trace(program, start)
            assert np.array_equal(graph(start), expected[0], equal_nan=True), text
            try:
                found = graph(other)
            except st.InputError:  # another path
                found = st.trace(program, other)(other)
            assert np.array_equal(found, expected[1], equal_nan=True), text
            slopes = st.gradient(program)(start)
        with monkeypatch.context() as patch:
            patch.setattr(retrace, "replaying", lambda session: contextlib.nullcontext())
            unrolled = st.gradient(program)(start)
        np.testing.assert_allclose(slopes, unrolled, rtol=1e-9, atol=1e-12, err_msg=text)
    assert sum(nodes is not None for nodes in built) >= 2
