"""Functions that write state themselves: each call must do what a plain call does, or refuse."""

import random

from .case import Call, Case
from .oracle import check_values

COUNTERS = (
    (
        "attribute of self",
        "self.n",
        """
class M:
    n = 0
    def f(self, x):
        self.n += 1
        return {use}
m = M()
f = m.f
""",
    ),
    (
        "global",
        "n",
        """
n = 0
def f(x):
    global n
    n += 1
    return {use}
""",
    ),
    (
        "nonlocal",
        "n",
        """
def made():
    n = 0
    def f(x):
        nonlocal n
        n += 1
        return {use}
    return f
f = made()
""",
    ),
    (
        "list",
        "len(calls)",
        """
calls = []
def f(x):
    calls.append(1)
    return {use}
""",
    ),
    (
        "dictionary",
        "d['n']",
        """
d = {'n': 0}
def f(x):
    d['n'] += 1
    return {use}
""",
    ),
    (
        "attribute of the function",
        "f.n",
        """
def f(x):
    f.n += 1
    return {use}
f.n = 0
""",
    ),
    (
        "class attribute",
        "C.n",
        """
class C:
    n = 0
def f(x):
    C.n += 1
    return {use}
""",
    ),
    (
        "array",
        "a[0]",
        """
a = np.zeros(2)
def f(x):
    a[0] += 1
    return {use}
""",
    ),
    (
        "iterator",
        "n",
        """
it = iter(range(100))
def f(x):
    n = next(it)
    return {use}
""",
    ),
    (
        "generator",
        "n",
        """
def numbers():
    n = 0
    while True:
        yield n
        n += 1
it = numbers()
def f(x):
    n = next(it)
    return {use}
""",
    ),
    (
        "itertools.count",
        "n",
        """
it = itertools.count()
def f(x):
    n = next(it)
    return {use}
""",
    ),
    (
        "deque",
        "q[0]",
        """
q = collections.deque([1., 2., 3.])
def f(x):
    q.rotate(1)
    return {use}
""",
    ),
    (
        "pop",
        "n",
        """
stack = [1., 2., 3., 4., 5., 6., 7., 8.]
def f(x):
    n = stack.pop()
    return {use}
""",
    ),
    (
        "set",
        "len(s)",
        """
s = set()
def f(x):
    s.add(len(s))
    return {use}
""",
    ),
    (
        "default",
        "len(seen)",
        """
def f(x, seen=[]):
    seen.append(1)
    return {use}
""",
    ),
    (
        "setdefault",
        "len(d)",
        """
d = {}
def f(x):
    n = d.setdefault('n', len(d) + 1)
    d[n] = 1
    return {use}
""",
    ),
    (
        "Counter",
        "c['a']",
        """
c = collections.Counter()
def f(x):
    c.update('a')
    return {use}
""",
    ),
    (
        "generator of random numbers",
        "n",
        """
rng = np.random.default_rng(0)
def f(x):
    n = rng.random()
    return {use}
""",
    ),
    (
        "random.Random",
        "n",
        """
rng = random.Random(0)
def f(x):
    n = rng.random()
    return {use}
""",
    ),
    (
        "random numbers in a class",
        "n",
        """
class M:
    rng = np.random.default_rng(0)
    def f(self, x):
        n = self.rng.normal()
        return {use}
f = M().f
""",
    ),
    (
        "setattr",
        "c.n",
        """
class C:
    n = 0
c = C()
def f(x):
    setattr(c, 'n', c.n + 1)
    return {use}
""",
    ),
    (
        "vars",
        "c.n",
        """
class C:
    pass
c = C()
c.n = 0
def f(x):
    vars(c)['n'] += 1
    return {use}
""",
    ),
    (
        "globals()",
        "n",
        """
n = 0
def f(x):
    globals()['n'] += 1
    return {use}
""",
    ),
    (
        "callable object",
        "self.n",
        """
class M:
    def __init__(self):
        self.n = 0
    def __call__(self, x):
        self.n = self.n + 1
        return {use}
f = M()
""",
    ),
    (
        "property with a setter",
        "m.n",
        """
class M:
    _n = 0
    @property
    def n(self):
        return self._n
    @n.setter
    def n(self, v):
        self._n = v
m = M()
def f(x):
    m.n = m.n + 1
    return {use}
""",
    ),
    (
        "heap",
        "len(h)",
        """
h = [0]
def f(x):
    heapq.heappush(h, len(h))
    return {use}
""",
    ),
    (
        "context variable",
        "v.get()",
        """
v = contextvars.ContextVar('v', default=0)
def f(x):
    v.set(v.get() + 1)
    return {use}
""",
    ),
    (
        "bytearray",
        "len(b)",
        """
b = bytearray()
def f(x):
    b.append(1)
    return {use}
""",
    ),
    (
        "decorator",
        "n",
        """
def counted(g):
    def call(x):
        call.n += 1
        return g(x) * call.n
    call.n = 0
    return call
@counted
def f(x):
    n = 1
    return {use}
""",
    ),
    (
        "in a branch",
        "d['n']",
        """
d = {'n': 0}
def f(x):
    if x[0] > 0.4:
        d['n'] += 1
    return {use}
""",
    ),
    (
        "in a helper",
        "n",
        """
d = {'n': 0}
def helper():
    d['n'] += 1
    return d['n']
def f(x):
    n = helper()
    return {use}
""",
    ),
)
"""What counts, how the count is read, and the module."""

USES = (
    "np.sum(x) * {n}",
    "np.sum(x) + {n}",
    "np.sum(x ** 2) if {n} > 2 else np.sum(x)",
    "{n} * x[0]",
)

MEMORIES = (
    (
        "last argument",
        """
class M:
    last = None
    def f(self, x):
        if self.last is None or not np.array_equal(x, self.last):
            self.last = x.copy()
            self.value = np.sum(x ** 2)
        return self.value
f = M().f
""",
    ),
    (
        "last argument, by ==",
        """
last = [None, 0.0]
def f(x):
    if last[0] is None or (x != last[0]).any():
        last[0] = x.copy()
        last[1] = np.sum(x ** 2)
    return last[1]
""",
    ),
    (
        "dictionary by bytes",
        """
d = {}
def f(x):
    key = x.tobytes()
    if key not in d:
        d[key] = np.sum(x ** 2)
    return d[key]
""",
    ),
    (
        "dictionary by tuple",
        """
d = {}
def f(x):
    key = tuple(x)
    if key not in d:
        d[key] = np.sum(x ** 2)
    return d[key]
""",
    ),
    (
        "dictionary by text",
        """
d = {}
def f(x):
    key = str(x)
    if key not in d:
        d[key] = np.sum(x ** 2)
    return d[key]
""",
    ),
    (
        "lru_cache of floats",
        """
@functools.lru_cache
def g(v):
    return v * v
def f(x):
    return sum(g(float(v)) for v in x)
""",
    ),
    (
        "lru_cache of a count",
        """
@functools.lru_cache
def g(n):
    return np.arange(n) * 2.0
def f(x):
    return np.sum(g(len(x)) * x)
""",
    ),
    (
        "cached_property",
        """
class M:
    k = 2.0
    @functools.cached_property
    def weights(self):
        return np.arange(3) * self.k
m = M()
def f(x):
    return np.sum(m.weights * x)
""",
    ),
    (
        "best so far",
        """
best = {'v': np.inf}
def f(x):
    v = np.sum(x ** 2)
    if v < best['v']:
        best['v'] = v
    return best['v']
""",
    ),
    (
        "previous value",
        """
class M:
    previous = 0.0
    def f(self, x):
        v = np.sum(x) + 0.5 * self.previous
        self.previous = v
        return v
f = M().f
""",
    ),
    (
        "kept list",
        """
seen = []
def f(x):
    seen.append(np.sum(x))
    return sum(seen)
""",
    ),
    (
        "kept array",
        """
a = np.zeros(3)
def f(x):
    a[...] = 0.5 * a + x
    return np.sum(a)
""",
    ),
    (
        "buffer that is filled anew",
        """
a = np.zeros(3)
def f(x):
    np.multiply(x, 2.0, out=a)
    return np.sum(a ** 2)
""",
    ),
    (
        "setup at the first call",
        """
d = {}
def f(x):
    if 'w' not in d:
        d['w'] = np.ones(len(x)) * 0.5
    return np.sum(d['w'] * x)
""",
    ),
    (
        "setup from the first argument",
        """
d = {}
def f(x):
    if 'x0' not in d:
        d['x0'] = x.copy()
    return np.sum((x - d['x0']) ** 2)
""",
    ),
    (
        "argument that is kept by reference",
        """
d = {}
def f(x):
    d['x'] = x
    return np.sum(x)
""",
    ),
)

HEAD = """
import collections
import contextvars
import functools
import heapq
import itertools
import random

import numpy as np
"""


def draw(seed, number):
    """Return a function that writes state, and calls of it at several points."""
    rng = random.Random(f"{seed}/{number}/side_effects")
    if rng.random() < 0.6:
        name, count, text = rng.choice(COUNTERS)
        text = text.replace("{use}", rng.choice(USES).replace("{n}", count))
    else:
        name, text = rng.choice(MEMORIES)
    points = [", ".join(f"{rng.uniform(0.1, 0.9):.2g}" for _ in range(3)) for _ in range(4)]
    if rng.random() < 0.5:
        points[2] = points[1]
    calls = tuple(Call(f"(np.array([{point}]),)") for point in points)
    return Case(name, HEAD + text, calls)


def check(case, engine="numpy"):
    """Return the verdict on values: gradients would call the function more often."""
    return check_values(case, engine)
