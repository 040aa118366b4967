"""All of scipy.special: each public function is recorded rightly, or refused by name."""

import inspect
import re
import warnings

import numpy as np
import optree
import pytest
import scipy.special

import steepest as st
from steepest.show.coverage import rows
from tests.cases.ops import ENGINES

RECORDED = {row.name.removeprefix("scipy.special.") for row in rows() if "special" in row.name}
X = np.array([0.3, 0.6, 0.9])


def is_function(name):
    """Whether a public name is a function of numbers, and no class, setting or module."""
    value = getattr(scipy.special, name)
    return callable(value) and not isinstance(value, type) and name not in ("seterr", "geterr")


OTHERS = [name for name in scipy.special.__all__ if is_function(name) and name not in RECORDED]


def arguments(name, moving):
    """Return calls of a function, one for each number of arguments that it may need."""
    function = getattr(scipy.special, name)
    if isinstance(function, np.ufunc):
        counts = [function.nin]
    else:
        parameters = inspect.signature(function).parameters.values()
        needed = [p.kind is not p.VAR_POSITIONAL and p.default is p.empty for p in parameters]
        counts = [sum(needed)] if all(needed[:1]) else range(1, 5)
    return [[1] * (count - 1) + [moving] for count in counts]


def plain_result(name, x):
    """Return the result of the first call that SciPy takes; None if there is none."""
    for position, operands in enumerate(arguments(name, x)):
        try:
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")
                return position, getattr(scipy.special, name)(*operands)
        except Exception:
            continue
    return None


@pytest.mark.parametrize("start", [X, X[0]], ids=["array", "number"])
@pytest.mark.parametrize("name", OTHERS)
def test_what_is_not_recorded_is_right_or_refused_in_one_sentence(name, start):
    found = plain_result(name, start)
    if found is None:
        pytest.skip("takes no number of this kind")
    position, expected = found

    def call(x):
        return getattr(scipy.special, name)(*arguments(name, x)[position])

    try:
        recorded = st.trace(call, start)(start)
    except st.SteepestError as error:
        message = str(error)
        assert re.search(rf"\b{name}\b|scipy\.special", message)
        assert "test_special_functions.py:" in message
        assert "\n" not in message
        return
    leaves = zip(optree.tree_leaves(recorded), optree.tree_leaves(expected), strict=True)
    for value, wanted in leaves:
        np.testing.assert_allclose(value, wanted, rtol=1e-12)


def test_most_functions_are_recorded():
    numbers = [name for name in scipy.special.__all__ if is_function(name)]
    assert len([name for name in numbers if name in RECORDED]) > len(numbers) / 2


EDGES = np.array([0.0, -0.0, 1.0, -1.0, 0.5, -2.5, 7.0, 30.0, np.inf, -np.inf, np.nan])


def edge_operands(ufunc):
    """Return operands of a ufunc, of which each is an edge where the others are usual."""
    edges = EDGES[~np.isinf(EDGES)] if ufunc.__name__ in NEVER_RETURNS else EDGES
    columns = []
    for moving in range(ufunc.nin):
        usual = [np.full(edges.size, 0.7 + 0.4 * i) for i in range(ufunc.nin)]
        usual[moving] = edges
        columns.append(usual)
    return [np.concatenate(parts) for parts in zip(*columns, strict=True)]


# With arguments that are not whole these warn, or SciPy's algorithm depends on the loop.
OF_WHOLE = ("bdtr", "bdtrc", "bdtri", "nbdtr", "nbdtrc", "nbdtri", "pdtri", "expn", "kn", "yn")
NEVER_RETURNS = ("hyp1f1", "pbdv", "pbvv")  # SciPy's own, for an infinite operand
UFUNCS = [
    name
    for name in sorted(RECORDED)
    if isinstance(function := getattr(scipy.special, name, None), np.ufunc)
    and not name.startswith("eval_hermite")
    and name not in OF_WHOLE
    and all(loop.partition("->")[2].islower() for loop in function.types[:1])
]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", UFUNCS)
def test_values_at_edges_are_scipys(name, engine):
    ufunc = getattr(scipy.special, name)
    operands = edge_operands(ufunc)

    def call(*operands):
        result = ufunc(*operands)
        return np.stack(result) if isinstance(result, tuple) else result

    with np.errstate(all="ignore"):
        expected = call(*operands)
    graph = st.trace(call, *operands)
    _, (found,) = ENGINES[engine].compile([graph])(operands)
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-300)


def test_orders_are_whole_where_they_are_integers():
    for name in ("eval_legendre", "eval_chebyt", "eval_hermite", "expn", "kn", "yn"):
        for order in (0, 1, 3, np.array([2, 0, 5])):
            function = getattr(scipy.special, name)
            found = st.trace(lambda x, f=function, n=order: f(n, x), X)(X)
            np.testing.assert_allclose(found, function(order, X), rtol=1e-14)
            slope = st.gradient(lambda x, f=function, n=order: np.sum(f(n, x)))(X)
            step = 1e-6
            ahead, behind = function(order, X + step), function(order, X - step)
            np.testing.assert_allclose(slope, (ahead - behind) / (2 * step), rtol=2e-7, atol=1e-8)


def test_numbers_of_successes_are_whole():
    for name in ("bdtr", "bdtrc", "bdtri", "nbdtr", "nbdtrc", "nbdtri"):
        function = getattr(scipy.special, name)
        found = st.trace(lambda p, f=function: f(2, 5, p), X)(X)
        np.testing.assert_allclose(found, function(2, 5, X), rtol=1e-14)


def _takes_integers(name):
    types = getattr(getattr(scipy.special, name, None), "types", ())
    return any("l" in loop.partition("->")[0] for loop in types)


@pytest.mark.filterwarnings("ignore")  # SciPy's own, of numbers that it truncates
@pytest.mark.parametrize("name", [name for name in sorted(RECORDED) if _takes_integers(name)])
def test_what_becomes_of_numbers_that_are_not_whole_is_scipys(name):
    function = getattr(scipy.special, name)
    for number in (0.6, 2.3, np.array([1.7, 0.4])):
        operands = [number] * function.nin
        try:
            expected = function(*operands)
        except TypeError:
            with pytest.raises(st.SteepestError):
                st.trace(lambda *x: function(*x), *operands)
            continue
        found = st.trace(lambda *x: function(*x), *operands)(*operands)
        np.testing.assert_allclose(found, expected, rtol=1e-12)


@pytest.mark.parametrize("name", ["jv", "yv", "jve", "yve", "struve", "modstruve"])
def test_the_slope_by_the_order_is_refused_with_the_line(name):
    function = getattr(scipy.special, name)
    with pytest.raises(
        TypeError, match=rf"{name} by its argument 1, called in <lambda> at test_special"
    ):
        st.gradient(lambda v: function(v, 2.0))(1.5)
    assert np.isfinite(st.gradient(lambda x: function(1.5, x))(2.0))


def test_lambertw_of_a_diode_is_real_on_its_branches():
    for branch, x in ((0, np.array([-0.3, 0.0, 1.0, 50.0])), (-1, np.array([-0.3, -0.1, -1e-3]))):

        def current(x, branch=branch):
            return scipy.special.lambertw(x, branch).real

        w = current(x)
        np.testing.assert_array_equal(st.trace(current, x)(x), w)
        slopes = st.gradient(lambda x: np.sum(current(x)))(x)
        np.testing.assert_allclose(slopes, np.exp(-w) / (1 + w), rtol=1e-13)


def test_slopes_of_binomial_coefficients_where_the_gamma_function_has_poles():
    n = np.array([0.0, 1.0, 2.0, 3.0, 5.0])
    cubic = (3 * n**2 - 6 * n + 2) / 6  # of n (n - 1) (n - 2) / 6
    slope = st.gradient(lambda n: np.sum(scipy.special.binom(n, 3.0)))(n)
    np.testing.assert_allclose(slope, cubic, rtol=1e-13)
    for place in (4.0, 2.0, -1.0):  # by the choice: differences
        step = 1e-4
        ahead, behind = (scipy.special.binom(2.5, place + s * step) for s in (1, -1))
        slope = st.gradient(lambda k: scipy.special.binom(2.5, k))(place)
        np.testing.assert_allclose(slope, (ahead - behind) / (2 * step), rtol=1e-6)
    slope = st.gradient(lambda z: np.sum(scipy.special.poch(z, 2.5)))(np.array([0.0, -1.0]))
    ahead, behind = (scipy.special.poch(np.array([0.0, -1.0]) + s, 2.5) for s in (1e-6, -1e-6))
    np.testing.assert_allclose(slope, (ahead - behind) / 2e-6, rtol=1e-5)
