"""One call of one public function, with traced values at some of its arguments."""

import functools
import random

from . import catalog, values
from .calls import SORTED, Filler, call_text, texts_of
from .case import Call, Case, arguments_of, is_python, load
from .compare import AGREES, REFUSED
from .oracle import check_gradient, check_values
from .outcome import observe, run

HEAD = "import math\nimport operator\n\nimport numpy as np\nimport scipy.special as sp\n\n\n"

LOSS = """

def weighed(r):
    if isinstance(r, (tuple, list)):
        return sum([weighed(v) for v in r], 0.0)
    r = np.asarray(r)
    if r.dtype.kind == "c":
        return weighed(r.real) + weighed(r.imag)
    if r.dtype.kind != "f":
        return 0.0
    return np.sum(r * np.cos(np.arange(1.0, r.size + 1.0)).reshape(r.shape))


def loss({names}):
    return weighed(f({names}))
"""

TRIES = 10
RAISING = 0.12
"""The share of cases in which NumPy itself raises."""

BODIES = (
    "return {call}",
    "r = {call}\n    r[...] = 7\n    return r, {names}",
    "r = {call}\n    {first}[...] = 5\n    return r, {names}",
    "r = {call}\n    r += 1\n    return r, {names}",
    "r = {call}\n    return np.ravel(r, order='K'), np.ravel(r, order='A'), np.reshape(r, -1)",
    "r = {call}\n    return r * np.float32(2), np.ones(2, np.float32).sum() * r",
    "r = {call}\n    return isinstance(r, np.ndarray), isinstance(r, float), np.ndim(r)",
    "r = {call}\n    r.T[...] = 2\n    return r, {names}",
)
"""What is done with the result: most often it is returned as it is."""


@functools.cache
def _targets():
    return catalog.targets()


def draw(seed, number):
    """Return a case by its number: targets take turns."""
    rng = random.Random(f"{seed}/{number}/namespace")
    targets = _targets()
    order = random.Random(seed).sample(range(len(targets)), len(targets))
    target = targets[order[number % len(targets)]]
    raises = rng.random() < RAISING
    found = None
    for _ in range(TRIES):
        case = _drawn(target, rng)
        outcome = _raises(case) if is_python(case.source) else None
        if outcome is not None:
            found = case
        if outcome is raises:
            break
    return found or Case(target.path, f"{HEAD}def f(x):\n    return x\n", (Call("(1.0,)"),))


def _raises(case):
    """Return whether the first call raises; None if a text among the arguments is none."""
    try:
        names = load(case)
        given = [run(arguments_of, names, call) for call in case.calls]
    except Exception:
        return None
    return observe(names["f"], given[0]).error is not None


def check(case, engine="numpy"):
    """Return the verdict on values, and on gradients where the result is just returned."""
    verdict = check_values(case, engine)
    if case.name in catalog.OPERATORS and _has_no_answer(case):
        return verdict
    if verdict.kind in (AGREES, REFUSED) and "def loss" in case.source and engine == "numpy":
        slopes = check_gradient(case, "loss")
        return slopes if slopes.is_wrong else verdict
    return verdict


def _has_no_answer(case):
    names = run(load, case)
    return observe(names["f"], run(arguments_of, names, case.calls[0])).result is NotImplemented


def _kind_and_shape(target, rng):
    """Return of which kind the numbers of a case are, and the shape of most arrays."""
    kind = rng.choice(values.REGULAR) if rng.random() < 0.82 else "special"
    shape = rng.choice(values.SHAPES)
    if kind == "special" and target.path.startswith(("np.linalg.", "np.polyfit")):
        kind = "signed"  # LAPACK itself writes past its memory for infinities here
    if target.path.startswith("np.linalg") and rng.random() < 0.8:
        kind = "definite" if rng.random() < 0.3 else kind
        shape = rng.choice(((3, 3), (2, 2), (2, 3)))
    if kind == "special" and target.path.endswith((".dot", ".inner", ".at")):
        kind = "signed"  # 0 times infinity may be 0 for BLAS; integers hold no infinity
    if 0 in shape and target.path.startswith("np.fft"):
        shape = (4,)  # NumPy's transforms of nothing, padded, are memory that nobody wrote
    if kind == "ties" and target.path.endswith(("sort", "partition")):
        kind = "signed"  # which of two equal numbers comes first depends on the processor
    if target.path.startswith("math.") and rng.random() < 0.8:
        shape = ()
    return kind, shape


def _drawn(target, rng):
    filler = Filler(rng, *_kind_and_shape(target, rng))
    texts = texts_of(target, rng, filler)
    owner = filler.mark("any") if target.is_method else ""
    if target.path in SORTED and owner:
        owner = f"np.sort({owner}, axis=None)"
    text = filler.filled(call_text(target, texts, owner))
    names = filler.names or ["x"]
    given = filler.values or [values.number(rng, "unit")]
    bodies = BODIES if rng.random() < 0.45 else BODIES[:1]
    body = rng.choice(bodies)
    if target.path in catalog.OPERATORS:
        body = BODIES[0]
    signature = ", ".join(names)
    source = f"{HEAD}def f({signature}):\n    {filler.before}" + body.format(
        call=text, names=signature, first=names[0]
    )
    if body is BODIES[0]:
        source += "\n" + LOSS.format(names=signature)
    calls = [Call(f"({', '.join(given)},)")]
    if rng.random() < 0.3 and not target.counts:
        others = [value if value in ("True", "False") else f"0.8 * {value}" for value in given]
        calls.append(Call(f"({', '.join(others)},)"))
    return Case(target.path, source, tuple(calls))
