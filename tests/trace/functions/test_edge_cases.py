"""Edge cases of NumPy's functions: the result or error is NumPy's, or a refusal."""

import builtins
import copy
import itertools
import math
import operator

import numpy as np
import pytest
import scipy.special

from steepest import compile as compile_
from steepest import gradient
from steepest.errors import RefusalError
from steepest.trace.arrays.registries import UFUNC_METHODS
from tests.support.agreement import assert_agrees, assert_same, computed, outcome, recorded

MATRIX = np.array([[0.4, 1.7], [-0.3, 0.9]])

AXES = (0, -1, 2, None, (), (0,), (0, 1), (0, 0), [0], 1.0)
ALONG = [key for key in UFUNC_METHODS if key[1] in ("reduce", "accumulate", "reduceat")]


@pytest.mark.parametrize(
    ("ufunc", "name"), ALONG, ids=lambda part: getattr(part, "__name__", part)
)
def test_methods_of_ufuncs_go_along_the_axes_that_numpy_takes(ufunc, name):
    places = ([0, 1, 0],) if name == "reduceat" else ()
    for axis in AXES:
        for x in (MATRIX, MATRIX[0], MATRIX[:0], 1.5):
            assert_agrees(lambda x, axis=axis: getattr(ufunc, name)(x, *places, axis=axis), x)


@pytest.mark.parametrize("ufunc", [ufunc for ufunc, name in ALONG if name == "reduce"])
def test_arrays_without_axes_are_reduced_to_numbers(ufunc):
    for axis in AXES:
        assert_agrees(lambda x, axis=axis: ufunc.reduce(x, axis=axis), np.array(1.5))


SUMS_OF_EXPONENTIALS = ("logsumexp", "softmax", "log_softmax")


@pytest.mark.parametrize("name", SUMS_OF_EXPONENTIALS)
def test_sums_of_exponentials_of_numbers_and_of_nothing(name):
    function = getattr(scipy.special, name)
    options = [{}]
    if name == "logsumexp":
        flags = itertools.product((True, False), repeat=2)
        options = [{"keepdims": one, "return_sign": other} for one, other in flags]
        options += [{"b": 2.0}, {"b": np.array([1.0, -2.0])}]
    for x in (MATRIX, MATRIX[0], MATRIX[:0], MATRIX[0, :0], np.array(1.5), 1.5, 2):
        for axis, given in itertools.product((None, 0, 1, (), (0, 0)), options):
            assert_agrees(lambda x, axis=axis, given=given: function(x, axis=axis, **given), x)


def test_losses_of_huber_are_computed_in_the_dtype_of_the_loop():
    numbers = np.array([0.139, 0.755, 0.21])
    for one, other in itertools.product((np.float64, np.float32, int), repeat=2):
        delta, r = np.array([0.6, 0.441, 3.0]).astype(one), numbers.astype(other)
        wanted, found = scipy.special.huber(delta, r), recorded(scipy.special.huber)(delta, r)
        assert found.dtype == wanted.dtype
        np.testing.assert_allclose(found, wanted, rtol=1e-6 if wanted.itemsize == 4 else 1e-12)


@pytest.mark.parametrize("function", [np.convolve, np.correlate])
def test_beyond_the_ends_of_an_array_there_is_nothing_to_multiply(function):
    kernels = ([np.inf, 0.0, 2.0], [1.0, -np.inf], [np.nan], [1.0, np.nan, 0.0, 0.0, 3.0], [2, 3])
    for kernel, mode in itertools.product(kernels, ("full", "same", "valid")):
        for x in ([0.0, 0.5, -np.inf], [1.0, 2.0, 3.0, 0.0], [0.0]):
            given = np.array(kernel), np.array(x)
            assert_agrees(lambda x, y, mode=mode: function(x, y, mode), *given)
            assert_agrees(lambda x, y, mode=mode: function(y, x, mode), *given)
    truths = np.array([True, False])
    assert_agrees(lambda x: function(x, truths, "full"), truths)


MAKERS = (np.array, np.asarray, np.asanyarray, np.nan_to_num, np.astype, np.copy)


@pytest.mark.parametrize("function", MAKERS, ids=lambda function: function.__name__)
def test_copies_of_numbers_and_lists(function):
    more = (np.float64,) if function is np.astype else ()
    for x in (2.5, 2, np.float64(2.5), np.int64(2), np.array(2.5), np.array(2), MATRIX[0]):
        for options in ({}, {"copy": True}, {"copy": False}, {"copy": None}):

            def changed(x, options=options):
                result = function(x, *more, **options)
                result += 1
                return result, isinstance(result, np.ndarray)

            assert_agrees(changed, x)
            assert_agrees(lambda x, options=options: function([x, x], *more, **options), x)


IN_PLACE = [name for name in operator.__all__ if hasattr(np.ndarray, f"__{name}__")]
IN_PLACE = [name for name in IN_PLACE if name.startswith("i") and hasattr(operator, name[1:])]


@pytest.mark.parametrize("name", IN_PLACE)
def test_what_is_changed_in_place_keeps_its_shape(name):
    operate = getattr(operator, name)
    for shape, other in itertools.product(((), (1,), (2,), (1, 2), (2, 2)), repeat=2):
        for dtype in (float,) if name == "itruediv" else (int, float):
            x, y = np.full(shape, 3, dtype), np.full(other, 2, dtype)
            assert_agrees(lambda x, y: (operate(x.copy(), y), x), x, y)


CASTS = ("no", "equiv", "safe", "same_kind", "unsafe", "odd")


@pytest.mark.parametrize("ufunc", [np.add, np.less, np.sqrt, np.modf, np.logical_or, np.matmul])
def test_arrays_for_results_obey_the_rule_for_casts(ufunc):
    def call(x, casting, dtype, more):
        shape = () if ufunc is np.matmul else x.shape
        out = tuple(np.zeros(shape, dtype) for _ in range(ufunc.nout))
        ufunc(*[x] * ufunc.nin, out=out, casting=casting, **more)
        return out

    for casting, dtype in itertools.product(CASTS, (float, np.float32, int, bool)):
        for x, more in ((MATRIX[0], {}), (np.array([1, 0]), {}), (MATRIX[0], {"dtype": float})):
            rule = casting, dtype, more
            assert_agrees(lambda x, rule=rule: call(x, *rule), x)


@pytest.mark.parametrize("function", [np.concatenate, np.stack])
def test_arrays_for_joined_ones_obey_the_rule_for_casts(function):
    for casting, dtype in itertools.product(CASTS, (float, np.float32, int)):
        for more in ({}, {"dtype": dtype}):

            def call(x, casting=casting, dtype=dtype, more=more):
                out = None if more else np.zeros_like(function([x, x]), dtype)
                return function([x, x], out=out, casting=casting, **more)

            assert_agrees(call, MATRIX)
    both = {"out": np.zeros((4, 2)), "dtype": float}
    assert_agrees(lambda x: function([x, x], **both), MATRIX)


MASKED = {
    "add": lambda x, where: np.add(x, x, out=np.zeros_like(x), where=where),
    "copyto": lambda x, where: np.copyto(x, 5.0, where=where),
    "sum": lambda x, where: np.sum(x, where=where),
    "mean": lambda x, where: np.mean(x, where=where),
    "std": lambda x, where: np.std(x, where=where),
    "max": lambda x, where: np.max(x, where=where, initial=-1.0),
    "all": lambda x, where: np.all(x, where=where),
    "nansum": lambda x, where: np.nansum(x, where=where),
    "nanmean": lambda x, where: np.nanmean(x, where=where),
    "nanvar": lambda x, where: np.nanvar(x, where=where),
    "add.reduce": lambda x, where: np.add.reduce(x, where=where),
}
MASKS = (
    [1, 0, 1], [1.0, 0.0, 2.0], [[True], [False]], [True, False], 1, 0.0, True,
    np.array([1, 0, 1]), np.array([1.0, 0.0, 1.0]), np.array([True, False, True]),
    np.array(True), np.array(1.0), np.float64(1.0), np.array([[True, False, True]]),
)  # fmt: skip


@pytest.mark.parametrize("name", MASKED)
def test_masks_are_truth_values(name):
    for where in MASKS:
        assert_agrees(lambda x, where=where: MASKED[name](x, where), np.array([0.5, 2.0, 3.0]))
        if isinstance(where, np.ndarray):
            assert_agrees(MASKED[name], np.array([0.5, 2.0, 3.0]), where)


OF_MATH = [f for f in vars(math).values() if callable(f)]


@pytest.mark.parametrize("function", OF_MATH, ids=lambda function: function.__name__)
def test_functions_of_math_take_the_arrays_that_are_numbers(function):
    for x in (-3.0, 0.5, np.float32(0.5)):
        for value in (x, np.array(x), np.array([x]), np.array([[x]]), np.array([x, x])):
            assert_agrees(lambda value: function(value), value)
            assert_agrees(lambda value: function(value, 2.0), value)


VALUES = (1.5, 2, np.float64(1.5), np.int8(2), np.array(1.5), MATRIX)


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_values_have_the_attributes_that_they_have_in_numpy(value):
    names = sorted(
        {name for kind in (np.ndarray, float, int, complex) for name in dir(kind)} - {"mT"}
    )
    has = recorded(lambda x: [hasattr(x, name) for name in names])(value)
    assert [name for name, found in zip(names, has, strict=True) if found] == [
        name for name in names if hasattr(value, name)
    ]
    for call in (copy.copy, copy.deepcopy, lambda x: x.__copy__(), lambda x: x.__deepcopy__({})):
        assert_agrees(call, value)


def test_tolerances_of_ranks_broadcast_over_matrices():
    stack = np.stack([MATRIX, MATRIX * [[1.0], [0.0]]])
    for x in (MATRIX, stack, MATRIX[0], np.zeros(2), np.array(0.0), 2.0, np.zeros((0, 2))):
        for tol in (None, 0.5, np.array([0.5, 10.0]), [0.5, 1e-3], np.array([[0.5], [2.0]])):
            assert_agrees(lambda x, tol=tol: np.linalg.matrix_rank(x, tol), x)
            assert_agrees(lambda x, tol=tol: np.linalg.matrix_rank(x, rtol=tol), x)
            assert_agrees(lambda x, tol=tol: np.linalg.matrix_rank(x, 0.5, rtol=tol), x)


def test_condition_numbers_of_singular_matrices():
    for x in (np.zeros((2, 2)), np.ones((2, 2)), np.stack([MATRIX, 0 * MATRIX]), MATRIX * np.nan):
        for p in (None, 2, -2, 1, "fro"):
            assert_agrees(lambda x, p=p: np.linalg.cond(x, p), x)


def test_covariances_have_numpys_shapes_and_dtypes():
    pairs = itertools.product((MATRIX, MATRIX[0], MATRIX[:1], 1.5), (None, MATRIX, MATRIX[:1]))
    for (x, y), rowvar, ddof in itertools.product(pairs, (True, False), (None, 0, 2, 3)):
        given = {"rowvar": rowvar, "ddof": ddof}
        if np.ndim(computed(np.cov, (x, y), given)):
            assert_agrees(lambda x, y=y, given=given: np.cov(x, y, **given), x)
    single = MATRIX.astype(np.float32)
    for weights in (None, np.array([1, 2]), np.array([0.5, 1.5])):
        assert_agrees(lambda x, w=weights: np.cov(x, aweights=w, dtype=np.float32), single)


@pytest.mark.parametrize("x", [MATRIX[0], MATRIX[:1], 1.5], ids=["row", "matrix", "number"])
def test_variances_are_arrays_without_axes(x):
    assert_agrees(np.cov, x)


def test_an_error_of_another_type_than_numpys_is_numpys():
    for call in (
        lambda x: np.linalg.vecdot(x, 2, axis=None),
        lambda x: np.sum(x, axis="no axis"),
        lambda x: np.swapaxes(x, None, 1),
        lambda x: x.reshape("no shape"),
        lambda x: np.repeat(x, "no number"),
    ):
        assert_agrees(call, MATRIX)


@pytest.mark.parametrize("ufunc", [np.add, np.nextafter, np.left_shift, np.logical_or])
def test_casts_of_operands_obey_the_rule(ufunc):
    numbers = 1.5, 2, np.float32(1.5), np.int8(2), np.array([1, 2]), np.array([0.5, 2.0])
    for casting, dtype in itertools.product(CASTS, (None, float, np.float32, int, bool)):
        rule = {"casting": casting, "dtype": dtype}
        for x, y in itertools.product(numbers, numbers[:4]):
            assert_agrees(lambda x, y=y, rule=rule: ufunc(x, y, **rule), x)


@pytest.mark.parametrize("function", [np.place, np.putmask, np.copyto])
def test_masks_have_the_size_of_the_array(function):
    for mask in ([True, False, True], [True, False], [[True, False, True]], [True], True, []):
        for values in ([5.0, 6.0], [5.0], 5.0, [], [[1.0, 2.0, 3.0]]):

            def call(x, mask=mask, values=values):
                x = x.copy()
                given = {"where": mask} if function is np.copyto else {}
                function(x, *([] if given else [mask]), values, **given)
                return x

            assert_agrees(call, np.array([0.5, 2.0, 3.0]))
            assert_agrees(call, np.array([[0.5, 2.0, 3.0]]))


def test_powers_that_vanish_have_slope_zero():
    x = np.array([2.0, 4.0, 0.5, -0.5, 3.0])
    p = np.array([1.0, 0.5, np.inf, np.inf, -np.inf])
    for slopes in (
        gradient(lambda x: np.sum(x**p))(x),
        gradient(lambda x, p: np.sum(x**p))(x, p),
    ):
        np.testing.assert_allclose(slopes, [1.0, 0.25, 0.0, 0.0, 0.0])


@pytest.mark.parametrize("function", [np.var, np.std, np.nanvar, np.nanstd])
@pytest.mark.parametrize("name", ["ddof", "correction"])
def test_variances_of_too_few_elements(function, name):
    options = ({}, {"axis": -1}, {"where": False}, {"keepdims": True}, {"mean": 0.5})
    for x in ([1.0, 2.0], [[1.0, 2.0, 4.0]], [1.0, np.nan], [1, 2], [True, False]):
        for lowered in (0, 1, 2, 3, 1.5):
            for more in options:
                given = {name: lowered, **more}
                assert_agrees(lambda x, given=given: function(x, **given), np.array(x))


def _handled(ask):
    def call(x):
        try:
            ask(x)
        except AttributeError:
            return 1.0 * x
        except TypeError:
            return 2.0 * x
        except RuntimeError:
            return 3.0 * x
        except ValueError:
            return 4.0 * x
        return 5.0 * x

    return call


@pytest.mark.parametrize(
    "ask",
    [
        lambda x: x.tensor,
        lambda x: 1.0 in x[0],
        lambda x: np.astype(2.5, float),
        lambda x: np.astype([1.0], float),
        lambda x: np.cov(x, fweights=[1, 2, 3]),
        lambda x: np.cov(x, aweights=[1.0, -2.0]),
        lambda x: x.reshape(3),
        lambda x: np.concatenate([x, x[0]]),
        lambda x: np.linalg.inv(x),
        lambda x: np.swapaxes(x, 0, 5),
        lambda x: x[5],
        lambda x: iter(x[0]),
    ],
)
def test_an_except_clause_takes_the_error_that_it_takes_in_numpy(ask):
    x = np.array([1.0, 2.0])
    try:
        wanted = _handled(ask)(x)
    except Exception as error:
        with pytest.raises(type(error)):
            recorded(_handled(ask))(x)
    else:
        np.testing.assert_array_equal(recorded(_handled(ask))(x), wanted)


def test_lists_of_computed_numbers_are_arrays():
    def placed(x):
        a = x * 1.0
        np.place(a, [x[0] > 0, x[1] > 3], 7.0)
        np.putmask(a, [x[0] > 3, x[1] > 0], [x[1], x[0]])
        return a

    def filled(x):
        a = np.zeros((2, 2)) * x
        np.fill_diagonal(a, [x[0], x[1]])
        a.flat[[0, 1]] = [x[1], x[0]]
        return a

    for call in (
        placed,
        filled,
        lambda x: np.cov([x, 2 * x], rowvar=False),
        lambda x: np.cov(x, [x[1], x[0]], rowvar=False),
        lambda x: np.sum(x, where=[x[0] > 0, x[1] > 5]),
        lambda x: np.array_equal([x[0], x[1]], x),
        lambda x: np.cumulative_sum([x[0], x[1]]),
        lambda x: np.searchsorted(x, 1.5, sorter=[0, 1]),
    ):
        x = np.array([1.0, 2.0])
        assert_same(recorded(call)(x), call(x), x)


def test_convolutions_with_infinity_in_a_loop_that_stays_in_the_graph():
    def call(x, w):
        i, total = 0, np.zeros(4)
        while i < x[0]:
            total = total + np.convolve(np.array([1.0, 2.0, 3.0]), w, "full")
            i = i + 1
        return total

    for w in ([np.inf, 1.0], [1.0, -np.inf], [2.0, 1.0]):
        assert_agrees(call, np.array([30.0]), np.array(w))


METHODS = ("linear", "midpoint", "lower", "higher", "nearest")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["quantile", "percentile", "nanquantile", "nanpercentile"])
def test_quantiles_are_elements_where_nothing_lies_between(name):
    function = getattr(np, name)
    scale = 100 if "percentile" in name else 1
    arrays = ([-0.0, -0.0, np.inf], [-np.inf, 0.5, np.inf], [4, 1, 3], [True, False], [1.5])
    shares = 1, 0, 0.4, np.float64(0.4), np.float32(0.5), [0, 1], [0.0, 0.4], np.array([1, 0])
    for numbers, share, method in itertools.product(arrays, shares, METHODS):
        q = [part * scale for part in share] if isinstance(share, list) else share * scale
        for x in (np.array(numbers), np.array(numbers, np.float32)):
            assert_agrees(lambda x, q=q, method=method: function(x, q, method=method), x)


@pytest.mark.parametrize(("ufunc", "name"), ALONG, ids=str)
def test_methods_of_ufuncs_compute_in_the_dtype_that_is_given(ufunc, name):
    places = ([0, 1, 0],) if name == "reduceat" else ()
    for dtype in (bool, np.int8, np.float32, float):
        for x in ([1.5, 2.0, 0.0], [100, 100, 100], [True, True, True]):
            call = lambda x, dtype=dtype: getattr(ufunc, name)(x, *places, dtype=dtype)
            assert_agrees(call, np.array(x))


@pytest.mark.parametrize("name", ["mean", "var", "std", "nanmean", "nanvar", "nanstd"])
def test_moments_round_as_numpys(name):
    x = np.array([[4.0, 4.0, 2.0], [-2.0, -1.0, 0.1]], np.float32)
    for dtype, where in itertools.product((None, float, np.float32), (True, x > 0)):
        call = lambda x: getattr(np, name)(x, dtype=dtype, where=where)  # noqa: B023
        wanted, found = call(x), recorded(call)(x)
        assert found.dtype == wanted.dtype
        np.testing.assert_allclose(found, wanted, rtol=1e-7 if wanted.itemsize == 4 else 1e-14)


OF_TRUTHS = [u for u in vars(np).values() if isinstance(u, np.ufunc) and "??" in u.types[0]]
OF_TRUTHS += [u for u in vars(np).values() if isinstance(u, np.ufunc) and u.types[0] == "?->?"]


@pytest.mark.parametrize("ufunc", OF_TRUTHS, ids=lambda ufunc: ufunc.__name__)
def test_machine_code_knows_truth_values(ufunc):
    x = np.array([True, False, True])
    y = np.array([False, False, True])
    call = lambda x, y: ufunc(*(x, y)[: ufunc.nin])
    wanted, found = outcome(call, (x, y)), outcome(compile_(call), (x, y))
    if not isinstance(found, RefusalError) and not isinstance(wanted, Exception):
        assert_same(found[0], wanted[0], ufunc)


def test_the_builtins_are_left_as_they_are():
    assert recorded(lambda x: [hasattr(builtins, "sum"), hasattr(builtins, "nothing")])(1.0) == [
        True,
        False,
    ]


@pytest.mark.parametrize("ask", [hasattr, getattr], ids=lambda ask: ask.__name__)
@pytest.mark.parametrize("name", [True, 1, None, b"size"], ids=repr)
def test_names_of_attributes_are_text(ask, name):
    with pytest.raises(TypeError, match="must be string"):
        recorded(lambda x: 1.0 * bool(ask(x, name)))(1.0)
