"""Text made of traced values: it may be shown, but not read back as a number."""

import ast
import decimal
import fractions
import json

import numpy as np
import pytest

import steepest as st
from steepest.errors import SteepestError

X = np.array([1.5, 2.5])

TEXTS = {
    "str": lambda v: str(v),
    "repr": lambda v: repr(v),
    "format": lambda v: format(v, ".12g"),
    "f-string": lambda v: f"{v:.12g}",
    "f-string with more": lambda v: f" {v!r} "[0:],
    "percent": lambda v: "%.12g" % v,  # noqa: UP031
    "format method": lambda v: "{:.12g}".format(v),  # noqa: UP032
    "joined": lambda v: "".join([str(v)]),
}
READERS = {
    "float": float,
    "complex": lambda text: complex(text).real,
    "int": lambda text: float(int(text.strip().replace(".", ""))),
    "float64": np.float64,
    "eval": eval,
    "exec": lambda text: exec("y = " + text.strip()) or 1.0,
    "compile": lambda text: eval(compile(text.strip(), "here", "eval")),
    "literal": lambda text: ast.literal_eval(text.strip()),
    "json": lambda text: json.loads(f"[{text}]")[0],
    "decimal": lambda text: float(decimal.Decimal(text.strip())),
    "fraction": lambda text: float(fractions.Fraction(text.strip())),
    "array": lambda text: np.asarray([text], dtype=float)[0],
    "length": lambda text: float(len(text)),
}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("text", TEXTS)
def test_text_does_not_become_a_number(text, reader):
    write, read = TEXTS[text], READERS[reader]

    def loss(x):
        return read(write(x[0])) * x[1]

    read(write(1.5))  # as plain Python it can
    for derive in (st.compile, st.gradient):
        with pytest.raises(SteepestError, match=r"test_text\.py:\d+"):
            derive(loss)(X)


@pytest.mark.parametrize(
    "question",
    [
        lambda s: s == "1.5",
        lambda s: s != "1.5",
        lambda s: s < "2",
        lambda s: s in ("1.5", "2.5"),
        lambda s: s in {"1.5": 1},
        lambda s: "5" in s,
        lambda s: s.startswith("1"),
        lambda s: s[0] == "1",
        lambda s: list(s),
        lambda s: s.split(".")[0] == "1",
        lambda s: s.isdigit(),
    ],
)
def test_text_cannot_be_compared_or_searched(question):
    with pytest.raises(SteepestError, match="the text of a traced value"):
        st.compile(lambda x: x[0] if question(str(x[0])) else x[1])(X)


def test_text_may_be_shown(capsys):
    def loss(x):
        print("x is", x, f"{x[0]:.3f}", repr(x[1]), "%s" % x[0])  # noqa: UP031
        if x[0] < -5:
            raise ValueError("bad " + str(x))
        return np.sum(x) * float("0.25") * len("abc")

    assert st.compile(loss)(X) == loss(X)
    first, second = capsys.readouterr().out.splitlines()
    assert first == second
