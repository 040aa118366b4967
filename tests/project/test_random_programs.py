"""Random programs with assignment, views, branches and loops, against NumPy itself.

An ordinary run draws five hundred programs. A longer one::

    STEEPEST_EXAMPLES=10000 pytest tests/project/test_random_programs.py
"""

import os

import numpy as np
import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as some

import steepest as st
from steepest.engines import Interpreter, Native, Torch
from steepest.trace import trace_function

pytestmark = pytest.mark.slow

EXAMPLES = int(os.environ.get("STEEPEST_EXAMPLES", "500"))
SETTINGS = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    derandomize=True,
    database=None,
)
SCALE = {"rtol": 1e-9, "atol": 1e-10}

# Statements: each takes the machine and two numbers that choose among what there is.


class Machine:
    """The arrays of a program, the numbers that its branches looked at, and its choices."""

    def __init__(self, x):
        self.arrays = [x * 1.0, np.zeros(x.shape), x[::-1] + 0.5]
        self.looked_at = []

    def array(self, number):
        return self.arrays[number % len(self.arrays)]

    def add(self, array):
        if 0 < array.size <= 40 and len(self.arrays) < 10:
            self.arrays.append(array)

    def is_true(self, value, than):
        self.looked_at.append(value - than)
        return value > than


def elementwise(m, i, j):
    a = m.array(i)
    m.add((np.sin(a), np.tanh(a) * 2.0, a * a * 0.3, np.exp(-a * a), np.sqrt(1.0 + a * a))[j % 5])


def combine(m, i, j):
    a, b = m.array(i), m.array(j)
    if a.shape == b.shape:
        m.add((a * b, a + b, a - 0.5 * b, a / (2.0 + np.cos(b)))[(i + j) % 4])


def take_view(m, i, j):
    a = m.array(i)
    views = [a[1:], a[::-1], a[::2], a[: max(1, len(a) // 2)], a.T, a[..., None][..., 0]]
    if a.ndim == 2:
        views += [a[0], a[:, -1], a.reshape(-1), np.swapaxes(a, 0, 1)]
    elif a.size % 2 == 0:
        views.append(a.reshape(2, -1))
    m.add(views[j % len(views)])


def set_element(m, i, j):
    a, b = m.array(i), m.array(j)
    where = tuple((j + k) % extent for k, extent in enumerate(a.shape))
    a[where] = b.reshape(-1)[i % b.size] * 0.7 + 0.1


def set_slice(m, i, j):
    a, b = m.array(i), m.array(j)
    start = j % len(a)
    a[start:] = np.sin(b.sum()) * (1.0 + start)


def set_all(m, i, j):
    a, b = m.array(i), m.array(j)
    if a.shape == b.shape:
        a[...] = b * 0.9


def set_by_mask(m, i, j):
    a = m.array(i)
    m.looked_at.extend(np.ravel(a - 0.2))
    a[a > 0.2] = np.cos(m.array(j).mean())


def shrink_by_mask(m, i, j):
    a = m.array(i)
    m.looked_at.extend(np.ravel(a - 0.3))
    chosen = a > 0.3
    a[chosen] = a[chosen] ** 2 * 0.5


def set_by_numbers(m, i, j):
    a = m.array(i)
    numbers = np.array([0, len(a) - 1, j % len(a)])
    a[numbers] = np.tanh(a[numbers[::-1]]) + 0.2


def add_in_place(m, i, j):
    a, b = m.array(i), m.array(j)
    if a.shape == b.shape:
        a += np.sin(b)
    else:
        a *= 0.8


def add_at(m, i, j):
    a = m.array(i)
    np.add.at(a, [0, j % len(a), 0], m.array(j).sum() * 0.1)


def accumulate(m, i, j):
    a = m.array(i)
    if a.ndim == 1:
        out = np.empty_like(a)
        total = 0.0
        for k in range(len(a)):
            total = 0.5 * total + a[k]
            out[k] = total
        m.add(out)


def sort_in_place(m, i, j):
    a = m.array(i)
    if a.ndim == 1:
        gaps = np.diff(np.sort(a))
        m.looked_at.extend(np.ravel(gaps))
        a.sort()


def branch(m, i, j):
    a = m.array(i)
    if m.is_true(a.reshape(-1)[j % a.size], 0.1):
        a *= 0.6
        elementwise(m, i, j + 1)
    else:
        set_element(m, i, j + 2)


def loop(m, i, j):
    a = m.array(i)
    for _ in range(4):
        if not m.is_true(np.max(np.abs(a)), 1.0):
            break
        a *= 0.7


def copy(m, i, j):
    m.add(m.array(i).copy())


STATEMENTS = [
    elementwise, combine, take_view, take_view, set_element, set_slice, set_all, set_by_mask,
    shrink_by_mask, set_by_numbers, add_in_place, add_at, accumulate, sort_in_place, branch, loop,
    copy,
]  # fmt: skip


def run(steps, x):
    machine = Machine(x)
    for which, first, second in steps:
        STATEMENTS[which % len(STATEMENTS)](machine, first, second)
    return machine


def loss_of(steps):
    def loss(x):
        arrays = run(steps, x).arrays
        return sum(np.sum(np.sin(a) * (k + 1.0)) for k, a in enumerate(arrays))

    return loss


@some.composite
def programs(draw):
    shape = draw(some.sampled_from([(3,), (4,), (6,), (2, 3), (3, 2), (18,)]))
    number = some.integers(0, 30)
    steps = draw(some.lists(some.tuples(number, number, number), min_size=1, max_size=10))
    return shape, steps, draw(some.integers(0, 2**32 - 1))


PARTS = 5
"""Of the search, so that processes can share it."""


@pytest.mark.sampled(6)
@pytest.mark.parametrize("part", range(PARTS))
def test_programs_mean_what_numpy_means(part):
    search = settings(SETTINGS, max_examples=max(1, EXAMPLES // PARTS))
    seed(part)(search(given(programs())(check_program)))()


def check_program(program):
    shape, steps, seed = program
    random = np.random.default_rng(seed)
    x, direction = random.uniform(-1, 1, shape), random.uniform(-1, 1, shape)
    loss, given_x = loss_of(steps), x.copy()
    expected = loss(x.copy())
    trace = trace_function(st.value_and_gradient(loss), (given_x,))
    np.testing.assert_array_equal(given_x, x)
    arrays = [x, *trace.captured_arrays()]
    number, (value, gradient) = Interpreter().compile([trace.graph])(arrays)
    assert number == 0
    np.testing.assert_allclose(value, expected, **SCALE)
    for engine in (Native(), Torch()):
        taken = engine.compile([trace.graph])(arrays)
        assert taken is not None
        for found, wanted in zip(taken[1], (value, gradient), strict=True):
            np.testing.assert_allclose(found, wanted, **SCALE)
    slope = st.pushforward(loss, (x,), (direction,))[1]
    np.testing.assert_allclose(slope, np.sum(gradient * direction), **SCALE)
    plain = trace_function(loss, (x,))
    autograd = Torch().value_and_gradient(plain.graph)([x, *plain.captured_arrays()])[1]
    np.testing.assert_allclose(autograd, gradient, **SCALE)
    step = 2e-5
    machines = [run(steps, x + k * step * direction) for k in (-2, -1, 0, 1, 2)]
    looked_at = np.array([np.asarray(m.looked_at, float) for m in machines])
    if (np.sign(looked_at) != np.sign(looked_at[2])).any() or abs(slope) > 100:
        return  # another path, or a tie, within the differences; or too steep for them
    numerical = sum(
        weight * loss(x + offset * step * direction)
        for offset, weight in ((-2, 1 / 12), (-1, -2 / 3), (1, 2 / 3), (2, -1 / 12))
    )
    np.testing.assert_allclose(numerical / step, slope, rtol=1e-6, atol=1e-6)


@settings(SETTINGS, max_examples=max(20, EXAMPLES // 20))
@given(programs())
def test_compiled_programs_find_their_paths(program):
    shape, steps, seed = program
    random = np.random.default_rng(seed)
    loss = loss_of(steps)
    compiled = st.compile(loss)
    for _ in range(4):
        x = random.uniform(-1.5, 1.5, shape)
        np.testing.assert_allclose(compiled(x.copy()), loss(x.copy()), **SCALE)
