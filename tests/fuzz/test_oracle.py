"""Which differences count as rounding errors: no other may be excused."""

import numpy as np
import pytest

import steepest as st

from . import derivatives, oracle
from .case import Call, Case
from .compare import AGREES, REFUSED

EDGE = "np.floor(x[0] * 2)"
"""It is 1 at 0.5, and 0 just below."""
UNSURE = "np.sin(1e12 * x[0])"
"""It changes by 1e-4 at 0.5, when its argument is rounded otherwise."""

FOUND = (  # an expression, what is made of its value, and the verdict
    ("int(np.sum(x) * 3)", lambda y: y + 1, "value"),
    ("x > 1.0", lambda y: ~y, "value"),
    ("np.argsort(x)", lambda y: y[::-1].copy(), "value"),
    (f"int({EDGE})", lambda y: y - 1, REFUSED),
    (f"int({EDGE})", lambda y: y + 4, "value"),
    (f"int({EDGE}) + 0 * x.astype(int)", lambda y: y - 1, REFUSED),
    (f"{EDGE} == 1", lambda y: not y, REFUSED),
    ("x[x >= 0.5]", lambda y: y * 1.001, "value"),
    ("x[x >= 0.5][-1]", lambda y: y * 1.001, "value"),
    ("np.ones(int(np.sum(x >= 0.5)))", lambda y: y + 3.0, "value"),
    (UNSURE, lambda y: y + 1e-4, REFUSED),
    (UNSURE, lambda y: y + 1.0, "value"),
    (UNSURE, lambda y: y + np.inf, "value"),
    (UNSURE, lambda y: y * np.nan, "value"),
    ("np.sum(x), x", lambda y: (y[0] * 1.001, y[1]), "value"),
    ("np.sum(x), x", lambda y: (y[0], y[1] * 1.001), "value"),
    (f"{UNSURE}, x", lambda y: (y[0] + 1e-4, y[1]), REFUSED),
    (f"{UNSURE}, x", lambda y: (y[0] + 1e-4, y[1] * 1.001), "value"),
    (f"{UNSURE}, [x > 1.0]", lambda y: (y[0] + 1e-4, [~y[1][0]]), "value"),
    (f"{{'a': {UNSURE}, 'b': (x, 1)}}", lambda y: y | {"b": (y["b"][0], 2)}, "value"),
    (f"{UNSURE}, x", lambda y: (y[0] + 1e-4, y[1][:1]), "value"),
)


@pytest.mark.parametrize(("expression", "change", "kind"), FOUND)
def test_rounding_errors_excuse_nothing_else(expression, change, kind, monkeypatch):
    source = f"import numpy as np\n\n\ndef f(x):\n    return {expression}\n"
    case = Case("planted", source, (Call("(np.array([0.5, 2.0]),)"),))
    monkeypatch.setitem(oracle.MAKERS, "right", lambda function: function)
    monkeypatch.setitem(oracle.MAKERS, "wrong", lambda function: lambda x: change(function(x)))
    assert oracle.check_values(case, "right").kind == AGREES
    assert oracle.check_values(case, "wrong").kind.removesuffix(" on wrong") == kind


@pytest.mark.parametrize("slope", [1.001, -1.0, np.nan, np.inf])
def test_planted_slopes_of_selections_are_found(slope, monkeypatch):
    source = f"{derivatives.HEAD}\n\ndef f(x):\n    return np.sum(np.sqrt(x)[MASK])\n"
    source += "\n\ndef changed(x, change):\n    h = change(np.array(np.sqrt(x)))\n"
    source += "    s = h[MASK]\n    return np.array(s, float), np.sum(s)\n"
    case = Case("selection", source, (Call("(np.array([0.0, 0.3, 0.7, 1.4]),)"),))
    assert derivatives.check(case).kind == AGREES
    gradient, factors = st.gradient, np.array([1.0, 1.0, slope, 1.0])
    monkeypatch.setattr(
        derivatives.st, "gradient", lambda f: lambda *args: factors * gradient(f)(*args)
    )
    assert derivatives.check(case).is_wrong
