"""Functions and estimators as ONNX files: onnxruntime computes what NumPy does."""

import numpy as np
import onnx
import onnxruntime
import pytest

import steepest as st
from steepest.exchange.onnx.arrays import ARRAYS
from steepest.exchange.onnx.elementwise import ELEMENTWISE
from steepest.exchange.onnx.export import ROWS
from steepest.graph import evaluate
from steepest.ops import TABLE
from tests.cases.ops import ALL_CASES, graph_of
from tests.support.onnx_files import ran, session_of


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.onnx"


CASES = [case for case in ALL_CASES if case.row.name in ROWS]


def close(found, expected, dtype):
    tolerance = (
        {"rtol": 1e-5, "atol": 1e-6} if dtype == np.float32 else {"rtol": 1e-11, "atol": 1e-13}
    )
    assert found.shape == expected.shape
    assert found.dtype == expected.dtype
    np.testing.assert_allclose(found, expected, **tolerance)


def run_op(path, case, operands, dtype):
    """Return what onnxruntime computes; None where it has no code for float64."""
    graph = graph_of(case, operands)

    def function(*arrays):
        from steepest.trace import record

        return record(case.row, *arrays, **case.case.attributes)

    arrays = [np.asarray(x) for x in operands]
    st.to_onnx(path, function, *arrays)
    try:
        (found,) = ran(path, *arrays)
    except onnxruntime.capi.onnxruntime_pybind11_state.NotImplemented:
        assert dtype == np.float64
        return None
    (expected,) = evaluate(graph.outputs, graph.bind(arrays))
    return found, expected


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("case", CASES, ids=str)
def test_an_op_has_numpys_values(case, dtype, random, path):
    found = run_op(path, case, case.operands(random, dtype), dtype)
    if found is not None:
        close(*found, dtype)


def test_rows_are_ops():
    assert set(ELEMENTWISE) | set(ARRAYS) <= set(TABLE)
    assert not set(ELEMENTWISE) & set(ARRAYS)
    assert {case.row.name for case in CASES} == set(ROWS)


SPECIAL = [0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, 1e-30, 0.5, 2.0, -2.5]


@pytest.mark.parametrize(
    "name", sorted(n for n in ELEMENTWISE if isinstance(getattr(np, n, None), np.ufunc))
)
def test_special_values_are_numpys(name, path):
    ufunc = getattr(np, name)
    x = np.array(SPECIAL, np.float32)
    arguments = [x] if ufunc.nin == 1 else [a.ravel().copy() for a in np.meshgrid(x, x)]
    if name in ("invert", "bitwise_and", "bitwise_or", "bitwise_xor"):
        arguments = [a > 0 for a in arguments]
    st.to_onnx(path, lambda *arrays: ufunc(*arrays), *arguments)
    with np.errstate(all="ignore"):
        expected = ufunc(*arguments)
    (found,) = ran(path, *arguments)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def free_functions():
    w, b = np.arange(12.0).reshape(3, 4) / 10, np.linspace(-1, 1, 4)
    weights = {"first": w, "second": b}
    windows = np.lib.stride_tricks.sliding_window_view
    return {
        "a layer": lambda X: np.tanh(X @ weights["first"] + weights["second"]),
        "means and deviations": lambda X: (X - X.mean(0)) / X.std(axis=0),
        "mean of rows": lambda X: X.mean(axis=1, keepdims=True) * X,
        "numbers of rows": lambda X: X[:, 0] * np.arange(len(X)) / len(X),
        "reversed": lambda X: X[::-1] + X,
        "every second column": lambda X: X[:, ::-2],
        "flat and back": lambda X: X.reshape(-1)[: len(X)],
        "a table": lambda X: w[np.argmax(X, axis=1)],
        "windows": lambda X: windows(X, 2, axis=1).max(axis=-1),
        "padded": lambda X: np.pad(X, [(0, 0), (1, 2)], constant_values=2.0),
        "assigned": assigned,
        "one row more": lambda X: np.concatenate([X, X[:1]]),
        "ones": lambda X: np.concatenate([X, np.ones((len(X), 1))], axis=1),
        "a dictionary": lambda X: {"sum": X.sum(1), "largest": X.max(0)},
        "distances": lambda X: np.sqrt(((X[:, None] - X[None]) ** 2).sum(-1)),
        "probabilities": lambda X: st.softmax(X, axis=1),
        "running": lambda X: np.cumsum(X, axis=0) + np.sort(X, axis=1),
    }


def assigned(X):
    Y = np.zeros((len(X), 5))
    Y[:, 1:4] = X
    Y[:, 0] += 1
    return Y


@pytest.mark.parametrize("name", free_functions())
def test_the_number_of_rows_is_free(name, path, random):
    function = free_functions()[name]
    st.to_onnx(path, function, random.normal(size=(4, 3)), batch=0)
    session = session_of(path)
    assert session.get_inputs()[0].shape == ["rows", 3]
    model, parameters = st.from_onnx(path)
    for rows in (1, 2, 37, 64):
        X = random.normal(size=(rows, 3))
        with np.errstate(invalid="ignore"):  # the deviation of one row is 0
            expected = function(X)
        is_dict = isinstance(expected, dict)
        names = [value.name for value in session.get_outputs()]
        expected = [expected[key] for key in names] if is_dict else [expected]
        found = session.run(None, {"X": X})
        with np.errstate(invalid="ignore"):
            back = model(parameters, X)
        back = back if isinstance(back, tuple) else (back,)
        for a, b, c in zip(found, back, expected, strict=True):
            np.testing.assert_allclose(a, c, rtol=1e-9, atol=1e-12)
            np.testing.assert_allclose(b, c, rtol=1e-9, atol=1e-12)


def test_names_and_versions(path, random):
    weights = {"slope": np.ones((3, 2)), "shift": np.zeros(2)}

    def line(samples, scale):
        return {"value": scale * (samples @ weights["slope"] + weights["shift"])}

    st.to_onnx(path, line, np.ones((2, 3)), 2.0)
    model = onnx.load(path)
    assert [x.name for x in model.graph.input] == ["samples", "scale"]
    assert [x.name for x in model.graph.output] == ["value"]
    assert {x.name for x in model.graph.initializer} == {"weights.slope", "weights.shift"}
    assert (model.ir_version, model.opset_import[0].version) == (8, 18)
    assert model.producer_name == "steepest"


def test_numbers_adapt_to_arrays_and_derivatives_are_written(path, random):
    x = random.normal(size=3).astype(np.float32)
    st.to_onnx(path, lambda x, scale: x * scale, x, 2.0)
    (found,) = ran(path, x, np.array(3.0))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, 3 * x)
    for transformed in (st.gradient(energy), st.compile(st.gradient(energy))):
        st.to_onnx(path, transformed, x)
        np.testing.assert_allclose(ran(path, x)[0], st.gradient(energy)(x), rtol=1e-5)


def energy(x):
    return np.sum(np.logaddexp(x, 0) * x[::-1]) + np.max(x)


def branching(x):
    return x if x.sum() > 0 else -x


def by_length(X):
    return X * 2 if len(X) < 3 else X


def square_of_length(X):
    return X * len(X) ** 2


def inverse(x):
    return np.linalg.inv(x.reshape(2, 2) + np.eye(2))


def smoothed(X):
    windows = np.lib.stride_tricks.sliding_window_view(np.concatenate([X, X, X]), 3, axis=0)
    return np.sum(windows.sum(axis=-1) ** 2)


REFUSED = {
    **{
        f"the first {n} rows": (lambda X, n=n: X[:n].sum(axis=0), 0, "for another number of rows")
        for n in (64, 2000, 100_000)
    },
    "an identity": (lambda X: np.eye(len(X)) @ X, 0, "depends on the number of rows"),
    "all pairs": (lambda X: np.outer(np.arange(len(X)), np.arange(len(X))) @ X, 0, "of rows"),
    "a branch": (branching, None, r"branching branches on values at test_export\.py:\d+"),
    "no counterpart": (inverse, None, r"at test_export\.py:\d+ has no counterpart in ONNX"),
    "a look at the length": (by_length, 0, "something else for 1 rows"),
    "added windows": (st.gradient(smoothed), 0, r"add_windows at test_export\.py:\d+ adds up"),
    "no linear dependence": (square_of_length, 0, "depends on the number of rows"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_be_written_is_refused_by_its_line(what, path):
    function, batch, message = REFUSED[what]
    with pytest.raises(TypeError, match=message):
        st.to_onnx(path, function, np.ones((4, 1)), batch=batch)
    assert not path.exists()


def test_bad_arguments_are_refused(path, tmp_path):
    with pytest.raises(ValueError, match="batch=1 must number arguments"):
        st.to_onnx(path, np.tanh, np.ones(2), batch=1)
    with pytest.raises(ValueError, match="as many rows"):
        st.to_onnx(path, lambda x, y: x + y, np.ones(2), np.ones(3), batch=(0, 1))
    with pytest.raises(ValueError, match=r"cannot write .*No such file"):
        st.to_onnx(tmp_path / "none" / "model.onnx", lambda x: x * 2, np.ones(2))
    with pytest.raises(ValueError, match="cannot read"):
        st.from_onnx(path)
    path.write_bytes(b"no model")
    with pytest.raises(ValueError, match="no valid ONNX file"):
        st.from_onnx(path)
