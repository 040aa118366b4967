"""One call of one public function, with traced values at some of its arguments."""

import functools
import random
import re

from . import arguments, catalog, values
from .case import Call, Case, arguments_of, is_python, load
from .compare import AGREES, REFUSED
from .oracle import check_gradient, check_values
from .outcome import observe, run
from .templates import TEMPLATES

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

AS_LIST = ("map", "filter", "zip", "reversed", "enumerate", "iter", "np.ndenumerate", "x.flat")
DETERMINED = {
    "np.partition": "np.sort({}, axis=None)",
    "np.argpartition": "np.sort({}, axis=None)",
    "x.argpartition": "np.sort({}, axis=None)",
}
"""The order within a partition is nowhere defined."""
SUBSCRIPTED = ("np.r_", "np.c_", "np.s_", "np.mgrid", "np.ogrid", "np.index_exp")
COUNTS = ("n", "m", "nt", "N", "k", "q", "v")
NAMES = ("x", "y", "z", "w", "u", "v")
TRIES = 10
SORTED = ("np.searchsorted", "x.searchsorted", "np.digitize", "np.interp")
"""What these give for numbers out of order is nowhere defined."""
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
    for _ in range(TRIES):
        case = _drawn(target, rng)
        if is_python(case.source) and (_raises(case) == raises):
            return case
    return case


def _raises(case):
    try:
        names = load(case)
        return observe(names["f"], run(arguments_of, names, case.calls[0])).error is not None
    except Exception:  # a text that is no argument
        return True


def check(case, engine="numpy"):
    """Return the verdict on values, and on gradients where the result is just returned."""
    verdict = check_values(case, engine)
    if verdict.kind in (AGREES, REFUSED) and "def loss" in case.source and engine == "numpy":
        slopes = check_gradient(case, "loss")
        return slopes if slopes.is_wrong else verdict
    return verdict


def _drawn(target, rng):
    kind = rng.choice(values.REGULAR) if rng.random() < 0.82 else "special"
    shape = rng.choice(values.SHAPES)
    if kind == "special" and target.path.startswith(("np.linalg.", "np.polyfit")):
        kind = "signed"  # LAPACK itself writes past its memory for infinities here
    if target.path.startswith("np.linalg") and rng.random() < 0.8:
        kind, shape = (kind, "definite")[rng.random() < 0.3], rng.choice(((3, 3), (2, 2), (2, 3)))
    if 0 in shape and target.path.startswith("np.fft"):
        shape = (4,)  # NumPy's transforms of nothing, padded, are memory that nobody wrote
    if kind == "ties" and target.path.endswith(("sort", "partition")):
        kind = "signed"  # which of two equal numbers comes first depends on the processor
    if target.path.startswith("math.") and rng.random() < 0.8:
        shape = ()
    filler = _Filler(rng, kind, shape)
    texts = _texts(target, rng, filler)
    owner = filler.mark("any") if target.is_method else ""
    text = filler.filled(_call(target, texts, owner))
    names = filler.names or ["x"]
    given = filler.values or [values.number(rng, "unit")]
    bodies = BODIES if rng.random() < 0.45 else BODIES[:1]
    body = rng.choice(bodies)
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


def _texts(target, rng, filler):
    """Return the texts of the arguments, with marks where values stand that may be traced."""
    special = TEMPLATES.get(target.path)
    if special and (target.path in SORTED or rng.random() < 0.85):
        return [_marked(text, filler) for text in rng.choice(special)]
    required = [p for p in target.parameters if arguments.is_required(p)]
    optional = [p for p in target.parameters if p not in required and p.name != "signature"]
    share = min(0.5, 1.3 / max(len(optional), 1))
    texts, by_position = [], rng.random() < 0.3
    for p in required:
        is_count = target.counts and p.name in COUNTS
        text = (
            filler.literal(rng.choice(("1", "2", "3"))) if is_count else _argument(rng, p, filler)
        )
        by_keyword = p.kind is p.KEYWORD_ONLY or (
            p.kind is not p.POSITIONAL_ONLY and not rng.randrange(6)
        )
        texts.append(f"{p.name}={text}" if by_keyword else text)
    is_keyword = any("=" in text.split("(")[0] for text in texts)
    for p in optional:
        if p.kind is p.VAR_KEYWORD:
            continue
        if p.kind is p.VAR_POSITIONAL:
            count = rng.randrange(4)
            texts += [_argument(rng, p, filler) for _ in range(0 if is_keyword else count)]
            continue
        if rng.random() > share and not by_position:
            continue
        by_position = by_position and not is_keyword and rng.random() < 0.6
        if p.kind is p.POSITIONAL_ONLY and is_keyword:
            continue
        is_mask = p.name == "where" and any(q.name == "casting" for q in optional)
        text = _optional(rng, p, filler)
        # Without out= NumPy reads memory that nobody wrote; SciPy's own write past theirs.
        if is_mask and (not filler.before or target.path.startswith("sp.")):
            text = "True"
        if text is None:
            by_position = False
            continue
        named = p.kind is p.KEYWORD_ONLY or not (by_position or p.kind is p.POSITIONAL_ONLY)
        is_keyword = is_keyword or named
        texts.append(f"{p.name}={text}" if named else text)
    return sorted(texts, key=_is_named)


def _is_named(text):
    return re.match(r"\w+=[^=]", text) is not None


def _marked(text, filler):
    return re.sub(r"\{(\w+)\}", lambda found: filler.mark(found[1]), text)


def _argument(rng, parameter, filler):
    if parameter.name in ("arrays", "seq", "tup", "arys", "choicelist", "condlist"):
        items = ", ".join(filler.mark("any") for _ in range(rng.choice((1, 2, 2, 3))))
        return rng.choice((f"[{items}]", f"({items},)"))
    text, is_general = arguments.drawn(rng, parameter, filler.kind, filler.shape)
    if is_general:
        return filler.mark("any")
    return filler.literal(text)


def _optional(rng, parameter, filler):
    if parameter.name == "out":
        shape = filler.shape or (3,)  # NumPy itself crashes in np.cumsum(3.0, out=np.zeros(()))
        filler.before = f"o = np.zeros({shape})\n    "
        return "o"
    if parameter.name == "where" and filler.shape and rng.random() < 0.6:
        return f"np.arange({_size(filler.shape)}).reshape({filler.shape}) % 2 == 0"
    texts = arguments.optional_texts(parameter)
    if not texts:
        return filler.mark("any") if rng.random() < 0.5 else None
    return filler.literal(rng.choice(texts))


def _size(shape):
    size = 1
    for extent in shape:
        size *= extent
    return size


def _call(target, texts, owner):
    joined = ", ".join(texts)
    if target.path in SUBSCRIPTED:
        return f"{target.path}[{joined or '0:3'}]"
    name = f"{owner}.{target.path[2:]}" if target.is_method else target.path
    is_attribute = target.is_method and target.path[2:] in catalog.ATTRIBUTES
    text = name if is_attribute else f"{name}({joined})"
    form = "list({})" if target.path in AS_LIST else DETERMINED.get(target.path, "{}")
    return form.replace("{}", text)


class _Filler:
    """Marks in texts, which become names of traced arguments or plain values."""

    def __init__(self, rng, kind, shape):
        self.rng, self.kind, self.shape = rng, kind, shape
        self.marks = []
        self.names, self.values = [], []
        self.before = ""

    def mark(self, what):
        """Return a mark for an array or a number."""
        self.marks.append(self._text(what))
        return f"@{len(self.marks) - 1}@"

    def literal(self, text):
        """Return a plain value; now and then a mark, so that it is traced."""
        is_number = re.fullmatch(r"-?\d+(\.\d+)?|\[[-\d., ]+\]", text)
        if not is_number or self.rng.random() > 0.1:
            return text
        kind = "np.array" if text[0] == "[" else "float" if "." in text else "np.int64"
        self.marks.append(f"{kind}({text})")
        return f"@{len(self.marks) - 1}@"

    def _text(self, what):
        if what == "scalar":
            return values.scalar(self.rng, self.kind)
        if what == "vector":
            return values.changed(self.rng, values.array(self.rng, self.kind, (3,)))
        if what == "square":
            return values.changed(self.rng, values.array(self.rng, self.kind, (3, 3)))
        if what == "definite":
            return values.array(self.rng, what, (3, 3))
        return arguments.general(self.rng, self.kind, self.shape)

    def filled(self, text):
        """Return the text with names and values in the place of marks."""
        present = [int(number) for number in re.findall(r"@(\d+)@", text)]
        mode = self.rng.random()
        if mode < 0.55:
            traced = {self.rng.choice(present)} if present else set()
        else:
            traced = {i for i in present if mode < 0.8 or self.rng.random() < 0.5}
        for i in present[len(NAMES) :]:
            traced.discard(i)
        named = {}
        for i in present:
            if i in traced:
                named[i] = NAMES[len(self.names)]
                self.names.append(named[i])
                self.values.append(self.marks[i])
        text = re.sub(r"@(\d+)@", lambda found: named.get(int(found[1]), self._plain(found)), text)
        return text

    def _plain(self, found):
        text = self.marks[int(found[1])]
        after = found.string[found.end() : found.end() + 1]
        return f"({text})" if after in (".", "[") else text
