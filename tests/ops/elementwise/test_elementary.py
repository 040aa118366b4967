"""Elementary functions in machine code, against mpmath."""

from __future__ import annotations

import functools

import mpmath
import numpy as np
import pytest
import scipy.special

import steepest as st
from steepest.ops.elementwise.elementary import EMIT, ULP

LARGEST = {np.float64: 745.0, np.float32: 103.0}
POSITIVE = {"log", "log2", "log10"}
UNIT = {"arcsin", "arccos"}
EXACT = {
    "exp2": lambda x: mpmath.mpf(2) ** x,
    "log2": lambda x: mpmath.log(x, 2),
    "arcsin": mpmath.asin,
    "arccos": mpmath.acos,
    "arctan": mpmath.atan,
}
SPECIAL = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.5,
    -0.5,
    np.inf,
    -np.inf,
    np.nan,
    2.0,
    -3.0,
    1e300,
    -1e300,
    5e-324,
]


@functools.cache
def compiled(name):
    function = getattr(np, name, None) or getattr(scipy.special, name)
    return st.compile(lambda x: function(x)), function


def points(name, dtype, count=3000):
    """Return numbers of every size at which the function is neither 0 nor infinite."""
    rng = np.random.default_rng(len(name))
    finfo = np.finfo(dtype)
    sizes = 10.0 ** rng.uniform(np.log10(finfo.tiny) * 1.02, np.log10(finfo.max), count)
    near = rng.uniform(0, 4, count)
    if name in ("exp", "exp2", "expm1", "sinh", "cosh"):
        limit = LARGEST[dtype] / (np.log(2) if name == "exp2" else 1)
        sizes = np.concatenate([rng.uniform(0, limit, count), sizes[sizes < limit]])
    if name in ("tanh", "erf"):
        sizes = np.concatenate([rng.uniform(0, 1, count), sizes[sizes < 1]])
    if name in UNIT:
        near, sizes = (
            rng.uniform(0, 1, count),
            np.concatenate([1 - sizes[sizes < 1e-2], sizes[sizes < 1]]),
        )
    if name in ("sin", "cos", "tan"):
        whole = np.round(10 ** rng.uniform(0, 14, count))
        sizes = np.concatenate([sizes, whole * (np.pi / 2), whole])
    x = np.concatenate([near, sizes, 1 + 1e-3 * rng.normal(size=count) * (name not in UNIT)])
    if name == "log1p":
        x = np.concatenate([x, -rng.uniform(0, 1, count)])
    elif name not in POSITIVE:
        x = np.concatenate([x, -x])
    x = x.astype(dtype)
    return x[np.isfinite(x)]


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("name", EMIT)
def test_error_stays_within_the_stated_bound(name, dtype):
    x = points(name, dtype)
    found = compiled(name)[0](x)
    exact_of = EXACT.get(name) or getattr(mpmath, name)
    finfo = np.finfo(dtype)
    with mpmath.workprec(1200 if name in ("sin", "cos", "tan") else 200):
        for value, result in zip(x.tolist(), found.tolist(), strict=True):
            exact = exact_of(mpmath.mpf(value))
            if abs(exact) > finfo.max:
                assert abs(result) >= finfo.max
                continue
            # A result may round to a subnormal number: their spacing is that of the smallest.
            exponent = max(mpmath.frexp(exact)[1] - finfo.nmant - 1, finfo.minexp - finfo.nmant)
            error = abs(mpmath.mpf(result) - exact) / mpmath.mpf(2) ** exponent
            assert error <= ULP[name], f"{name}({value!r}) is off by {float(error):.2f} ulp"


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("name", EMIT)
def test_special_values_are_numpys(name, dtype):
    function, reference = compiled(name)
    with np.errstate(all="ignore"):
        x = np.array(SPECIAL).astype(dtype)
        check_special(function, reference, x)


def check_special(function, reference, x):
    for xs in (x, np.tile(x, 10), *x[:, None]):  # in registers and in loops
        found = function(xs)
        wanted = reference(xs)
        np.testing.assert_allclose(found, wanted, rtol=4 * np.finfo(x.dtype).eps)
        is_number = ~np.isnan(wanted)
        assert np.array_equal(np.signbit(found)[is_number], np.signbit(wanted)[is_number])


@pytest.mark.parametrize("name", EMIT)
def test_a_value_does_not_depend_on_the_size_of_its_array(name):
    function, _ = compiled(name)
    x = points(name, np.float64, 100)
    whole = function(x)
    assert np.array_equal(whole, [function(one) for one in x], equal_nan=True)
    for size in (2, 7, 16, 17, 33):
        assert np.array_equal(function(x[:size]), whole[:size], equal_nan=True)
