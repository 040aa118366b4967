"""What cannot be recorded is refused: the error names the line and an alternative."""

import contextlib
import importlib
import inspect
import io
import math
import pickle
import random as python_random
import re
import warnings

import numpy as np
import pandas as pd
import pytest
import torch

import steepest as st
from steepest.derivative.function import Function, interpret
from steepest.errors import ConcreteValueError, SteepestError, UnsupportedError

draw = python_random.random
GENERATOR = np.random.default_rng(0)
OUTSIDE = np.ones(2)
MASKED = np.ma.masked_array([1.0, 2.0], [True, False])
FRAME = pd.DataFrame({"a": [1.0, 2.0]})


def object_arrays(x):
    y = np.zeros(2, dtype=object)
    y[0] = x[0]
    return y[0]


def mixed_arrays(x):
    return np.array([x[0], "a"], dtype=object)[0]


def string_arrays(x):
    return np.add(x, np.array(["a", "b"]))


def structured_arrays(x):
    return np.zeros(2, dtype=[("a", float)])["a"] + x


def dates(x):
    return x + np.array(["2020-01-01"], "datetime64[D]")


def half_precision(x):
    return x.astype(np.float16).sum()


def long_doubles(x):
    return x.astype(np.longdouble).sum()


def sums_a_generator(x):
    return np.sum(v * v for v in x)


def sets(x):
    return len({x[0], x[1]}) * x[0]


def keys(x):
    return {x[0]: 1.0}[x[0]] * x[0]


def indexes_by_a_float(x):
    return [1.0, 2.0][x[0]]


def shapes_from_a_float(x):
    return np.zeros((x[0], 2)).sum()


def draws(x):
    return x.sum() + np.random.normal()


def draws_from_generator(x):
    return x.sum() + GENERATOR.normal()


def draws_in_python(x):
    return x.sum() * python_random.random()


def draws_by_name(x):
    return x.sum() * draw()


def saves(x):
    np.save(io.BytesIO(), x)
    return x.sum()


def saves_text(x):
    np.savetxt(io.StringIO(), x)
    return x.sum()


def writes_a_file(x):
    x.tofile("/dev/null")
    return x.sum()


def pickles(x):
    return len(pickle.dumps(x)) * x[0]


def writes_out_to_outside(x):
    return np.add(x, 1.0, out=OUTSIDE).sum()


def writes_out_of_another_shape(x):
    return np.add(x, 1.0, out=np.zeros(3)).sum()


def writes_out_of_another_dtype(x):
    return np.add(x, 1.0, out=np.zeros(2, int)).sum()


def leaves_gaps(x):
    return np.sqrt(x, where=x > 1).sum()


def adds_in_place_to_integers(x):
    y = np.zeros(2, int)
    y += x
    return y.sum()


def calls_itself_without_end(x):
    return calls_itself_without_end(x + 1)


def changes_a_global_array(x):
    OUTSIDE[0] = x[0]
    return OUTSIDE.sum()


def adds_to_a_global_array(x):
    OUTSIDE[0] += 1.0
    return OUTSIDE.sum() * x[0]


def changes_a_module(x):
    np.scale = 2.0
    return x.sum()


def yields(x):
    yield x.sum()


async def waits(x):
    return x.sum()


def masked_arrays(x):
    return (x * MASKED).sum()


def makes_masked_arrays(x):
    return np.ma.masked_array(x, [True, False]).sum()


def makes_matrices(x):
    return np.matrix(x).sum()


def data_frames(x):
    return (x * FRAME).to_numpy().sum()


def makes_series(x):
    return pd.Series(x).sum()


def tensors(x):
    return torch.tensor(x[0]).sum()


def common_divisor(x):
    return math.gcd(x[0], 2)


def strides(x):
    return x.strides


def reads_bytes(x):
    return np.frombuffer(x.tobytes()).sum()


def reinterprets(x):
    return x.view(np.int64).sum()


def makes_ufuncs(x):
    return np.frompyfunc(lambda v: v * v, 1, 1)(x).sum()


def eigenvalues(x):
    return np.linalg.eig(np.outer(x, x))[0].sum()


def ragged(x):
    return np.array([[x[0]], [x[0], x[1]]])


def assigns_to_a_number(x):
    y = x[0]
    y[0] = 1.0
    return y


def assigns_to_a_broadcast(x):
    y = np.broadcast_to(x[0], (3,))
    y[0] = 1.0
    return y.sum()


def assigns_to_a_diagonal(x):
    d = np.diagonal(np.outer(x, x))
    d[0] = 1.0
    return d.sum()


def sets_the_shape(x):
    x.shape = (2, 1)
    return x.sum()


def deletes(x):
    del x[0]
    return x.sum()


def is_an_array_true(x):
    return 1.0 if x > 0 else x[0]


def indexes_by_truth(x):
    return x[True].sum()


def goes_out_of_bounds(x):
    return x[2]


def largest_of_nothing(x):
    return np.max(x[:0])


def mean_of_nothing(x):
    return np.mean(x[:0])


def length_of_a_number(x):
    return len(x[0])


def holds_objects(x):
    return np.add(x, np.array([object(), object()]))


REFUSED = {
    object_arrays: (TypeError, "dtype object"),
    mixed_arrays: (TypeError, "cannot be recorded"),
    string_arrays: (TypeError, "astype"),
    structured_arrays: (TypeError, "astype"),
    dates: (TypeError, "datetime64"),
    half_precision: (TypeError, "float16"),
    long_doubles: (TypeError, "float32 and float64"),
    sums_a_generator: (TypeError, "builtin sum, or a list"),
    sets: (TypeError, "use a list"),
    keys: (TypeError, "key of a dictionary"),
    indexes_by_a_float: (TypeError, "int(...)"),
    shapes_from_a_float: (TypeError, "int(...)"),
    draws: (TypeError, "outside"),
    draws_from_generator: (TypeError, "outside"),
    draws_by_name: (TypeError, "outside"),
    draws_in_python: (TypeError, "outside"),
    saves: (TypeError, "np.save"),
    saves_text: (TypeError, "np.savetxt"),
    writes_a_file: (AttributeError, ".tofile"),
    pickles: (TypeError, "return the value"),
    writes_out_to_outside: (ValueError, "assign to a copy"),
    writes_out_of_another_shape: (ValueError, "has shape (3,)"),
    writes_out_of_another_dtype: (TypeError, "dtype float64"),
    leaves_gaps: (TypeError, "give out=, or use np.where"),
    adds_in_place_to_integers: (TypeError, "dtype float64"),
    calls_itself_without_end: (RecursionError, "write it as a loop"),
    changes_a_global_array: (ValueError, "assign to a copy"),
    adds_to_a_global_array: (ValueError, "assign to a copy"),
    changes_a_module: (TypeError, "return the value instead"),
    yields: (TypeError, "use return"),
    waits: (TypeError, "def in place of async def"),
    masked_arrays: (TypeError, "np.asarray"),
    makes_masked_arrays: (TypeError, "plain array"),
    makes_matrices: (TypeError, "plain array"),
    data_frames: (TypeError, ".to_numpy()"),
    makes_series: (TypeError, "plain array"),
    tensors: (TypeError, "st.black_box(tensor"),
    common_divisor: (TypeError, "int(...)"),
    strides: (AttributeError, ".strides"),
    reads_bytes: (AttributeError, ".tobytes"),
    reinterprets: (TypeError, "x.astype"),
    makes_ufuncs: (TypeError, "cannot be recorded"),
    eigenvalues: (TypeError, "np.linalg.eig"),
    ragged: (TypeError, "different shapes"),
    assigns_to_a_number: (TypeError, "only arrays"),
    assigns_to_a_broadcast: (ValueError, ".copy()"),
    assigns_to_a_diagonal: (ValueError, "np.fill_diagonal"),
    sets_the_shape: (TypeError, "x.reshape"),
    deletes: (ValueError, "np.delete"),
    is_an_array_true: (ValueError, "a.any() or a.all()"),
    indexes_by_truth: (TypeError, "truth value"),
    goes_out_of_bounds: (IndexError, "out of bounds"),
    largest_of_nothing: (ValueError, "has no value"),
    mean_of_nothing: (TypeError, "has no value"),
    length_of_a_number: (TypeError, "unsized"),
    holds_objects: (TypeError, "object"),
}


def test_there_are_at_least_forty():
    assert len(REFUSED) >= 40


@pytest.mark.filterwarnings("ignore:the matrix subclass")
@pytest.mark.parametrize("function", REFUSED, ids=lambda f: f.__name__)
def test_refusal_names_the_line_and_a_way_out(function):
    builtin, hint = REFUSED[function]
    with pytest.raises(SteepestError) as caught:
        st.trace(function, np.array([0.5, 2.0]))
    message = str(caught.value)
    assert isinstance(caught.value, builtin)
    line = re.search(r"test_refusals\.py:(\d+)", message)
    assert line, message
    first = function.__code__.co_firstlineno
    assert first <= int(line[1]) <= first + 6, message
    assert hint in message


@pytest.mark.parametrize(
    "make",
    [
        lambda: np.ma.masked_array(np.ones(2), [True, False]),
        lambda: np.matrix(np.ones((1, 2))),
        lambda: torch.ones(2),
    ],
    ids=["masked", "matrix", "tensor"],
)
@pytest.mark.filterwarnings("ignore:the matrix subclass")
def test_arrays_that_are_more_than_arrays_are_refused(make):
    array = make()
    message = f"{type(array).__qualname__}.*cannot be recorded.*np.asarray"
    for call in (
        lambda: st.trace(lambda x: np.sum(x), array),
        lambda: st.gradient(lambda x, y: np.sum(x * 2.0), 0)(np.ones(2), array),
        lambda: st.trace(lambda x: np.add(x, np.ones(2)) + x.session.lift(array).size, np.ones(2)),
    ):
        with pytest.raises(TypeError, match=message):
            call()
    run = st.minimize(lambda x, y: np.sum((x - float(y.sum())) ** 2), np.zeros(1), args=(array,))
    np.testing.assert_allclose(run.x, float(array.sum()), rtol=1e-6)  # they are data of a descent


def test_a_value_kept_after_its_trace_is_refused():
    class Hidden:  # its slots are not seen through, because it reads them by itself
        __slots__ = ("last",)

        def __getattribute__(self, name):
            return object.__getattribute__(self, name)

    hidden = Hidden()

    def g(x):
        hidden.last = x
        return x.sum()

    st.trace(g, np.ones(2))
    with pytest.raises(SteepestError, match="trace had ended"):
        np.sin(hidden.last)
    with pytest.raises(SteepestError, match="has ended"):
        st.trace(lambda x: x + hidden.last, np.ones(2))


def test_shapes_that_do_not_fit_name_the_line():
    with pytest.raises(ValueError, match=r"test_refusals\.py:\d+: shapes \(2,\) and \(3,\)"):
        st.trace(lambda x: x + np.ones(3), np.ones(2))
    with pytest.raises(ValueError, match=r"np\.matmul at test_refusals\.py:\d+"):
        st.trace(lambda x: x @ np.ones((3, 2)), np.ones(2))
    with pytest.raises(IndexError, match=r"index 2 at test_refusals\.py:\d+ is out of bounds"):
        st.trace(lambda x: x[2], np.ones(2))
    with pytest.raises(ValueError, match="has no value"):
        st.trace(lambda x: np.max(x[:0]), np.ones(2))


def hidden_by_an_except(x):
    try:
        return np.mean(x[:0])
    except ValueError:
        return np.sum(x)


def test_what_numpy_does_not_raise_is_not_hidden_by_an_except():
    with pytest.raises(TypeError, match="has no value"):
        st.compile(hidden_by_an_except)(np.ones(2))


@pytest.mark.parametrize(
    ("returns", "message"),
    [
        (lambda x: x * 2, r"one number as its loss, got an array of shape \(2,\).*np.sum"),
        (lambda x: (x.sum(), 1.0), "got 2 values"),
        (np.argmax, "must return a real number"),
    ],
)
def test_a_loss_must_be_one_real_number(returns, message):
    for call in (st.gradient(returns), lambda x: st.minimize(returns, x)):
        with pytest.raises(ValueError, match=message):
            call(np.ones(2))


def test_a_users_own_error_keeps_its_traceback_without_ours():
    def loss(x):
        raise ZeroDivisionError("mine")

    for call in (st.gradient(loss), lambda x: st.minimize(loss, x), lambda x: st.trace(loss, x)):
        with pytest.raises(ZeroDivisionError, match="mine") as caught:
            call(np.ones(2))
        files = [str(entry.path) for entry in caught.traceback]
        assert files[-1] == __file__
        assert sum("/src/steepest/" in file for file in files) <= 1


def test_every_method_is_there_to_be_asked_for():
    methods = [name for name in dir(np.ndarray) if name[0] != "_"]
    methods = [name for name in methods if callable(getattr(np.ndarray, name))]
    f = st.compile(lambda x: sum(hasattr(x, name) for name in methods))
    assert f(np.ones(2)) == len(methods)


MATRIX = np.array([[2.0, 0.5, 0.1], [0.5, 1.5, 0.2], [0.1, 0.2, 1.0]])


def refusal(function, x):
    """Return why a function that runs plainly is given no traced value; None for any other."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        with contextlib.suppress(Exception):
            function(x.copy())
            try:
                Function(lambda x: function(x), interpret)(x)
            except (ConcreteValueError, UnsupportedError) as error:
                return str(error)
    return None


@pytest.mark.parametrize("module", ["linalg", "signal", "stats", "ndimage", "fft"])
def test_what_another_library_cannot_be_given_names_the_function_called(module):
    module = importlib.import_module(f"scipy.{module}")
    functions = [f for n, f in vars(module).items() if n[0] != "_" and not inspect.isclass(f)]
    sentences = [sentence for f in functions if (sentence := refusal(f, MATRIX)) is not None]
    assert sentences
    for sentence in sentences:
        # What the traced function itself returns.
        if " returns a " in sentence or sentence.startswith("a complex value"):
            continue
        where = r"at test_refusals.py:\d+ (needs|cannot be recorded)"
        assert re.match(rf"(a function of )?(scipy|np)[.\w]* {where}", sentence), sentence
        assert "st.custom_derivative" in sentence


def text(x, *_):
    return "text"


RETURNS_TEXT = {
    "minimize": lambda: st.minimize(text, np.zeros(2)),
    "least_squares": lambda: st.least_squares(text, np.zeros(2)),
    "curve_fit": lambda: st.curve_fit(text, np.arange(4.0), np.arange(4.0), [1.0]),
    "curve_fit_many": lambda: st.curve_fit_many(text, np.arange(4.0), np.ones((2, 4)), [1.0]),
    "minimize_many": lambda: st.minimize_many(text, np.zeros((3, 2))),
    "gradient": lambda: st.gradient(text)(1.0),
    "jacobian": lambda: st.jacobian(text)(np.ones(2)),
    "compile": lambda: st.compile(text)(1.0),
    "trace": lambda: st.trace(text, 1.0),
}


@pytest.mark.parametrize("name", RETURNS_TEXT)
def test_text_that_a_function_returns_is_refused_at_its_own_line(name):
    with pytest.raises(TypeError, match=r"^text at test_refusals.py:\d+ returns text, 'text'"):
        RETURNS_TEXT[name]()


def test_an_object_that_a_function_returns_is_refused_at_its_own_line():
    def loss(x):
        return {"loss": x, "names": frozenset("ab")}

    expected = (
        r"^loss at test_refusals.py:\d+ returns a builtins.frozenset, which cannot be recorded"
    )
    for record in (st.trace, lambda f, x: st.gradient(f)(x), lambda f, x: st.compile(f)(x)):
        with pytest.raises(TypeError, match=expected):
            record(loss, 1.0)
