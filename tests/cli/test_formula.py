"""Formulas: the same numbers as Python, and nothing but numbers."""

import ast

import numpy as np
import pytest
import scipy.special

from steepest.cli.formula import identifier, parse
from steepest.errors import InputError
from steepest.ops import TABLE

pytestmark = pytest.mark.sampled(1)  # cheap: every case

NUMPYS = [name for name in TABLE if isinstance(getattr(np, name, None), np.ufunc)]
SCIPYS = [name for name in TABLE if not hasattr(np, name) and hasattr(scipy.special, name)]


@pytest.mark.parametrize("name", [*NUMPYS, *SCIPYS])
def test_each_function_of_numbers_in_the_op_table_is_there(name):
    function = getattr(np, name, None) or getattr(scipy.special, name)
    if not isinstance(function, np.ufunc) or function.signature or function.nout > 1:
        with pytest.raises(InputError, match="no function that a formula can call"):
            parse(f"{name}(x, a)")
        return
    arguments = ", ".join(["x", "a", "b", "c", "d"][: function.nin])
    assert parse(f"a * {name}({arguments})").model(["x"]).__globals__[name] is function
    with pytest.raises(InputError, match="got 7"):
        parse(f"{name}(1, 2, 3, 4, 5, 6, x)")


def test_names_of_functions_that_are_not_called_are_parameters():
    assert parse("gamma * exp(-beta * x) + e").names == ("gamma", "beta", "x", "e")
    with pytest.raises(InputError, match="gamma is a function"):
        parse("gamma * gamma(x)")
    with pytest.raises(InputError, match="exp is a function"):
        parse("exp * x")


@pytest.mark.parametrize("text", ["a*x**2 + b", "-a/x % 3", "where(x < 1, a, b*x)", "a*pi*a**x"])
def test_a_formula_computes_what_python_computes(text):
    model = parse(text).model(["x"])
    x, a, b = np.linspace(0.5, 2, 4), 1.5, -0.3
    names = {"x": x, "a": a, "b": b, "pi": np.pi, "where": np.where}
    parameters = [names[name] for name in parse(text).names if name != "x"]
    np.testing.assert_array_equal(model(x, *parameters), eval(text, names))


def test_no_node_of_pythons_syntax_gets_through_but_arithmetic():
    """Every kind of expression that Python has, as a formula."""
    allowed = {"BinOp", "UnaryOp", "Call", "Compare", "Constant", "Name"}
    samples = {
        "BoolOp": "a and x", "NamedExpr": "(a := x)", "Lambda": "lambda: x",
        "IfExp": "a if x else 1",
        "Dict": "{1: x}", "Set": "{x}", "ListComp": "[x for x in a]", "SetComp": "{x for x in a}",
        "DictComp": "{x: x for x in a}", "GeneratorExp": "(x for x in a)", "Await": "await x",
        "Yield": "(yield x)", "YieldFrom": "(yield from x)", "FormattedValue": "f'{x}'",
        "JoinedStr": "f'x'", "Attribute": "x.a", "Subscript": "x[a]", "Starred": "exp(*x)",
        "List": "[x]", "Tuple": "(x, a)", "Slice": "x[1:2]", "TemplateStr": "t'{x}'",
        "Interpolation": "t'{x}'",
    }  # fmt: skip
    kinds = {kind.__name__ for kind in ast.expr.__subclasses__()}
    assert kinds <= allowed | set(samples)
    for text in samples.values():
        with pytest.raises(InputError, match="--model"):
            parse(text)


def test_powers_of_whole_numbers_end():
    with pytest.raises(OverflowError):
        parse("a * x * 9**9**9").model(["x"])(1.0, 1.0)


@pytest.mark.parametrize(
    ("name", "written"),
    [("wave length (nm)", "wave_length_nm"), ("x", "x"), ("2", "c2"), ("class", "cclass")],
)
def test_names_of_columns_as_a_formula_writes_them(name, written):
    assert identifier(name) == written
