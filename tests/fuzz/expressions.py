"""Random expressions, as text, over the variables in scope."""

import functools

LENGTH = 4
"""Of all vectors."""


class Writer:
    """Writes one function, line by line.

    Variables are kept by type: "num" for floats, "vec" for vectors of four floats, "int",
    "list" for lists of at least one float, "dict" for dictionaries with the key "k", "obj"
    for objects with state, "pair", "fn" for functions of a number.
    """

    def __init__(self, rng, arguments):
        self.rng = rng
        self.lines = []
        self.depth = 1
        self.loops = 0
        self.names = {
            kind: [name for name, of in arguments if of == kind]
            for kind in ("num", "vec", "int", "list", "dict", "obj", "pair", "fn")
        }
        self.made = 0

    def put(self, text):
        self.lines += ["    " * self.depth + line for line in text.splitlines()]

    def new(self, kind):
        """Return a new name, which is in scope after the statement that is being written."""
        self.made += 1
        return f"{kind[0]}{self.made}"

    def keep(self, kind, name):
        self.names[kind].append(name)


def pick(w, *texts):
    """Return the text that one of several functions gives, chosen at random."""
    chosen = w.rng.choice(texts)
    return chosen() if callable(chosen) else chosen


def constant(w):
    return f"{w.rng.uniform(-1.5, 1.5):.2g}"


def num(w, depth=2):
    known, n = w.names, functools.partial(num, w)
    simple = [lambda: constant(w), *known["num"], *known["num"]]
    simple += [f"{v}[{w.rng.randrange(-LENGTH, LENGTH)}]" for v in known["vec"]]
    simple += [f"{v}[0]" for v in known["list"]] + [f"{v}['k']" for v in known["dict"]]
    simple += [f"{v}.state" for v in known["obj"]] + [f"{v}.a" for v in known["pair"]]
    if depth == 0:
        return pick(w, *simple)
    d = depth - 1
    v = functools.partial(vec, w)
    return pick(
        w,
        *simple[:4],
        lambda: f"({n(d)} + {n(d)})",
        lambda: f"({n(d)} - {n(d)})",
        lambda: f"({n(d)} * {n(d)})",
        lambda: f"({n(d)} / (2.0 + abs({n(d)})))",
        lambda: f"math.sin({n(d)})",
        lambda: f"np.tanh({n(d)})",
        lambda: f"math.exp(-abs({n(d)}))",
        lambda: f"abs({n(d)})",
        lambda: f"max({n(d)}, {n(d)})",
        lambda: f"min({n(d)}, {n(d)}, {constant(w)})",
        lambda: f"({n(d)} if {truth(w, d)} else {n(d)})",
        lambda: f"np.sum({v(d)})",
        lambda: f"{named(w, 'vec')}.mean()",
        lambda: f"({v(d)} @ {v(d)})",
        lambda: f"np.max({v(d)})",
        lambda: f"float({n(d)})",
        lambda: f"({n(d)}) ** 2",
        lambda: f"({n(d)} % 0.7)",
        lambda: f"({n(d)} // 0.5)",
        lambda: f"int({n(d)} * 2)",
        lambda: f"round({n(d)})",
        lambda: f"len({named(w, 'vec')}) * {n(d)}",
        lambda: f"{named(w, 'int')} * {n(d)}",
        lambda: f"soft({n(d)})",
        lambda: f"soft({n(d)}, {n(0)}, power=3)",
        lambda: f"spread({n(d)}, *{v(d)}, k={n(d)})",
        lambda: f"walk({n(d)})",
        lambda: f"sum(parts({v(d)}))",
        lambda: f"sum([{n(0)} * e for e in {v(d)} if e > {constant(w)}])",
        lambda: f"sum(e * i for i, e in enumerate({v(d)}))",
        lambda: f"(lambda a, b={n(0)}: a * b)({n(d)})",
        lambda: f"Derived.by_gain({n(d)})",
        lambda: f"Derived.twice({n(d)})",
        lambda: f"SETTINGS['rate'] * {n(d)}",
        lambda: f"np.linalg.norm({v(d)} + 2.0)",
        lambda: f"sorted({v(d)})[{w.rng.randrange(LENGTH)}]",
        lambda: f"math.hypot({n(d)}, 1.0)",
        lambda: f"divmod({n(d)}, 0.8)[{w.rng.randrange(2)}]",
        lambda: f"{named(w, 'vec')}.tolist()[1] * {n(0)}",
        lambda: f"{named(w, 'vec')}.item(2)",
        lambda: f"np.float64({n(d)})",
        lambda: f"complex({n(d)}, {n(0)}).real",
        lambda: f"sum(map(lambda e: e * e, {v(d)}))",
        *[f"{fn}({n(0)})" for fn in known["fn"]],
        *[f"sum({v})" for v in known["list"]],
        *[f"{o}.scaled" for o in known["obj"]],
        *[f"{o}({n(0)})" for o in known["obj"]],
    )


def vec(w, depth=1):
    if depth <= 0:
        return named(w, "vec")
    d = depth - 1
    v, n = functools.partial(vec, w), functools.partial(num, w)
    return pick(
        w,
        lambda: named(w, "vec"),
        lambda: f"({v(d)} + {v(d)})",
        lambda: f"({v(d)} * {n(d)})",
        lambda: f"({v(d)} - {n(d)} * {v(d)})",
        lambda: f"np.sin({v(d)})",
        lambda: f"np.tanh({v(d)})",
        lambda: f"{named(w, 'vec')}[::-1]",
        lambda: f"np.where({v(d)} > {constant(w)}, {v(d)}, {v(d)} * 0.3)",
        lambda: f"np.roll({v(d)}, {w.rng.randrange(-1, 3)})",
        lambda: f"np.sort({v(d)})",
        lambda: f"np.cumsum({v(d)})",
        lambda: f"np.concatenate([{named(w, 'vec')}[2:], {named(w, 'vec')}[:2]])",
        lambda: f"np.array([{', '.join(n(0) for _ in range(LENGTH))}])",
        lambda: f"{named(w, 'vec')}.copy()",
        lambda: f"np.maximum({v(d)}, {n(d)})",
        lambda: f"np.clip({v(d)}, -0.5, {n(0)})",
        lambda: f"np.outer({v(d)}, {v(d)})[{w.rng.randrange(LENGTH)}]",
        lambda: f"{named(w, 'vec')}.reshape(2, 2).T.ravel()",
        lambda: f"np.asarray({v(d)})",
        lambda: f"np.array([e * 2.0 for e in {v(d)}])",
        lambda: f"np.array(list(reversed({v(d)})))",
        lambda: f"np.zeros_like({named(w, 'vec')})",
        lambda: f"np.full({LENGTH}, {n(d)})",
        lambda: f"(TABLE * {n(d)})",
        lambda: f"np.take({v(d)}, [0, 2, 1, 3])",
        lambda: f"np.linspace(0.0, {n(d)}, {LENGTH})",
        lambda: f"np.interp({v(d)}, [-1.0, 0.0, 1.0], [0.0, {n(0)}, 1.0])",
        lambda: f"np.stack([{named(w, 'vec')}, {named(w, 'vec')}]).sum(axis=0)",
        lambda: f"np.vectorize(lambda e: e * {n(0)})({v(d)})",
        lambda: f"change({named(w, 'vec')}, {w.rng.randrange(LENGTH)})",
        lambda: f"abs({v(d)})",
    )


def truth(w, depth=1):
    n, v = functools.partial(num, w), functools.partial(vec, w)
    d = max(depth - 1, 0)
    return pick(
        w,
        lambda: f"{n(d)} > {constant(w)}",
        lambda: f"{n(d)} < {n(d)}",
        lambda: f"0.1 < {n(d)} <= 0.8",
        lambda: f"np.any({v(d)} > {constant(w)})",
        lambda: f"({v(d)} < 0.9).all()",
        lambda: f"{named(w, 'int')} % 2 == 0",
        lambda: f"not {n(d)} >= {constant(w)}",
        lambda: f"({n(d)} > 0.2 and {n(d)} < 0.9)",
        lambda: f"({n(d)} > 0.9 or {n(d)} < 0.1)",
        lambda: f"np.argmax({v(d)}) == {w.rng.randrange(LENGTH)}",
        lambda: f"bool({n(d)})",
        lambda: f"np.allclose({v(d)}, {v(d)})",
        lambda: f"int({n(d)} * 3) in (0, 1)",
        lambda: f"isinstance({n(d)}, float)",
        lambda: f"{named(w, 'int')} > 2",
    )


def named(w, kind):
    """Return a name of a type; a fitting constant where there is none."""
    if w.names[kind]:
        return w.rng.choice(w.names[kind])
    return {"int": str(w.rng.randrange(1, 5)), "vec": "TABLE.copy()"}.get(kind, constant(w))


def local(w, kind):
    return w.rng.choice(w.names[kind])
