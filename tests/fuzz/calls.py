"""The text of a call: arguments by position and by name, and which of them are traced."""

import re

from . import arguments, catalog, values
from .templates import TEMPLATES

AS_LIST = ("map", "filter", "zip", "reversed", "enumerate", "iter", "np.ndenumerate", "x.flat")
DETERMINED = {
    "np.partition": "np.sort({}, axis=None)",
    "np.argpartition": "np.sort({}, axis=None)",
    "x.argpartition": "np.sort({}, axis=None)",
}
"""The order within a partition is nowhere defined."""
OVERWRITING = {"overwrite_input=True"}
"""What is left of the input is nowhere defined: such functions are given a copy."""
SUBSCRIPTED = ("np.r_", "np.c_", "np.s_", "np.mgrid", "np.ogrid", "np.index_exp")
COUNTS = ("n", "m", "nt", "N", "k", "q", "v")
NAMES = ("x", "y", "z", "w", "u", "v")
SORTED = ("np.searchsorted", "x.searchsorted", "np.digitize", "np.interp")
"""What these give for numbers out of order is nowhere defined."""


def texts_of(target, rng, filler):
    """Return the texts of the arguments, with marks where values stand that may be traced."""
    templates = TEMPLATES.get(target.path)
    if templates and (target.path in SORTED or rng.random() < 0.85):
        return [_marked(text, filler) for text in rng.choice(templates)]
    required = [p for p in target.parameters if arguments.is_required(p)]
    texts = [_required(target, rng, p, filler) for p in required]
    others = [p for p in target.parameters if p not in required and p.name != "signature"]
    texts += _optionals(target, rng, others, filler, any(map(_is_named, texts)))
    texts = sorted(texts, key=_is_named)
    if OVERWRITING.intersection(texts):
        texts[0] = re.sub(r"^(\w+=)?(.*)$", r"\1np.array(\2)", texts[0])
    return texts


def _required(target, rng, parameter, filler):
    if target.counts and parameter.name in COUNTS:
        text = filler.literal(rng.choice(("1", "2", "3")))
    else:
        text = _argument(rng, parameter, filler)
    may_be_named = parameter.kind is parameter.POSITIONAL_OR_KEYWORD and not rng.randrange(6)
    named = parameter.kind is parameter.KEYWORD_ONLY or may_be_named
    return f"{parameter.name}={text}" if named else text


def _optionals(target, rng, parameters, filler, after_name):
    """Return the texts of some arguments that have default values: the first ones by position,
    at times, and others by name.
    """
    share = min(0.5, 1.3 / max(len(parameters), 1))
    texts, by_position = [], rng.random() < 0.3 and not after_name
    for p in parameters:
        if p.kind is p.VAR_POSITIONAL and not after_name:
            texts += [_argument(rng, p, filler) for _ in range(rng.randrange(4))]
        if p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD):
            continue
        may_follow = p.kind is not p.KEYWORD_ONLY and p.name != "overwrite_input"
        by_position = by_position and may_follow and rng.random() < 0.6
        if not by_position and (rng.random() > share or p.kind is p.POSITIONAL_ONLY):
            continue
        text = _optional(target, rng, p, filler)
        if text is None:
            by_position = False
            continue
        texts.append(text if by_position else f"{p.name}={text}")
    return texts


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


def _optional(target, rng, parameter, filler):
    if parameter.name == "out":
        shape = filler.shape or (3,)  # NumPy itself crashes in np.cumsum(3.0, out=np.zeros(()))
        filler.before = f"o = np.zeros({shape})\n    "
        return "o"
    is_mask = parameter.name == "where"
    if is_mask and any(p.name == "casting" for p in target.parameters):
        # Without out= NumPy reads memory that nobody wrote; SciPy's own write past theirs.
        if not filler.before or target.path.startswith("sp."):
            return "True"
    if is_mask and filler.shape and rng.random() < 0.6:
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


def call_text(target, texts, owner):
    joined = ", ".join(texts)
    if target.path in SUBSCRIPTED:
        return f"{target.path}[{joined or '0:3'}]"
    name = f"{owner}.{target.path[2:]}" if target.is_method else target.path
    is_attribute = target.is_method and target.path[2:] in catalog.ATTRIBUTES
    text = name if is_attribute else f"{name}({joined})"
    form = "list({})" if target.path in AS_LIST else DETERMINED.get(target.path, "{}")
    return form.replace("{}", text)


class Filler:
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
