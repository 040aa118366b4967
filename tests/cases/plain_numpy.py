"""Functions in plain NumPy, as people write them: none was written for steepest.

Each takes one vector of six numbers (some, other arguments with defaults) and returns a
number. ``FUNCTIONS`` lists them; ``EXACT`` names those that are arithmetic alone, whose values
must be NumPy's to the last bit.
"""

import functools
import math
from dataclasses import dataclass
from math import exp, pi, sqrt
from typing import NamedTuple

import numpy as np
import numpy.linalg as la
from numpy import zeros as make_zeros

TIMES = np.array([0.5, 1.0, 1.5, 2.0, 3.0, 4.0])
DATA = np.array([2.1, 1.4, 1.2, 0.8, 0.4, 0.3])
TABLE = {"rate": 0.3, "offsets": [0.1, 0.2, 0.3]}

FUNCTIONS = []
EXACT = set()


def listed(function):
    FUNCTIONS.append(function)
    return function


def exact(function):
    EXACT.add(function.__name__)
    return listed(function)


@exact
def fills_in_a_loop(x):
    y = np.zeros(len(x))
    for i in range(len(x)):
        y[i] = x[i] * (i + 1)
    return y.sum()


@exact
def chained_rosenbrock(x):
    n = x.size
    f = np.zeros(2 * (n - 1))
    for i in range(n - 1):
        f[2 * i] = 10.0 * (x[i + 1] - x[i] ** 2)
        f[2 * i + 1] = 1.0 - x[i]
    total = 0.0
    for value in f:
        total += value * value
    return total


@listed
def exponential_residuals(x):
    m = len(TIMES)
    fvec = np.empty(m)
    for k in range(m):
        fvec[k] = x[0] * math.exp(-x[1] * TIMES[k]) + x[2] - DATA[k]
    return np.sum(fvec**2)


@exact
def huber_by_branches(x):
    total = 0.0
    for value in x:
        r = value - 0.5
        if abs(r) < 0.4:
            total = total + 0.5 * r * r
        elif r > 0:
            total = total + 0.4 * (r - 0.2)
        else:
            total = total - 0.4 * (r + 0.2)
    return total


@listed
def newton_square_root(x):
    target, y = x[0] ** 2 + 2.0, 1.0
    while abs(y * y - target) > 1e-14:
        y = 0.5 * (y + target / y)
    return y * x[1]


@exact
def views_alias(x):
    a = np.zeros((2, 3))
    row = a[1]
    row[:] = x[:3]
    column = a[:, 0]
    column += x[3]
    a.T[2, 0] = x[4] * x[5]
    flat = a.reshape(-1)
    flat[1] = x[0]
    return (a * np.arange(6.0).reshape(2, 3)).sum()


@exact
def reverses_in_place(x):
    y = x.copy()
    y[::-1] = x * x
    y[1:3] *= 2.0
    y[-1] -= x[0]
    return np.sum(y[:3] * x[3:])


@exact
def masks(x):
    y = x * 2.0
    y[y > 0.8] = 0.8
    y[np.array([True, False] * 3)] += 1.0
    return np.sum(y * x)


@listed
def masked_logarithms(x):
    out = np.zeros_like(x)
    positive = x > 0.0
    out[positive] = np.log(x[positive])
    return np.sum(out * np.arange(6))


@exact
def integer_arrays(x):
    y = np.zeros(4)
    y[[0, 2, 3]] = x[[5, 4, 3]]
    np.add.at(y, [0, 0, 1], x[:3])
    y[np.array([1, 1])] = x[[0, 1]]
    return np.dot(y, y)


@exact
def writes_to_out(x):
    buffer = np.empty(6)
    np.multiply(x, x, out=buffer)
    np.add(buffer, 1.0, out=buffer)
    np.sqrt(buffer, out=buffer, where=x > 0.3)
    return buffer.sum()


@exact
def fills_and_sorts(x):
    y = np.empty(6)
    y.fill(x[0])
    y[1:] = x[1:]
    y.sort()
    return y[0] * 3.0 - y[-1] + np.median(x)


@exact
def diagonals(x):
    a = np.outer(x[:3], x[3:])
    np.fill_diagonal(a, x[0])
    d = np.diagonal(a)
    a[1, 1] = x[5] * 2.0
    return np.trace(a) + d[1] * d[2] + a.flat[3]


@listed
def put_and_choose(x):
    y = np.zeros(5)
    np.put(y, [0, 4], [x[0], x[1]])
    np.copyto(y[1:3], x[2:4])
    z = np.select([x < 0.2, x < 0.7], [x**2, np.sin(x)], 1.0)
    return y.sum() + z.sum() + np.where(x[0] > 0, x[1], x[2])


def _accumulate_into(out, values, weight=1.0):
    for i, value in enumerate(values):
        out[i] += weight * value


@exact
def helpers_fill(x):
    out = np.ones(6)
    _accumulate_into(out, x)
    _accumulate_into(out[2:], x[:2], weight=3.0)
    return np.prod(out)


@exact
def recursion(x):
    def total(values):
        if len(values) == 1:
            return values[0]
        half = len(values) // 2
        return total(values[:half]) * 0.5 + total(values[half:])

    return total(x)


class Model:
    decay = 0.5

    def __init__(self, scale):
        self.scale = scale

    def term(self, x, i):
        out = np.zeros(2)
        out[0] = self.scale * x[i]
        out[1] = math.exp(-self.decay * x[i])
        return out

    def loss(self, x):
        return sum(self.term(x, i).sum() for i in range(3)) ** 2


@listed
def methods(x):
    return Model(2.0).loss(x)


listed(functools.wraps(Model.loss)(lambda x: Model(1.5).loss(x)))


class Damped(Model):
    def __init__(self, scale, damping):
        super().__init__(scale)
        self.damping = damping

    @property
    def strength(self):
        return self.scale * self.damping

    @staticmethod
    def squares(values):
        out = np.zeros(len(values))
        for i, value in enumerate(values):
            out[i] = value * value
        return out

    @classmethod
    def make(cls, damping):
        return cls(1.2, damping)

    def term(self, x, i):
        out = super().term(x, i)
        out[1] *= self.strength
        return out

    def __call__(self, x):
        return self.loss(x) + self.squares(x[:2]).sum()


@listed
def inheritance(x):
    return Damped.make(0.5)(x) + Damped(2.0, x[5])(x)


class Point(NamedTuple):
    east: float
    north: float


@dataclass
class Segment:
    start: Point
    end: Point

    def length(self):
        return math.hypot(self.end.east - self.start.east, self.end.north - self.start.north)


@listed
def named_tuples_and_dataclasses(x):
    points = [Point(x[i], x[i + 1]) for i in range(0, 6, 2)]
    segments = [Segment(a, b) for a, b in zip(points, points[1:])]  # noqa: RUF007
    return sum(segment.length() for segment in segments)


@listed
def mathematics(x):
    a, b, c = float(x[0]), float(x[1]), x[2].item()
    return sqrt(a * a + 1.0) + math.atan2(b, c) + exp(-c) * pi + math.log(b + 2.0, 10.0)


@exact
def builtin_functions(x):
    lowest, highest = min(x), max(x[0], x[1], 0.3)
    return abs(lowest - 1.0) + highest * sum(x) + round(2.5) + max(1, 2)


@exact
def rounds_and_truncates(x):
    steps = int(x[1] * 10.0)
    total = 0.0
    for i in range(steps):
        total += x[0] * i
    return total + math.floor(x[2]) * x[3]


@exact
def makes_arrays(x):
    a = np.array([x[0], 2.0, x[1]])
    b = np.array([[x[2], x[3]], [x[4], 1.0]])
    c = np.full((2, 2), x[5])
    d = np.asarray([a[0], a[2]])
    return a.sum() + (b * c).sum() + d @ d


@exact
def makes_grids(x):
    grid = np.linspace(0.0, 1.0, 5)
    grid[2] = x[0]
    lines = np.tile(grid, (2, 1))
    lines[1] *= x[1]
    return np.sum(lines) + np.eye(3)[1, 1] * x[2] + np.arange(3.0) @ x[3:]


@listed
def linspace_of_traced(x):
    t = np.linspace(x[0], x[1] + 2.0, 5)
    y = t**2
    return np.trapezoid(y, t)


@exact
def stacks_and_splits(x):
    first, second = np.split(x, 2)
    top = np.vstack([first, second])
    wide = np.hstack([top, top[:, ::-1]])
    rolled = np.roll(np.concatenate([wide[0], wide[1]]), 3)
    return np.sum(rolled[:6] * x)


@listed
def finite_differences(x):
    g = np.gradient(x, 0.5)
    d = np.diff(x, n=2)
    c = np.convolve(x, [0.25, 0.5, 0.25], mode="same")
    return np.sum(g**2) + np.sum(d**2) + np.sum(c * x)


@listed
def interpolates(x):
    return np.interp(x[0], [0.0, 0.5, 1.0, 2.0], [1.0, x[1], x[2], 0.0]) + np.polyval(x[:3], x[3])


@listed
def statistics(x):
    return np.std(x) + np.var(x[:4], ddof=1) + np.average(x, weights=np.arange(1, 7)) + np.ptp(x)


@listed
def products_and_norms(x):
    a = x.reshape(2, 3)
    return la.norm(a @ a.T) + np.linalg.norm(x) + np.inner(a[0], a[1]) + np.cumsum(x)[-2]


@exact
def euler_steps(x):
    y = np.zeros((20, 2))
    y[0] = x[:2]
    h = 0.05
    for k in range(19):
        y[k + 1, 0] = y[k, 0] + h * y[k, 1]
        y[k + 1, 1] = y[k, 1] - h * (x[2] * y[k, 0] + x[3] * y[k, 1])
    return np.sum(y[-1] ** 2)


@exact
def tridiagonal_solver(x):
    n = len(x)
    a, b, c, d = -np.ones(n), 4.0 * np.ones(n), -np.ones(n), x.copy()
    for i in range(1, n):
        w = a[i] / b[i - 1]
        b[i] = b[i] - w * c[i - 1]
        d[i] = d[i] - w * d[i - 1]
    d[n - 1] = d[n - 1] / b[n - 1]
    for i in range(n - 2, -1, -1):
        d[i] = (d[i] - c[i] * d[i + 1]) / b[i]
    return d.sum() + d[0] * d[-1]


@exact
def gaussian_elimination(x):
    a = np.array([[4.0, x[0], 0.0], [x[1], 5.0, 1.0], [0.5, x[2], 3.0]])
    b = x[3:].copy()
    for k in range(3):
        for i in range(k + 1, 3):
            factor = a[i, k] / a[k, k]
            a[i, k:] -= factor * a[k, k:]
            b[i] -= factor * b[k]
    solution = np.zeros(3)
    for i in (2, 1, 0):
        solution[i] = (b[i] - a[i, i + 1 :] @ solution[i + 1 :]) / a[i, i]
    return solution.sum()


@exact
def swaps_rows(x):
    a = np.zeros((3, 2))
    a[:] = x.reshape(3, 2)
    a[[0, 2]] = a[[2, 0]]
    a[:, 1], a[:, 0] = a[:, 0].copy(), a[:, 1].copy()
    return np.sum(a * np.arange(1.0, 7.0).reshape(3, 2))


@exact
def closures(x):
    weights = []

    def weigh(value, power=2):
        weights.append(value**power)
        return weights[-1]

    for value in x[:3]:
        weigh(value)
    return sum(weights) + len(weights)


@listed
def partials(x):
    def scaled(factor, values):
        out = np.zeros(len(values))
        for i, value in enumerate(values):
            out[i] = factor * math.sin(value)
        return out

    twice = functools.partial(scaled, 2.0)
    return np.sum(twice(x))


@listed
def lambdas_and_comprehensions(x):
    terms = [(lambda v, k=k: v**k) for k in (1, 2, 3)]
    return sum(f(v) for f, v in zip(terms, x, strict=False)) + max(v * v for v in x)


@listed
def dictionaries(x):
    state = {"position": x[:2], "rate": TABLE["rate"]}
    for offset in TABLE["offsets"]:
        state["position"] = state["position"] * (1.0 - state["rate"]) + offset
    return np.sum(state["position"] ** 2) + x[5]


@listed
def try_and_except(x):
    try:
        value = math.log(x[0] - 10.0)
    except ValueError:
        value = x[0] * 3.0
    return value + x[1]


@exact
def bubble_sort(x):
    y = x.copy()
    for i in range(len(y)):
        for j in range(len(y) - 1 - i):
            if y[j] > y[j + 1]:
                y[j], y[j + 1] = y[j + 1], y[j]
    return np.sum(y * np.arange(6.0))


@exact
def early_return(x):
    for i, value in enumerate(x):
        if value > 0.5:
            return value * (i + 1)
    return x[0]


@exact
def counts_and_breaks(x):
    total, steps = x[0], 0
    while True:
        total = total * 1.5 + 0.1
        steps += 1
        if total > 3.0 or steps >= 50:
            break
    return total - steps * x[1]


@exact
def searches(x):
    i = int(np.argmax(x))
    j = np.argmin(x)
    return x[i] * 2.0 - x[j]


@exact
def boolean_logic(x):
    if (x[0] > 0 and x[1] < 0.9) or not np.all(x > -5.0):
        return x[0] * x[1]
    return x[2]


@listed
def scatter_with_where(x):
    y = make_zeros((2, 3), dtype=float)
    y[:, 1:] = x[:4].reshape(2, 2)
    y[0] = np.where(y[0] > 0.3, y[0] ** 2, -y[0])
    y[1] /= 1.0 + np.abs(y[1]).max()
    return y.sum()


@listed
def generator_sums(x):
    def squares():
        for value in x:
            yield value * value

    return math.fsum(list(squares())) + sum(squares())


@exact
def augmented_slices(x):
    y = np.ones((3, 2))
    y[1:] += x[:2]
    y[..., 0] -= x[2]
    y[0, :] /= 2.0
    y[:, 1] **= 2
    return np.sum(y)


@listed
def imports_inside(x):
    from math import cos

    import numpy as numeric

    out = numeric.zeros(2)
    out[0] = cos(x[0])
    out[1] = numeric.tanh(x[1])
    return out.sum()


@listed
def kinematics(x):
    links, angle, tip = [1.0, 0.8, 0.5], 0.0, np.zeros(2)
    for length, joint in zip(links, x, strict=False):
        angle += joint
        tip += length * np.array([math.cos(angle), math.sin(angle)])
    return (tip[0] - 1.0) ** 2 + (tip[1] - 0.5) ** 2


@exact
def assertions_and_checks(x):
    assert x.shape == (6,)
    assert x[0] > 0, "the first is positive"
    if not isinstance(x, np.ndarray) or isinstance(x[0], int):
        raise TypeError("an array of floats is expected")
    return float(x[0]) + x.mean()


@exact
def horner_with_while(x):
    result, i = 0.0, len(x) - 1
    while i >= 0:
        result = result * 0.7 + x[i]
        i -= 1
    return result


@exact
def moving_maximum(x):
    best = np.empty_like(x)
    best[0] = x[0]
    for i in range(1, x.shape[0]):
        best[i] = max(best[i - 1], x[i])
    return best.sum()
