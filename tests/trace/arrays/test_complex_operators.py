"""Operators of complex numbers and arrays."""

import operator

import numpy as np
import pytest

from steepest.errors import RefusalError
from steepest.trace.arrays.complex import UFUNCS as COMPLEX_UFUNCS
from tests.support.agreement import assert_agrees, recorded

_BINARY = """
add and divmod floordiv lshift matmul mod mul or pow rshift sub truediv xor
""".split()  # noqa: SIM905
_NAMES = [f"{side}{name}" for name in _BINARY for side in ("", "r", "i")]
ALONE = ["__neg__", "__pos__", "__abs__", "__invert__"]
OPERATORS = [f"__{name}__" for name in [*_NAMES, "eq", "ne"]] + ALONE
OPERATORS.remove("__imatmul__")
NOT_OF_NUMBERS = [f"__i{name}__" for name in _BINARY] + ["__matmul__", "__rmatmul__"]


@pytest.mark.parametrize("name", OPERATORS)
def test_complex_numbers_have_numpys_operators(name):
    arrays = (np.array([0.5, 2.0]),)
    only_arrays = name in NOT_OF_NUMBERS or "divmod" in name or "floordiv" in name or "mod" in name
    for other in (2.0, np.array([0.5, 2.0])):
        for x in arrays if only_arrays else (*arrays, np.float64(2.0)):
            others = () if name in ALONE else (other,)
            assert_agrees(lambda x, others=others: getattr(x + 1j, name)(*others), x)
            if name not in ALONE:
                assert_agrees(lambda x: getattr(np.array([1j, 2.0]), name)(x), x)


def test_vectors_of_complex_numbers_are_not_multiplied_in_place():
    assert_agrees(lambda x: (x + 1j).__imatmul__(x), np.array([0.5, 2.0]))


@pytest.mark.parametrize("name", ["iadd", "isub", "imul", "itruediv", "ipow"])
def test_operators_in_place_make_new_complex_numbers(name):
    def call(x):
        z = x + 1j
        result = getattr(operator, name)(z, 2.0)
        return np.real(result), np.imag(result), np.real(z), np.imag(z)

    assert_agrees(call, np.float64(2.0))


@pytest.mark.parametrize("name", ["ge", "gt", "le", "lt"])
def test_complex_numbers_are_not_compared(name):
    with pytest.raises(RefusalError, match="complex"):
        recorded(lambda x: getattr(operator, name)(x + 1j, 2.0))(np.array([0.5, 2.0]))


OPTIONS = (
    {},
    {"where": np.array([True, False])},
    {"dtype": np.complex64},
    {"dtype": np.complex128},
    {"casting": "no"},
    {"order": "F"},
    {"subok": False},
)


@pytest.mark.parametrize("ufunc", COMPLEX_UFUNCS, ids=lambda ufunc: ufunc.__name__)
def test_no_option_of_a_ufunc_of_complex_numbers_is_dropped(ufunc):
    for options in OPTIONS:

        def call(x, options=options):
            z = x * np.array([1.0 + 2j, 0.5j])
            w = z.copy()
            result = ufunc(*(z,) * ufunc.nin, out=w, **options)
            return result.real, result.imag, w.real, w.imag

        assert_agrees(call, np.array([0.5, 2.0]))
