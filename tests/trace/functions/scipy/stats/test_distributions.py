"""Every distribution of scipy.stats: each method is SciPy's, with its slopes, or is refused."""

import numpy as np
import pytest

import steepest as st
from tests.cases.distributions import (
    CASES,
    CONTINUOUS,
    DISCRETE,
    INTEGRATED,
    OF_PROBABILITY,
    PROBABILITIES,
    SEARCHED,
    methods_of,
)
from tests.support.differences import extrapolated
from tests.support.engines import on_every_engine

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")  # of SciPy's own formulas


def refusal_of(function, *arguments):
    """Return the message with which a call is refused; None if it is not."""
    try:
        function(*arguments)
    except st.errors.UnsupportedError as error:
        return str(error)
    return None


def recorded(case, method, argument):
    """Return the trace of a method by its variable and parameters; None if it is refused."""
    call, traces = getattr(case.distribution, method), []

    def trace():
        traces.append(st.trace(lambda x, *p: call(x, *p), argument, *case.parameters))

    refusal = refusal_of(trace)
    if refusal is not None:
        assert_names(case, refusal)
        return None
    return traces[0]


def assert_names(case, refusal):
    """Check that a refusal says what is refused, or which slope is not known, and where."""
    is_named = f"scipy.stats.{case.name}" in refusal
    of_another = "scipy.stats.beta." in refusal and case.name == "jf_skew_t"  # which calls it
    assert is_named or of_another or "is not known" in refusal
    assert "test_distributions.py" in refusal


def argument_of(case, method):
    if method in OF_PROBABILITY:
        return PROBABILITIES[:1] if case.name in SEARCHED else PROBABILITIES
    return case.everywhere


@pytest.mark.sampled(6)
@pytest.mark.parametrize("key", CASES)
def test_values_are_scipys_inside_at_the_ends_and_outside(key):
    case = CASES[key]
    for method in methods_of(case):
        argument = argument_of(case, method)
        trace = recorded(case, method, argument)
        if trace is not None:
            found = trace(argument, *case.parameters)
            wanted = getattr(case.distribution, method)(argument, *case.parameters)
            atol = 1e-10 if method.startswith("log") else 1e-300  # of a value with this rtol
            np.testing.assert_allclose(found, wanted, rtol=1e-10, atol=atol, err_msg=method)


@pytest.mark.sampled(8)
@pytest.mark.parametrize("key", CONTINUOUS)
def test_slopes_by_the_variable_and_all_parameters_are_those_of_differences(key):
    case = CONTINUOUS[key]
    if case.name in SEARCHED:
        pytest.skip("SciPy itself takes long")
    methods = methods_of(case)
    if case.name in INTEGRATED:
        methods = ("logpdf", "cdf", "sf", "logcdf", "ppf")
    for method in methods:
        is_quantile, at_one = method in OF_PROBABILITY, case.name in INTEGRATED
        argument = PROBABILITIES[: 1 if at_one else 4] if is_quantile else case.inside
        if at_one and method in ("sf", "logcdf"):
            argument = argument[1:2]
        if recorded(case, method, argument) is not None:
            check_slopes(case, method, argument)


def check_slopes(case, method, argument):
    """Compare slopes with differences; those by shapes, or all, may be refused by name."""
    call, at = getattr(case.distribution, method), np.array([0.0, *case.parameters])
    fixed = {}

    def value(p):
        given = [fixed.get(i, p[i]) for i in range(1, at.size)]
        return call(argument + p[0], *given)

    refusal = refusal_of(st.jacobian(value), at)
    if refusal is not None:
        assert_names(case, refusal)
        fixed.update({i + 1: shape for i, shape in enumerate(case.shapes)})
        refusal = refusal_of(st.jacobian(value), at)
    if refusal is not None:
        assert_names(case, refusal)
        return
    slopes = st.jacobian(value)(at)
    low, high = case.distribution.support(*case.parameters)
    if method in OF_PROBABILITY:
        low, high = 0.0, 1.0
    spread = min(argument[-1] - argument[0], argument[0] - low, high - argument[-1])
    steps = [0.1 * spread, *(np.abs(case.shapes) * 0.02), 0.02 * spread, 0.02]
    for i, step in enumerate(steps):
        if i in fixed or (0 < i <= len(case.shapes) and isinstance(case.shapes[i - 1], int)):
            continue  # perhaps a whole number

        def moved(t, i=i):
            return value(np.array([*at[:i], t, *at[i + 1 :]]))

        wanted, error = extrapolated(moved, at[i], min(step, 0.05) or 0.01)
        known = np.isfinite(error)
        allowed = 1e-6 * np.abs(wanted) + 30 * error + 1e-9 * np.max(np.abs(wanted))
        wrong = known & ~(np.abs(slopes[:, i] - wanted) <= allowed + 1e-12)
        assert not np.any(wrong), (method, i, slopes[:, i], wanted, error)


@pytest.mark.parametrize("key", DISCRETE)
def test_slopes_of_discrete_distributions_by_their_parameters(key):
    case = DISCRETE[key]
    for method in methods_of(case)[:-2]:
        if recorded(case, method, case.inside) is None:
            continue
        call = getattr(case.distribution, method)
        at = np.array(case.parameters, float)
        jacobian = st.jacobian(lambda p, call=call: call(case.inside, *p))
        refusal = refusal_of(jacobian, at)
        if refusal is not None:
            assert "is not known" in refusal
            continue
        slopes = jacobian(at)
        assert not np.any(slopes[:, -1])  # by loc
        for i, shape in enumerate(case.shapes):
            if isinstance(shape, int):
                continue  # perhaps a whole number

            def moved(t, i=i, call=call):
                given = list(case.parameters)
                given[i] = t
                return call(case.inside, *given)

            wanted, error = extrapolated(moved, shape, 0.02 * shape)
            allowed = 1e-6 * np.abs(wanted) + 30 * error + 1e-11
            np.testing.assert_array_less(np.abs(slopes[:, i] - wanted), allowed, err_msg=method)


def test_most_distributions_are_recorded():
    counts = {"logpdf": 100, "cdf": 100, "pdf": 100, "logpmf": 19}
    found = dict.fromkeys(counts, 0)
    for case in CASES.values():
        for method in found:
            if method in methods_of(case) and recorded(case, method, case.inside) is not None:
                found[method] += 1
    assert all(found[method] >= number for method, number in counts.items()), found


@pytest.mark.sampled(6)
@pytest.mark.parametrize("key", CASES)
def test_every_engine_gives_scipys_density_and_the_same_slopes(key):
    case = CASES[key]
    method = "logpdf" if case.is_continuous else "logpmf"
    if recorded(case, method, case.inside) is None:
        return
    at = np.array([0.0, *case.parameters])
    call = getattr(case.distribution, method)

    def value(p):
        return call(case.inside + p[0], *(p[i] for i in range(1, at.size)))

    if refusal_of(st.gradient(total(value)), at):
        return
    slopes = st.jacobian(value)(at)
    for found in on_every_engine(value, at).values():
        np.testing.assert_allclose(found, value(at), rtol=1e-11, atol=1e-11)
    for found in on_every_engine(st.gradient(total(value)), at).values():
        rounding = 1e-13 * np.abs(slopes).sum()
        np.testing.assert_allclose(found, slopes.sum(axis=0), rtol=1e-9, atol=rounding)


def total(function):
    return lambda p: np.sum(function(p))
