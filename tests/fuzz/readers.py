"""Functions that read state: how they come by it, and where they use it."""

IN_F = ("def f(x):\n    return np.sum({use} * WEIGHTS)",)
IN_HELPERS = (
    """
def helper(x):
    return {use}


def f(x):
    return np.sum(helper(x) * WEIGHTS)
""",
    """
def f(x):
    def nested(x):
        return {use}

    return np.sum(nested(x) * WEIGHTS)
""",
    """
def f(x):
    return sum([np.sum(v * WEIGHTS) for v in [{use}]])
""",
    """
def f(x):
    total = 0.0
    for _ in range(2):
        total = total + np.sum({use} * WEIGHTS)
    return total
""",
    """
def f(x):
    try:
        r = {use}
    finally:
        pass
    return np.sum(r * WEIGHTS)
""",
    """
def f(x):
    g = lambda x: {use}
    return np.sum(g(x) * WEIGHTS)
""",
    """
def f(x):
    if x[0] > 0.4:
        return np.sum(x)
    return np.sum({use} * WEIGHTS)
""",
    """
class Model:
    def loss(self, x):
        return np.sum({use} * WEIGHTS)


f = Model().loss
""",
    """
class Model:
    def __call__(self, x):
        return np.sum({use} * WEIGHTS)


f = Model()
""",
    """
class Model:
    def loss(self, x):
        return np.sum({use} * WEIGHTS)


f = functools.partial(Model.loss, Model())
""",
    """
def decorated(function):
    @functools.wraps(function)
    def call(*args):
        return function(*args)

    return call


@decorated
def f(x):
    return np.sum({use} * WEIGHTS)
""",
)
READERS = IN_F * 3 + IN_HELPERS
"""Functions that read the global S."""

ARGUMENT = "def f(x, s):\n    return np.sum({use} * WEIGHTS)"
LOCALS = (
    "def f(x):\n    s = {root}\n    return np.sum({use} * WEIGHTS)",
    "def f(x, s=S):\n    return np.sum({use} * WEIGHTS)",
    "def f(x, *, s=S):\n    return np.sum({use} * WEIGHTS)",
    """
def made(s):
    def f(x):
        return np.sum({use} * WEIGHTS)

    return f


f = made(S)
""",
    """
class Model:
    def __init__(self, s):
        self.s = s

    def loss(self, x):
        s = self.s
        return np.sum({use} * WEIGHTS)


f = Model(S).loss
""",
    """
def f(x):
    return np.sum({use} * WEIGHTS)


f = functools.partial(lambda s, x: np.sum({use} * WEIGHTS), S)
""",
)
"""Functions that reach the same object by another name."""
