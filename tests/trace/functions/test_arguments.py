"""Every argument of every function that can be recorded is honored or refused, never ignored."""

import dis
import inspect
import itertools

import numpy as np
import optree
import pytest
import scipy.special

from steepest.errors import RefusalError, SteepestError
from steepest.trace.arrays.registries import FUNCTIONS, METHODS, SPECIAL_UFUNCS, UFUNC_METHODS
from steepest.trace.following.namespaces import SEEN_BY_NAME
from steepest.trace.following.stand_ins import load_scipy
from tests.cases.calls import CALLS, REDUCERS
from tests.cases.functions import X, table
from tests.support.agreement import (
    assert_agrees,
    assert_call_agrees,
    computed,
    filled,
    recorded,
)

load_scipy()
IMPLEMENTATIONS = {
    **{f"np.{f.__name__}": i for f, i in FUNCTIONS.items()},
    **{f"ndarray.{name}": i for name, i in METHODS.items()},
    **{f"np.{ufunc.__name__}.{name}": i for (ufunc, name), i in UFUNC_METHODS.items()},
    **SEEN_BY_NAME,
}


def unread(implementation):
    """Return the parameters that a function's code never looks at."""
    harmless = ()
    while hasattr(implementation, "__wrapped__") and hasattr(implementation, "__code__"):
        harmless += getattr(implementation, "harmless", ())
        implementation = implementation.__wrapped__
    code = getattr(implementation, "__code__", None)
    if code is None:
        return set()
    read = {i.argval for i in dis.get_instructions(code) if "LOAD" in i.opname}
    read |= {
        name
        for i in dis.get_instructions(code)
        if isinstance(i.argval, tuple)
        for name in i.argval
    }
    return (
        set(inspect.signature(implementation).parameters)
        - read
        - set(code.co_cellvars)
        - set(harmless)
    )


@pytest.mark.parametrize("name", IMPLEMENTATIONS)
def test_implementations_read_their_parameters(name):
    assert not unread(IMPLEMENTATIONS[name])


def test_an_implementation_that_drops_a_parameter_is_found():
    def drops(a, axis=None, *, kept=0, lost=1):
        return [a for _ in range(kept)] and axis

    assert unread(drops) == {"lost"}


ORDERS = ["C", "F", "A", "K", "Z"]
FLAGS = [True, False]
VALUES = {
    "a_max": [0.6], "a_min": [0.3], "append": [1.5], "assume_unique": FLAGS, "atol": [0.5],
    "axes": [(1, 0), (0, 1), 1], "axis": [0, -1, None, (0, 1), 5, (), (0, 0), [0], (1,)],
    "axis1": [1], "axis2": [0],
    "axisa": [0], "axisb": [0], "axisc": [0],
    "aweights": [np.array(w) for w in ([0.5, 2.0, 1.0], [0.5, -2, 1], [0.5, 1], [[0.5, 2, 1]])],
    "base": [2.0, 3], "bias": FLAGS, "casting": ["no", "safe", "same_kind", "unsafe", "odd"],
    "compute_uv": FLAGS, "copy": [True, False, None], "correction": [1, 2], "cov": FLAGS,
    "ddof": [0, 1, 2], "decimals": [-1, 0, 3], "deg": FLAGS, "device": [None, "cpu", "gpu"],
    "discont": [1.0, 4.0], "dtype": [np.float32, int, np.int8, None, bool], "dx": [0.5],
    "edge_order": [1, 2, 3], "endpoint": FLAGS, "equal_nan": FLAGS, "full": FLAGS,
    "full_matrices": FLAGS,
    "fweights": [np.array(w) for w in ([1, 2, 1], [1.5, 2, 1], [1, -2, 1], [2, 1], [[1, 2, 1]])],
    "hermitian": FLAGS,
    "include_initial": FLAGS, "increasing": FLAGS, "indexing": ["xy", "ij", "odd"],
    "initial": [2.5, 0.1], "invert": FLAGS, "k": [0, 1, -1, 2.5], "keepdims": FLAGS,
    "kind": [None, "quicksort", "stable", "introselect", "table", "sort", "odd"],
    "left": [-1.0], "like": [None], "m": [1, 2, 0, -1], "max": [0.6], "mean": [0.3],
    "method": ["linear", "lower", "hazen", "nearest", "midpoint", "higher", "odd"],
    "min": [0.3], "minlength": [0, 9],
    "mode": [
        "full", "same", "valid", "raise", "wrap", "clip", "r", "edge", "mean", "reduced", "odd",
    ],
    "n": [0, 1, 2, 4, 7], "N": [2, 4, 0, -1], "nan": [0.5], "ndmax": [0, 1], "ndmin": [0, 1, 3],
    "neginf": [-5.0], "newshape": [(3, 2)], "norm": [None, "ortho", "forward", "backward", "odd"],
    "offset": [1, -1], "optimize": [True, "greedy"], "ord": [None, 1, 2, np.inf, "fro", "odd"],
    "order": ORDERS, "overwrite_input": FLAGS, "p": [1, 2, np.inf], "period": [1.0, 5.0],
    "posinf": [5.0], "prepend": [1.5], "rcond": [0.5, np.array([0.5, 0.1])], "retstep": FLAGS,
    "return_counts": FLAGS,
    "return_index": FLAGS, "return_inverse": FLAGS, "returned": FLAGS, "right": [True, 0.5],
    "rowvar": FLAGS, "rtol": [0.5, np.array([0.5, 0.1])], "s": [(2, 4), (2, -1)],
    "shape": [(3, 2), (6,), 6],
    "side": ["left", "right", "odd"], "sorted": FLAGS, "sorter": [np.array([1, 0, 2, 3, 4, 5])],
    "sparse": FLAGS, "stable": [None, True, False], "start": [0, 1, 2], "subok": FLAGS,
    "tol": [0.5, np.array(0.1), np.array([0.5, 0.1])], "to_begin": [1.5], "to_end": [[1.5, 2.5]],
    "trim": ["f", "b", "odd"], "UPLO": ["L", "U", "X"], "upper": FLAGS, "w": [np.arange(1.0, 7.0)],
    "weights": [np.arange(1.0, 7.0)], "writeable": FLAGS,
    "where": [np.array([True, False, True])], "wrap": FLAGS, "x": [np.arange(6.0) ** 2],
    "y": [np.array([1.0, 3.0, 2.0])], "num": [0, 1, 4], "step": [0.25], "stop": [4.0],
    "source": [1], "destination": [0], "default": [1.5],
}  # fmt: skip
"""Values for arguments by name: what is an error for NumPy shall be one here."""


def variations(function, args, kwargs):
    """Yield a call with each optional argument replaced by each of its values."""
    signature = inspect.signature(function)
    bound = signature.bind(*args, **kwargs)
    kinds = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    for name, parameter in signature.parameters.items():
        if parameter.default is inspect.Parameter.empty or parameter.kind in kinds:
            continue
        if name == "out":
            continue
        for value in VALUES[name]:
            changed = inspect.BoundArguments(signature, bound.arguments | {name: value})
            changed.arguments = {
                key: changed.arguments[key]
                for key in signature.parameters
                if key in changed.arguments
            }
            yield name, value, changed.args, changed.kwargs


@pytest.mark.parametrize("function", CALLS, ids=lambda f: f"{f.__module__}.{f.__name__}")
def test_every_argument_is_honored_or_refused(function):
    args, kwargs = CALLS[function]
    for name, value, new_args, new_kwargs in variations(function, args, kwargs):
        what = f"{function.__name__}({name}={value!r})"
        assert_call_agrees(filled(function), new_args, new_kwargs, what)


def _nothing_of(array):
    return array[..., :0]


def _number_of(array):
    return np.array(array.ravel()[0])


def _scalar_of(array):
    return array.ravel()[0]


def _row_of(array):
    return array.reshape((1, -1))


@pytest.mark.parametrize(
    "function",
    CALLS,
    ids=lambda f: f"{f.__module__}.{f.__name__}",
)
def test_arrays_of_other_shapes_are_taken_as_numpy_takes_them(function):
    def changed(x):
        return change(x) if isinstance(x, np.ndarray) and x.size and x.dtype.kind == "f" else x

    def written(*args, **kwargs):
        result = function(*args, **kwargs)
        result[...] = 7
        arrays = [x for x in optree.tree_leaves((args, kwargs)) if isinstance(x, np.ndarray)]
        return result, arrays

    for change in (_nothing_of, _number_of, _scalar_of, _row_of):
        args, kwargs = optree.tree_map(changed, CALLS[function])
        assert_call_agrees(filled(function), args, kwargs, (function.__name__, change))
        assert_call_agrees(written, args, kwargs, (function.__name__, change, "written to"))


WITH_OUT = [f for f in CALLS if "out" in inspect.signature(f).parameters]
HONORED = (np.fft.irfft, np.fft.irfftn)
REFUSED_WITH_OUT = [f for f in WITH_OUT if f.__module__ == "numpy.fft" and f not in HONORED]
WITH_OUT = [f for f in WITH_OUT if f not in REFUSED_WITH_OUT]


@pytest.mark.parametrize("function", REFUSED_WITH_OUT, ids=lambda f: f.__name__)
def test_transforms_into_arrays_for_results_are_refused(function):
    matrix = table(X).copy()
    expected = function(matrix)
    with pytest.raises(RefusalError):
        recorded(lambda x: function(x, out=np.zeros_like(expected)).real * 1)(matrix)


@pytest.mark.parametrize("function", WITH_OUT, ids=lambda f: f"{f.__module__}.{f.__name__}")
def test_results_are_written_to_out(function):
    args, kwargs = CALLS[function]
    expected = np.asarray(computed(function, args, kwargs))

    def call(*arguments, **options):
        out = np.zeros(expected.shape, expected.dtype)
        result = function(*arguments, **options, out=out)
        return result * 1, out

    kwargs = {k: v for k, v in kwargs.items() if k != "out"}
    assert_call_agrees(call, args, kwargs, function.__name__)


@pytest.mark.parametrize("function", WITH_OUT, ids=lambda f: f"{f.__module__}.{f.__name__}")
def test_arrays_for_results_are_taken_as_numpy_takes_them(function):
    args, kwargs = CALLS[function]
    kwargs = {k: v for k, v in kwargs.items() if k != "out"}
    wanted = np.asarray(computed(function, args, kwargs))
    ahead, behind = (2, *wanted.shape), (*wanted.shape, 2)
    for shape in [wanted.shape, ahead, behind, (1, *wanted.shape), (0,)]:
        for dtype in [wanted.dtype, np.float64, np.float32, np.int64, np.bool_]:
            if shape != wanted.shape and not np.can_cast(wanted.dtype, dtype, "same_kind"):
                continue  # either error will do

            def call(*arguments, shape=shape, dtype=dtype, **options):
                out = np.zeros(shape, dtype)
                function(*arguments, **options, out=out)
                return out

            assert_call_agrees(call, args, kwargs, f"{function.__name__}(out={shape} {dtype})")


RESULTS = (
    (np.frexp, np.int32), (np.modf, np.float64), (np.divmod, np.float64), (np.add, np.float64),
)  # fmt: skip


@pytest.mark.parametrize("ufunc", [ufunc for ufunc, _ in RESULTS], ids=lambda u: u.__name__)
def test_each_result_of_a_ufunc_has_its_own_array(ufunc):
    dtype = dict(RESULTS)[ufunc]

    def arrays():
        return np.zeros(6), np.zeros(6, dtype)

    ways = {
        "an array": lambda *x: ufunc(*x, out=arrays()[0]),
        "a tuple of one": lambda *x: ufunc(*x, out=arrays()[:1]),
        "a tuple of two": lambda *x: ufunc(*x, out=arrays()),
        "a tuple of three": lambda *x: ufunc(*x, out=(*arrays(), None)),
        "one is left open": lambda *x: ufunc(*x, out=(None, arrays()[1])),
        "none of them": lambda *x: ufunc(*x, out=(None,) * ufunc.nout),
        "no tuple": lambda *x: ufunc(*x, out=None),
        "by position": lambda *x: ufunc(*x, *arrays()),
        "the first by position": lambda *x: ufunc(*x, arrays()[0]),
        "the first of another shape": lambda *x: ufunc(*x, np.zeros((2, 6))),
        "three by position": lambda *x: ufunc(*x, *arrays(), None),
        "twice": lambda *x: ufunc(*x, arrays()[0], out=arrays()),
    }
    for what, way in ways.items():
        operands = (X + 0.05,) * ufunc.nin
        assert_call_agrees(way, operands, {}, f"{ufunc.__name__}: {what}")


BY_NAME = {u.__name__: u for u in vars(np).values() if isinstance(u, np.ufunc)}
UFUNCS = [
    ufunc for ufunc in BY_NAME.values()
    if "d" in "".join(ufunc.types) and ufunc.signature is None
]  # fmt: skip


@pytest.mark.parametrize("ufunc", UFUNCS, ids=lambda ufunc: ufunc.__name__)
def test_every_argument_of_ufuncs_is_honored_or_refused(ufunc):
    operands = (X + 0.05,) * ufunc.nin
    options = {
        "dtype": [np.float32, np.float64, int, bool], "order": ORDERS, "subok": FLAGS,
        "casting": ["no", "safe", "unsafe"], "where": [True, np.arange(6) > 2],
        "signature": ["d->d", "dd->d", "f->f"],
    }  # fmt: skip
    for name, values in options.items():
        for value in values:
            given = {name: value}
            if name == "where" and value is not True:
                continue  # leaves numbers open without out=
            assert_call_agrees(ufunc, operands, given, f"{ufunc.__name__}({name}={value!r})")


@pytest.mark.parametrize("name", REDUCERS)
def test_every_argument_of_methods_is_honored_or_refused(name):
    signature = inspect.signature(getattr(np, name))
    matrix = table(X).copy()
    required = {"take": ([1, 0],), "compress": ([True, False],), "repeat": (2,), "reshape": (3, 2)}
    required |= {
        "swapaxes": (0, 1),
        "searchsorted": (0.5,),
        "choose": ([matrix] * 2,),
        "dot": (matrix.T,),
    }
    required |= {"put": ([0], 1.0), "partition": (1,), "argpartition": (1,), "astype": (float,)}
    for parameter in list(signature.parameters.values())[1:]:
        optional = parameter.default is not inspect.Parameter.empty
        for value in (
            VALUES.get(parameter.name, []) if optional and parameter.name != "out" else []
        ):
            options = {parameter.name: value}

            def call(x, options=options):
                x = x[0] * 10 if name == "searchsorted" else x
                x = (x > 0.5).astype(int) if name == "choose" else x
                return getattr(x, name)(*required.get(name, ()), **options)

            assert_call_agrees(call, (matrix,), {}, f"x.{name}({parameter.name}={value!r})")


OPERANDS = (
    1.5, 2, -2, np.float32(1.32), np.float64(0.3), np.int8(3), np.array(0.7), np.array([1.0, 2.0]),
    np.array([[1.5, 2.0]], np.float32), np.zeros((0, 3), np.float32), np.array([1, 2], np.int16),
)  # fmt: skip


@pytest.mark.parametrize("ufunc", [np.add, np.divide, np.minimum, np.heaviside, np.arctan2])
def test_outer_makes_arrays_of_its_operands(ufunc):
    for a, b in itertools.product(OPERANDS, OPERANDS):
        assert_agrees(ufunc.outer, a, b)


SPECIAL = [
    ufunc
    for name in SPECIAL_UFUNCS
    if isinstance(ufunc := getattr(scipy.special, name, None), np.ufunc) and ufunc.nin < 3
]
NUMBERS = (
    1.5, 2, np.float32(1.5), np.float64(0.5), np.array([1, 2], np.uint8), np.array([True, False]),
    np.array([1, 2], np.int16), np.array([1, 2], np.int32), np.array([1, 2]), np.array([1.0, 2.0]),
    np.array([1.0, 2.0], np.float32),
)  # fmt: skip


@pytest.mark.parametrize("ufunc", SPECIAL, ids=lambda ufunc: ufunc.__name__)
def test_special_functions_have_the_dtypes_of_their_loops(ufunc):
    for operands in itertools.product(NUMBERS, repeat=ufunc.nin):
        expected, found = computed(ufunc, operands), computed(recorded(ufunc), operands)
        if not isinstance(found, SteepestError) and not isinstance(expected, Exception):
            assert np.asarray(found).dtype == np.asarray(expected).dtype, operands
