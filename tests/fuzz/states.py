"""Programs that read state from outside, and changes of that state between calls.

A value lies at the end of a path of containers: items of lists and dictionaries, attributes
of instances, classes, functions and modules, closures, defaults, partial applications. Each
level of the path may be changed between two calls, in place or by another container.
"""

import random

from .case import Call, Case, arguments_of, load, run_before, with_needed
from .compare import AGREES
from .containers import CONTAINERS, HEAD, LEAVES
from .oracle import check_descent, check_gradient, check_values
from .outcome import observe, run
from .readers import ARGUMENT, LOCALS, READERS


def draw(seed, number):
    """Return a program with changes of its state between calls, all of which can be made."""
    rng = random.Random(f"{seed}/{number}/states")
    while True:
        case = _drawn(rng)
        if _runs(case):
            return case


def _runs(case):
    names = run(load, case)
    try:
        for call in case.calls:
            run(run_before, names, call)
            run(arguments_of, names, call)
        return observe(names["f"], arguments_of(names, case.calls[0])).error is None
    except Exception:  # such as an attribute that this kind of object does not have
        return False


def _drawn(rng):
    path = [rng.choice(CONTAINERS) for _ in range(rng.choice((0, 1, 1, 1, 2, 2, 3)))]
    leaf = rng.choice(LEAVES)
    root = "S"
    reads = _reads(path, root)
    use = rng.choice(leaf.uses)
    lot = rng.random()
    form, inside = rng.choice(READERS), "S"
    if lot < 0.15:
        form, inside = ARGUMENT, "s"
    elif lot < 0.4:
        form, inside = rng.choice(LOCALS), "s"
    read = _reads(path, inside)[-1]
    body = form.replace("{use}", use.replace("{p}", read)).replace("{root}", root)
    body = f"WEIGHTS = np.array([1.0, 0.5, 2.0])\nS = {_made(path, leaf.values[0])}\n\n\n{body}\n"
    arguments = "(np.array([{}]), S)" if form == ARGUMENT else "(np.array([{}]),)"
    changes = [_change(rng, path, reads, leaf) for _ in range(rng.choice((2, 3, 4)))]
    calls = [Call(arguments.format(_point(rng)), before) for before in ("", *changes)]
    reader = "argument" if form == ARGUMENT else "state"
    name = " > ".join([reader, *(c.make.split("(")[0].partition("{v}")[0] for c in path)])
    source = with_needed(HEAD, body, " ".join(changes))
    return Case(name, source, tuple(calls))


def check(case, engine="numpy"):
    """Return the verdict on values, then on gradients and on a step of a descent."""
    verdict = check_values(case, engine)
    if verdict.is_wrong or engine != "numpy":
        return verdict
    slopes = check_gradient(case)
    return check_descent(case) if slopes.kind == AGREES else slopes


def _point(rng):
    return ", ".join(f"{rng.uniform(0.1, 0.9):.2g}" for _ in range(3))


def _made(path, value):
    for container in reversed(path):
        value = container.make.format(v=value)
    return value


def _reads(path, root):
    """Return how each container of a path is read, from the root to the value."""
    reads = [root]
    for container in path:
        reads.append(container.read.format(p=reads[-1]))
    return reads


def _change(rng, path, reads, leaf):
    """Return a statement that changes the value, or one of the containers on its path."""
    lot = rng.random()
    if lot < 0.1:
        return ""
    if leaf.changes and lot < 0.45 and not reads[-1].endswith(")"):
        return rng.choice(leaf.changes).replace("{p}", reads[-1])
    level = rng.randrange(len(path) + 1)
    while level and not path[level - 1].write:
        level -= 1
    value = _made(path[level:], rng.choice(leaf.values))
    if level == 0:
        return f"S = {value}"
    return path[level - 1].write.format(p=reads[level - 1], v=value)
