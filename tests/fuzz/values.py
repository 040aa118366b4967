"""Texts of arrays and numbers: shapes, dtypes, layouts in memory, special values."""

SHAPES = ((3,), (3,), (4,), (2, 3), (3, 3), (3, 3), (2, 3, 2), (), (0,), (0, 3), (1,), (1, 3))
REGULAR = ("unit", "positive", "signed", "signed", "whole", "ties")
SPECIALS = ("0.0", "-0.0", "np.inf", "-np.inf", "np.nan", "1e-300", "1e300", "1.0", "-1.0", "0.5")


def number(rng, kind):
    """Return a float as text."""
    if kind == "special":
        return rng.choice(SPECIALS)
    if kind == "whole":
        return f"{rng.randint(-3, 4)}.0"
    if kind == "ties":
        return rng.choice(("0.5", "1.5", "-0.5"))
    low, high = {"unit": (0.05, 0.95), "positive": (0.2, 3.0), "signed": (-2.0, 2.0)}[kind]
    return f"{rng.uniform(low, high):.3g}"


def _nested(rng, kind, shape):
    if not shape:
        return number(rng, kind)
    return "[" + ", ".join(_nested(rng, kind, shape[1:]) for _ in range(shape[0])) + "]"


def array(rng, kind, shape):
    """Return an array of float64 as text."""
    if 0 in shape:
        return f"np.zeros({shape})"
    if kind == "definite":
        size = shape[-1] if len(shape) > 1 else 3
        rows = [[0.0] * size for _ in range(size)]
        for i in range(size):
            for j in range(i + 1):
                rows[i][j] = rows[j][i] = round(rng.uniform(-0.5, 0.5), 2) + (3 + i) * (i == j)
        return f"np.array({rows})"
    return f"np.array({_nested(rng, kind, shape)})"


LAYOUTS = (
    "np.asfortranarray({})",
    "np.array({}).T",
    "np.array({})[::-1]",
    "np.repeat({}, 2, axis=-1)[..., ::2]",
    "np.broadcast_to({}, np.shape({})).copy()",
)
DTYPES = (
    "{}.astype(np.float32)",
    "{}.astype(int)",
    "({} > 0.6)",
    "{}.astype(np.int32)",
    "{}.astype(np.uint8)",
    "{}.astype(np.float32)",
    "({} + 0.5j)",
)


def changed(rng, text):
    """Return the array of a text in another layout or dtype, now and then."""
    lot = rng.random()
    if lot < 0.7:
        return text
    pool = LAYOUTS if lot < 0.85 else DTYPES
    form = rng.choice(pool)
    return form.replace("{}", text)


def scalar(rng, kind):
    """Return a number of one of Python's or NumPy's types as text."""
    value = number(rng, kind)
    return rng.choice(
        (
            value,
            value,
            value,
            f"np.float64({value})",
            f"np.array({value})",
            f"np.float32({value})",
            str(rng.randint(-2, 5)),
            f"np.int64({rng.randint(-2, 5)})",
            rng.choice(("True", "False")),
        )
    )
