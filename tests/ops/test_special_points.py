"""Derivatives to fifth order at, near and far from every row's special points, against mpmath.

A rule with a case for a special point gives a wrong higher derivative where the case is a
constant, and one that cancels loses its digits nearby. Each row of the op table names the
points where this could happen, and mpmath must know its function.
"""

import functools

import mpmath
import numpy as np
import pytest
import scipy.special

import steepest as st
from steepest.ops import TABLE, Linear, Zero
from steepest.trace import record
from tests.cases.ops import cases_of as op_cases_of
from tests.cases.ops import differentiable_operands, is_elementwise
from tests.cases.special_functions import MPMATH as SPECIAL_FUNCTIONS
from tests.cases.special_functions import root, terms_of_owens_t

ORDERS = 5
OFFSETS = (0.0, 1e-12, -1e-12, 1e-8, -1e-8, 1e-4, -1e-4, 0.01, -0.01)
DIGITS = 50
# Of functions that take mpmath long:
FEW_DIGITS, FEW_ORDERS, FEW_OFFSETS = 25, 3, (0.0, -1e-4)
NOTHING = 1e-100  # what mpmath's own differences leave of a function that is about 1


def sinc(x):
    return mpmath.sincpi(x)


def log1p(x):
    return mpmath.log(1 + x)


def exprel(x):
    return mpmath.hyp1f1(1, 2, x)


def log_beta(a, b):
    return mpmath.loggamma(a) + mpmath.loggamma(b) - mpmath.loggamma(a + b)


def x_log(x, y):
    return mpmath.mpf(0) if x == 0 else x * mpmath.log(y)


# What a row computes, where mpmath has no function of its name.
MPMATH = {
    "add": lambda a, b: a + b,
    "subtract": lambda a, b: a - b,
    "multiply": lambda a, b: a * b,
    "divide": lambda a, b: a / b,
    "over_gap": lambda a, b: a / b,
    "negative": lambda x: -x,
    "square": lambda x: x * x,
    "reciprocal": lambda x: 1 / x,
    "root": mpmath.sqrt,
    "square_of_root": lambda x: x if x > -1e-13 else mpmath.nan,
    "square_of_hypot": lambda a, b: a * a + b * b,
    "cbrt": lambda x: mpmath.sign(x) * mpmath.cbrt(abs(x)),
    "absolute": abs,
    "remainder": lambda a, b: a - b * 2,
    "fmod": lambda a, b: a - b * 2,
    "nextafter": lambda a, b: a,
    "where": lambda c, a, b: a if c else b,
    "exp2": lambda x: mpmath.mpf(2) ** x,
    "log2": lambda x: mpmath.log(x, 2),
    "log1p": log1p,
    "logaddexp": lambda a, b: a + log1p(mpmath.exp(b - a)),
    "logaddexp2": lambda a, b: a + mpmath.log(1 + mpmath.mpf(2) ** (b - a), 2),
    "arcsin": mpmath.asin,
    "arccos": mpmath.acos,
    "arctan": mpmath.atan,
    "arctan2": mpmath.atan2,
    "arcsinh": mpmath.asinh,
    "arccosh": mpmath.acosh,
    "arctanh": mpmath.atanh,
    "tanh_slope": lambda y, x: mpmath.sech(x) ** 2,
    "expit": lambda x: 1 / (1 + mpmath.exp(-x)),
    "logit": lambda x: mpmath.log(x / (1 - x)),
    "log_expit": lambda x: -log1p(mpmath.exp(-x)),
    "ndtr": mpmath.ncdf,
    "psi": mpmath.digamma,
    "gammaln": mpmath.loggamma,
    "betaln": log_beta,
    "xlogy": x_log,
    "xlog1py": lambda x, y: x_log(x, 1 + y),
    "entr": lambda x: -x * mpmath.log(x),
    "rel_entr": lambda x, y: x * mpmath.log(x / y),
    "exprel": exprel,
    "sinc": sinc,
    "hyp0f1": mpmath.hyp0f1,
    "jv": mpmath.besselj,
    "iv": mpmath.besseli,
    "j0": functools.partial(mpmath.besselj, 0),
    "j1": functools.partial(mpmath.besselj, 1),
    "i0": functools.partial(mpmath.besseli, 0),
    "i1": functools.partial(mpmath.besseli, 1),
    **SPECIAL_FUNCTIONS,
}


def product(one, other):
    return [sum(one[i] * other[k - i] for i in range(k + 1)) for k in range(ORDERS + 1)]


def terms_of_zeta(place, direction):
    """Return Taylor's terms: those by x are zeta at the following exponents."""
    (s, x), (along_s, along_x) = place, direction
    total = [mpmath.mpf(0)] * (ORDERS + 1)
    for k in range(ORDERS + 1 if along_x else 1):
        by_s = [
            along_s**n * mpmath.zeta(s + k, x, n) / mpmath.factorial(n) if along_s or not n else 0
            for n in range(ORDERS + 1)
        ]
        factor = mpmath.taylor(lambda t, k=k: mpmath.binomial(-s - t * along_s, k), 0, ORDERS)
        factor += [mpmath.mpf(0)] * (ORDERS + 1 - len(factor))
        power = [along_x**k if n == k else 0 for n in range(ORDERS + 1)]
        total = [a + b for a, b in zip(total, product(product(by_s, factor), power), strict=True)]
    return total


def terms_of_slope(name):
    """Return Taylor's terms of the derivative of one of Kelvin's functions."""

    def terms(place, direction):
        function = getattr(mpmath, name)
        whole = mpmath.taylor(lambda x: function(0, x), place[0], FEW_ORDERS + 1, chop=False)
        return [k * term for k, term in enumerate(whole)][1:]

    return terms


def terms_of_zetac(place, direction):
    (s,) = place
    return [mpmath.zeta(s, 1, n) / mpmath.factorial(n) - (not n) for n in range(ORDERS + 1)]


def terms_of_ndtri_exp(place, direction):
    """Return Taylor's terms by x' = u and u' = u (x u + 1), where 1 / u is the hazard."""
    start = scipy.special.ndtri_exp(float(place[0]))
    x = [root(lambda x: mpmath.log(mpmath.ncdf(x)) - place[0], start)]
    u = [mpmath.ncdf(x[0]) / mpmath.npdf(x[0])]
    for k in range(ORDERS):
        x.append(u[k] / (k + 1))
        inner = [sum(x[i] * u[j - i] for i in range(j + 1)) + (not j) for j in range(k + 1)]
        u.append(sum(u[i] * inner[k - i] for i in range(k + 1)) / (k + 1))
    return x


def terms_of_log_ndtr(place, direction):
    """Return Taylor's terms by h' = -h (x + h), where h is the slope."""
    (x,) = place
    slope = [mpmath.npdf(x) / mpmath.ncdf(x)]
    for k in range(ORDERS):
        square = sum(slope[i] * slope[k - i] for i in range(k + 1))
        before = slope[k - 1] if k else 0
        slope.append(-(x * slope[k] + before + square) / (k + 1))
    return [mpmath.log(mpmath.ncdf(x)), *(h / (k + 1) for k, h in enumerate(slope[:ORDERS]))]


def terms_of_erfinv(place, direction):
    """Return Taylor's terms by y' = c u and u' = 2 y y' u, where u = exp(y**2)."""
    y, c = [mpmath.erfinv(place[0])], mpmath.sqrt(mpmath.pi) / 2
    u = [mpmath.exp(y[0] ** 2)]
    for k in range(ORDERS):
        y.append(c * u[k] / (k + 1))
        square = [sum(u[i] * u[j - i] for i in range(j + 1)) for j in range(k + 1)]
        u.append(2 * c * sum(y[i] * square[k - i] for i in range(k + 1)) / (k + 1))
    return y


# Taylor's terms of what mpmath differentiates slowly.
TERMS = {
    "zeta": terms_of_zeta,
    "log_ndtr": terms_of_log_ndtr,
    "erfinv": terms_of_erfinv,
    "zetac": terms_of_zetac,
    "ndtri_exp": terms_of_ndtri_exp,
    **{f"{name}p": terms_of_slope(name) for name in ("ber", "bei", "ker", "kei")},
    "owens_t": lambda place, direction: terms_of_owens_t(place, direction, ORDERS),
}

ROWS = [
    row
    for row in TABLE.values()
    if row.domain.smooth
    and (is_elementwise(row) or row.domain.special)
    and row.domain.special != ()
]


def is_slow(name, direction):
    """Whether mpmath takes long for a row along a line, or the row's rules do."""
    by_parameters = name in ("iv", "hyp0f1", "hyp1f1") and any(direction[:-1])
    return name in SPECIAL_FUNCTIONS or name in ("berp", "beip", "kerp", "keip") or by_parameters


def orders_of(name, direction):
    """Return how many derivatives of a row are compared."""
    return FEW_ORDERS if is_slow(name, direction) else ORDERS


def exact_terms(name, place, direction):
    """Return Taylor's terms along a line, in mpmath."""
    start = [mpmath.mpf(x) for x in place]
    if name in TERMS:
        return TERMS[name](start, direction)
    function = MPMATH.get(name) or getattr(mpmath, name)

    def along(t):
        return function(*(x + t * d if d else x for x, d in zip(start, direction, strict=True)))

    return mpmath.taylor(along, 0, orders_of(name, direction), chop=False)


def directions(row):
    """Return what moves: each operand that has slopes alone, and all at once, not alike."""
    moved = differentiable_operands(op_cases_of(row)[0])
    count = len(row.domain.special[0])
    alone = [tuple(float(i == j) for j in range(count)) for i in moved]
    together = tuple((-0.5) ** i * (i in moved) for i in range(count))
    return alone if len(moved) == 1 else [*alone, together]


CASES = [(row, direction) for row in ROWS for direction in directions(row)]


def points(row, direction):
    """Return points and the exact derivatives at them, where the function is smooth."""
    middle = tuple(
        0.37 * low + 0.63 * high if isinstance(interval, tuple) else 1.0
        for interval in map(row.domain.interval, range(len(row.domain.special[0])))
        for low, high in [interval if isinstance(interval, tuple) else (0, 0)]
    )
    if row.domain.agree:
        middle = tuple(map(float, row.domain.agree(*map(np.array, middle))))
    found = []
    for point in (*row.domain.special, middle):
        for offset in FEW_OFFSETS if is_slow(row.name, direction) else OFFSETS:
            place = [
                x + offset * d * max(1.0, abs(x)) for x, d in zip(point, direction, strict=True)
            ]
            expected = derivatives(row.name, place, direction)
            if expected is None:
                assert offset, f"{row.name} is not smooth at its special point {point}"
                continue
            found.append((place, expected))
    return found


def derivatives(name, place, direction):
    """Return exact derivatives along a line; None where the function is not real."""
    with mpmath.workdps(FEW_DIGITS if is_slow(name, direction) else DIGITS):
        try:
            terms = exact_terms(name, place, direction)
        except (ValueError, ZeroDivisionError):
            return None
        if not all(mpmath.isfinite(term) for term in terms) or any(
            abs(mpmath.im(term)) > 1e-30 * abs(term) for term in terms
        ):
            return None
        return [float(mpmath.re(term) * mpmath.factorial(k)) for k, term in enumerate(terms)]


def along(row, places, direction):
    columns = [np.array(column) for column in zip(*places, strict=True)]
    is_truth = [row.domain.interval(i) == "bool" for i in range(len(columns))]

    def function(t):
        operands = [
            x.astype(bool) if truth else x + t * d if d else x
            for x, d, truth in zip(columns, direction, is_truth, strict=True)
        ]
        agree = row.domain.agree
        return record(row, *(agree(*operands) if agree else operands))

    return function


def reverse(function):
    return st.gradient(lambda t: np.sum(function(t)))


def forward(function):
    return lambda t: st.pushforward(function, (t,), (np.ones_like(t),))[1]


@pytest.mark.sampled(45)
@pytest.mark.parametrize(("row", "direction"), CASES, ids=str)
def test_derivatives_to_fifth_order(row, direction):
    found = points(row, direction)
    places = [place for place, _ in found]
    table = np.abs([values for _, values in found])
    scale = np.where(np.any(table[:, 1:], axis=1), np.max(table[:, 1:], axis=1), table[:, 0])
    expected = np.array([values for _, values in found])[:, 1:].T
    start = np.zeros(len(places))
    for mode in (reverse, forward):
        function = along(row, places, direction)
        for order in range(len(expected)):
            function = mode(function)
            with np.errstate(all="ignore"):
                value = st.trace(function, start)(start)
            for place, ours, exact_value, size in zip(
                places, value, expected[order], scale, strict=True
            ):
                near = 1e-9 * abs(exact_value) + 1e-14 * size + NOTHING
                assert abs(ours - exact_value) <= near, (
                    f"{row.name}, derivative {order + 1} along {direction} at {place}: "
                    f"{ours!r} instead of {exact_value!r}"
                )


# Compositions that have a case for a special point, or meet one of their rows': in NumPy or
# SciPy, the same in mpmath, and points.
def _unit_root(x):
    return np.sqrt(np.sum(np.stack([x, 2 * x]) ** 2, axis=0))


def _as_rows(x):
    return np.stack([x, np.zeros_like(x), 2 * x])


COMPOSITIONS = {
    "x**x": (lambda x: x**x, lambda x: x**x, (1.0, 2.0, 0.5, 0.05)),
    "x**(x - 1)": (lambda x: x ** (x - 1), lambda x: x ** (x - 1), (1.0, 2.0)),
    "x**3": (lambda x: x**3, lambda x: x**3, (0.0, 1.0)),
    "x**1.0": (lambda x: np.power(x, 1.0), lambda x: x, (0.0, 1.0)),
    "2**x": (lambda x: 2.0**x, lambda x: mpmath.mpf(2) ** x, (0.0, 1.0)),
    "xlog1py(x, x)": (
        lambda x: scipy.special.xlog1py(x, x), lambda x: x * log1p(x), (0.0, 1.0),
    ),
    "xlogy(x - 1, x)": (
        lambda x: scipy.special.xlogy(x - 1, x), lambda x: (x - 1) * mpmath.log(x), (1.0, 2.0),
    ),
    "exprel(x**2)": (
        lambda x: scipy.special.exprel(x * x), lambda x: exprel(x * x), (0.0, 1.0),
    ),
    "exp2(x)*sinc(x)": (
        lambda x: np.exp2(x) * np.sinc(x), lambda x: mpmath.mpf(2) ** x * sinc(x), (0.0, 1.0),
    ),
    "logsumexp, ties": (
        lambda x: st.logsumexp(_as_rows(x), 0),
        lambda x: mpmath.log(mpmath.exp(x) + 1 + mpmath.exp(2 * x)),
        (0.0, 1.0, 40.0),
    ),
    "softmax, ties": (
        lambda x: st.softmax(_as_rows(x), 0)[0],
        lambda x: mpmath.exp(x) / (mpmath.exp(x) + 1 + mpmath.exp(2 * x)),
        (0.0, 1.0, 40.0),
    ),
    "log_softmax, tail": (
        lambda x: st.log_softmax(_as_rows(x), 0)[2],
        lambda x: -log1p(mpmath.exp(-x) + mpmath.exp(-2 * x)),
        (0.0, 1.0, 40.0),
    ),
    "norm**2": (lambda x: np.linalg.norm(_as_rows(x), axis=0) ** 2, lambda x: 5 * x * x, (0.0,)),
    "norm**4": (lambda x: np.linalg.norm(_as_rows(x), axis=0) ** 4, lambda x: 25 * x**4, (0.0,)),
    "sqrt*sqrt": (lambda x: _unit_root(x) * _unit_root(x), lambda x: 5 * x * x, (0.0, 1.0)),
    "(norm/3)**2": (
        lambda x: (np.linalg.norm(_as_rows(x), axis=0) / 3) ** 2, lambda x: 5 * x * x / 9, (0.0,),
    ),
    "exp(-norm**2)": (
        lambda x: np.exp(-np.linalg.norm(_as_rows(x), axis=0, keepdims=True)[0] ** 2),
        lambda x: mpmath.exp(-5 * x * x),
        (0.0, 0.5),
    ),
    "hypot**2": (lambda x: np.hypot(x, 2 * x) ** 2, lambda x: 5 * x * x, (0.0, 1.0)),
    "hypot(hypot)**2": (
        lambda x: np.hypot(np.hypot(x, 2 * x), 3 * x) ** 2, lambda x: 14 * x * x, (0.0, 1.0),
    ),
    "std**2": (
        lambda x: np.std(_as_rows(x), axis=0) ** 2, lambda x: 2 * x * x / 3, (0.0, 1.0),
    ),
    "i0e(x**2)": (
        lambda x: scipy.special.i0e(x * x),
        lambda x: mpmath.exp(-x * x) * mpmath.besseli(0, x * x),
        (0.0, 1.0),
    ),
    "abs**2": (lambda x: np.abs(x) ** 2, lambda x: x * x, (0.0, 1.0)),
    "abs**4": (lambda x: np.abs(x) ** 4, lambda x: x**4, (0.0, 1.0)),
    "abs(complex)**2": (lambda x: np.abs(x + 2j * x) ** 2, lambda x: 5 * x * x, (0.0, 1.0)),
    "where(root)**2": (
        lambda x: np.where(x < 9, _unit_root(x), 0.0) ** 2, lambda x: 5 * x * x, (0.0, 1.0),
    ),
    "prod with a zero": (
        lambda x: np.prod(np.stack([x, x + 1, 2 * x]), axis=0),
        lambda x: 2 * x * x * (x + 1),
        (0.0, 1.0),
    ),
    "tanh(tanh)": (
        lambda x: np.tanh(np.tanh(x)), lambda x: mpmath.tanh(mpmath.tanh(x)), (0.0, 12.0),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", COMPOSITIONS)
def test_derivatives_of_compositions_to_fifth_order(name):
    function, exact, centers = COMPOSITIONS[name]
    places = np.array([center + offset for center in centers for offset in OFFSETS])
    with mpmath.workdps(DIGITS):
        terms = [mpmath.taylor(exact, mpmath.mpf(x), ORDERS, chop=False) for x in places]
    expected = np.array([[float(c * mpmath.factorial(k)) for k, c in enumerate(t)] for t in terms])
    scale = np.max(np.abs(expected[:, 1:]), axis=1)
    for mode in (reverse, forward):
        derivative = function
        for order in range(1, ORDERS + 1):
            derivative = mode(derivative)
            error = np.abs(st.trace(derivative, places)(places) - expected[:, order])
            near = 1e-9 * np.abs(expected[:, order]) + 1e-14 * scale + NOTHING
            assert np.all(error <= near), f"{name}, order {order}: {places[~(error <= near)]}"


def test_every_smooth_row_names_its_special_points():
    silent = [
        row.name
        for row in TABLE.values()
        if is_elementwise(row)
        and row.domain.smooth
        and not isinstance(row.derivative, Linear | Zero)
        and not row.domain.special
    ]
    assert not silent
