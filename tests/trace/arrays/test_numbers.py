"""Python's numbers beside NumPy's: dtypes of results, attributes and classes as in NumPy."""

import itertools
from collections.abc import Sized
from numbers import Real

import numpy as np
import pytest

from steepest.derivative.function import Function, interpret
from steepest.errors import SteepestError
from steepest.trace.arrays.registries import FUNCTIONS, METHODS, UFUNC_METHODS
from tests.support.agreement import (
    assert_agrees,
    assert_same,
    described,
    filled,
    outcome,
    recorded,
)

NUMBER = 1.5
OTHERS = (
    np.float32(1.25),
    np.array(0.5),
    np.array([1.25, 0.5], np.float32),
    np.int8(3),
    3,
)
UFUNCS = [f for f in vars(np).values() if isinstance(f, np.ufunc) and f.nin < 3]
CALLS = {
    **{f"np.{f.__name__}": f for f in [*FUNCTIONS, *UFUNCS]},
    **{
        f"np.{ufunc.__name__}.{name}": getattr(ufunc, name)
        for ufunc, name in UFUNC_METHODS
        if ufunc.nin == 2 and name in ("outer", "reduce", "accumulate")
    },
    **{
        f"ndarray.{name}": lambda a, *b, _name=name: getattr(a, _name)(*b)
        for name in METHODS
        if not name.startswith("_")
    },
}
WAYS = {
    "two": lambda f, a, b: f(a, b),
    "a list": lambda f, a, b: f([a, b]),
    "one": lambda f, a, b: f(a),
}


@pytest.mark.parametrize("name", CALLS)
def test_results_beside_a_python_number_are_numpys(name):
    operation = CALLS[name]  # read here: a traced function would look at every one of CALLS
    for other in OTHERS:
        for args in ((NUMBER, other), (other, NUMBER)):
            for way, call in WAYS.items():
                function = described(lambda a, b, call=call: call(filled(operation), a, b))
                wanted, found = outcome(function, args), outcome(recorded(function), args)
                if not isinstance(wanted, Exception) and not isinstance(found, SteepestError):
                    assert_same(found[0], wanted[0], f"{name} of {way}: {args}")


@pytest.mark.parametrize("name", [name for name in dir(np.ndarray) if not name.startswith("_")])
def test_python_numbers_have_pythons_attributes(name):
    assert Function(lambda x: 1.0 * hasattr(x, name), interpret)(NUMBER) == hasattr(NUMBER, name)
    assert Function(lambda x: 1.0 * hasattr(int(x), name), interpret)(NUMBER) == hasattr(1, name)


@pytest.mark.parametrize("value", [NUMBER, np.float64(1), *OTHERS[:-1]], ids=repr)
def test_classes_are_numpys(value):
    kind = type(value)

    def is_of_its_class(x):
        return 1.0 * (x.__class__ is type(x) and x.__class__.__name__ == kind.__name__)

    assert Function(is_of_its_class, interpret)(value) == 1.0


def test_what_libraries_ask_a_traced_value_does_not_change_what_they_think_of_arrays():
    def ask(x):
        return x * (isinstance(x, Sized) + isinstance(2.0 * x, Real))

    Function(ask, interpret)(np.ones(2))
    assert isinstance(np.ones(2), Sized)
    assert isinstance(NUMBER, Real)


MADE = {
    "an element": lambda x: x[0],
    "a float": lambda x: float(x[0]),
    "a whole number": lambda x: int(x[0]),
    "a rounded one": lambda x: round(abs(x[1])),
    "a sum": np.sum,
    "no traced one": lambda x: 0.5,
}


@pytest.mark.parametrize("made", MADE.values(), ids=MADE.keys())
@pytest.mark.parametrize("function", [min, max])
def test_the_least_and_largest_of_mixed_numbers_are_pythons(function, made):
    x = np.array([1.7, -2.6])
    for others in itertools.product((0.15, 1.7, -3, 2), repeat=2):
        for place in range(3):

            def value(x, others=others, place=place):
                return function(*others[:place], made(x), *others[place:])

            assert not assert_agrees(value, x)
