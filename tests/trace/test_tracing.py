"""What is recorded means what NumPy means, and has values while it is recorded."""

import math
import operator
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

import steepest as st
from steepest.graph import verify


def test_real_values_are_there_when_asked_for(capsys):
    def f(x):
        y = np.exp(x)
        print(y, f"{y[0]:.3f}", y.shape)
        return np.sum(y)

    st.trace(f, np.array([0.0, 1.0]))
    assert capsys.readouterr().out == "[1.         2.71828183] 1.000 (2,)\n"


def test_values_are_not_computed_unless_asked_for(monkeypatch):
    def explode(*_):
        raise AssertionError("computed")

    monkeypatch.setattr(sys.modules["steepest.trace.recording.session"], "evaluate_all", explode)
    st.trace(lambda x: np.sum(np.exp(x)), np.ones(1000))


def test_inner_variables_are_not_confused_with_outer_ones():
    # d/dx (x * d/dy (x + y)) = 1: Siskind and Pearlmutter's example.
    assert st.gradient(lambda x: x * st.gradient(lambda y: x + y)(1.0))(1.0) == 1.0
    assert st.gradient(lambda x: st.gradient(lambda y: x * y * y)(x))(3.0) == 12.0


X = np.linspace(-2.0, 2.0, 24).reshape(2, 3, 4)
ROWS = np.array([1, 0, -1])

SAME_AS_NUMPY = {
    "arithmetic": lambda x: (x + 1) * x - 3 / (x + 5) + x**2 - 2**x + (x + 3) ** 3,
    "jumps": lambda x: x**3 % 2 + x // 0.7 + np.floor(x) + np.sign(x),
    "powers": lambda x: (x + 3) ** 0.5 + (x + 3) ** -1 + x**1 + x**0,
    "comparisons": lambda x: np.where((x > 0) & (x <= 1) | ~(x < 1), x, -x),
    "constants": lambda x: np.float32(2.0) * x.astype(np.float32) + 1.5,
    "sum": lambda x: x.sum() + np.sum(x, axis=(0, -1))[0] + x.sum(1, keepdims=True),
    "mean": lambda x: np.mean(x, axis=1) + x.mean(axis=1),
    "var": lambda x: np.var(x, axis=0, ddof=1) + np.std(x) + x.std(axis=0),
    "extremes": lambda x: np.max(x, axis=1) - x.min(axis=1) + np.ptp(x, axis=1),
    "positions": lambda x: np.argmax(x, axis=2) + x.argmin(axis=2) + np.argmax(x),
    "logic": lambda x: np.all(x > -3) & np.any(x > 1, axis=1),
    "clip": lambda x: np.clip(x, -1, 1) + x.clip(max=0.5) + np.clip(x, 0, None),
    "reshape": lambda x: x.reshape(6, -1).T.ravel() + np.reshape(x, (24,)) + x.flatten(),
    "axes": lambda x: np.swapaxes(x, 0, 1) + np.moveaxis(x, 0, 1) + x.transpose(1, 0, 2),
    "expand": lambda x: np.squeeze(np.expand_dims(x, 1), 1) + x[:, None][:, 0],
    "join": lambda x: np.concatenate([x, x[:1]], 0) + np.stack([x[0], x[1], x[0]]),
    "stacks": lambda x: np.vstack([x[0, 0], x[1, 0]]) + np.hstack([x[0, 0], x[0, 1]])[:4],
    "columns": lambda x: np.column_stack([x[0, 0], x[0, 1]]),
    "flip": lambda x: np.flip(x, 1) + x[::-1, :, ::-1] + x[:, ::-2][:, :1],
    "diff": lambda x: np.diff(x, axis=1)[..., :2] + np.diff(x, n=2)[:, :2],
    "index": lambda x: x[0, 1, 2] + x[-1, ..., 0] + x[:, 1:3, ::2][1].sum(),
    "newaxis": lambda x: x[:, None, 0, ..., None],
    "integer arrays": lambda x: x[0][ROWS] + x[1, ROWS] + np.take(x[0], [2, 1, 0], axis=0),
    "arrays apart": lambda x: x[[0, 1, 1], :, [0, 3, -1]],
    "arrays together": lambda x: x[:, [0, 2], [1, 3]] + x[..., 0, [1, 2]][:, :2],
    "constant masks": lambda x: x[np.array([True, False])] + x[:, [True, False, True]][:, :1],
    "along": lambda x: np.take_along_axis(x, np.argmax(x, axis=2)[..., None], axis=2),
    "matmul": lambda x: x @ np.ones((4, 2)) + np.matmul(x, np.arange(8.0).reshape(4, 2)),
    "vectors": lambda x: x[0, 0] @ x[1, 1] + np.dot(x, x[0, 0])[0, 0] + np.vdot(x, x),
    "dot": lambda x: np.dot(x[0], x.transpose(0, 2, 1)),
    "inner": lambda x: np.inner(x[0], x[1]) + np.outer(x[0, 0], x[0, 1])[:3, :3],
    "tensordot": lambda x: (
        np.tensordot(x, x, axes=([1, 2], [1, 2])) + np.tensordot(x[0], x[1].T, 1)[:2, :2]
    ),
    "trace": lambda x: np.trace(x[0]) + np.diagonal(x[0], 1).sum() + np.trace(x[1], -1),
    "norm": lambda x: np.linalg.norm(x) + np.linalg.norm(x, axis=1) + np.linalg.norm(x[0]),
    "likes": lambda x: np.zeros_like(x) + np.ones_like(x) * np.full_like(x, 3.0),
    "reduce": lambda x: np.add.reduce(x) + np.maximum.reduce(x, axis=0),
    "angles": lambda x: np.deg2rad(x) + np.degrees(x) + np.arctan2(x, 2.0) + np.hypot(x, 1.0),
    "atleast": lambda x: np.atleast_1d(x[0, 0, 0]) + np.atleast_2d(x[0, 0]),
    "integers": lambda x: (x * 10).astype(np.int64) // 3 + (x * 10).astype(np.int32) % 4,
    "broadcast": lambda x: np.broadcast_to(x[0, 0], (3, 4)) + x[0],
    "shapes": lambda x: x * x.shape[1] + len(x) + x.ndim + x.size + np.shape(x)[0],
    "iteration": lambda x: sum(row.sum() for row in x),
    "special functions": lambda x: np.log1p(np.exp(-np.abs(x))) + np.logaddexp(x, 0.0),
}


@pytest.mark.parametrize("name", SAME_AS_NUMPY)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_same_as_numpy(name, dtype):
    f, x = SAME_AS_NUMPY[name], X.astype(dtype)
    expected = f(x)
    graph = verify(st.trace(f, x))
    assert graph(x).shape == np.shape(expected)
    assert graph(x).dtype == np.asarray(expected).dtype
    rtol = 1e-12 if dtype == np.float64 else 1e-4
    np.testing.assert_allclose(graph(x), expected, rtol=rtol, atol=1e-5 if rtol > 1e-5 else 1e-14)
    np.testing.assert_allclose(st.compile(f)(x), expected, rtol=rtol, atol=1e-5)


@pytest.mark.parametrize(
    "name", sorted(set(SAME_AS_NUMPY) - {"positions", "logic", "integers", "jumps"})
)
def test_gradients_agree_with_differences(name, random):
    f = SAME_AS_NUMPY[name]
    if name == "constants":
        pytest.skip("float32 inside: differences would be noise")
    x = X + random.uniform(0.001, 0.002, X.shape)
    weights = random.uniform(0.5, 1.5, np.shape(f(x)))
    assert st.check_gradient(lambda u: np.sum(f(u) * weights), x)


DTYPES = [np.bool_, np.int8, np.int32, np.int64, np.uint8, np.uint32, np.float32, np.float64]
PARTNERS = [np.ones(3, dtype) for dtype in DTYPES] + [2, 0.5, True, np.float32(1.5), np.int64(2)]
OPERATORS = [
    operator.add, operator.sub, operator.mul, operator.truediv, operator.floordiv, operator.mod,
    operator.pow, operator.lt, operator.eq, np.maximum, np.arctan2, np.hypot,
]  # fmt: skip


@pytest.mark.parametrize("dtype", DTYPES, ids=lambda d: d.__name__)
@pytest.mark.parametrize("operation", OPERATORS, ids=lambda f: f.__name__)
def test_operators_promote_as_numpys(operation, dtype):
    x = np.array([1, 0, 3], dtype)
    for partner in PARTNERS:
        with np.errstate(all="ignore"):
            try:
                expected = operation(x, partner)
            except TypeError:
                with pytest.raises(TypeError):
                    st.trace(lambda u, p=partner: operation(u, p), x)
                continue
            if expected.dtype == np.float16:
                with pytest.raises(TypeError, match="cannot be recorded"):
                    st.trace(lambda u, p=partner: operation(u, p), x)
                continue
            found = st.trace(lambda u, p=partner: operation(u, p), x)(x)
        assert found.dtype == expected.dtype
        np.testing.assert_array_equal(found, expected)


def random_key(draw, shape):
    """Return an index of any kind that NumPy has, also one that it refuses."""
    key, axis = [], 0
    for kind in draw(some.lists(some.sampled_from("neisSlLm"), min_size=1, max_size=5)):
        if kind in "ne":
            key.append(None if kind == "n" else Ellipsis)
            continue
        if axis >= len(shape):
            break
        extent = shape[axis]
        axis += 1
        number = some.integers(-extent, extent - 1)
        bound = some.none() | some.integers(-extent - 1, extent + 1)
        if kind == "i":
            key.append(draw(number))
        elif kind in "sS":
            key.append(slice(draw(bound), draw(bound), draw(some.sampled_from([None, 1, -1, 2]))))
        elif kind == "l":
            key.append(draw(some.lists(number, min_size=2, max_size=2)))
        elif kind == "L":
            key.append(np.array(draw(some.lists(number, min_size=2, max_size=2)))[:, None])
        else:
            size = draw(some.sampled_from([extent, extent, extent + 1]))
            key.append(np.array(draw(some.lists(some.booleans(), min_size=size, max_size=size))))
    return tuple(key)


@settings(max_examples=400, deadline=None, derandomize=True, database=None)
@given(some.data())
def test_indices_of_any_kind_mean_what_numpy_means(data):
    shape = tuple(data.draw(some.lists(some.integers(1, 4), min_size=1, max_size=3)))
    key = random_key(data.draw, shape)
    x = np.arange(float(np.prod(shape))).reshape(shape)
    try:
        expected = x[key]
    except IndexError:
        with pytest.raises(IndexError):
            st.trace(lambda u: u[key], x)
        return
    found = st.trace(lambda u: u[key], x)(x)
    assert np.shape(found) == np.shape(expected)
    np.testing.assert_array_equal(found, expected)
    weights = np.random.default_rng(0).normal(size=np.shape(expected))
    slope = np.zeros(shape)
    np.add.at(slope, key, weights)
    np.testing.assert_allclose(st.gradient(lambda u: np.sum(u[key] * weights))(x), slope)


def test_empty_selections_have_zero_slopes_in_machine_code():
    x, weights = np.ones((3, 4)), np.zeros((0, 2))
    f = st.compile(st.gradient(lambda u: np.sum(u[1:1, [0, 1]] * weights)))
    np.testing.assert_array_equal(f(x), np.zeros((3, 4)))


def test_python_floats_stay_weak():
    graph = st.trace(lambda x, k: x * k, np.ones(2, np.float32), 2.0)
    assert graph.outputs[0].dtype == np.float32
    assert st.compile(lambda x, k: x * k)(np.ones(2, np.float32), 3.0).dtype == np.float32


def test_float_arguments_do_not_trace_anew():
    f = st.compile(lambda k: np.sin(k))
    assert f(1.0) == math.sin(1.0)
    assert f(2.0) == math.sin(2.0)
    assert len(f._paths) == 1


def test_an_array_without_axes_and_a_number_have_traces_of_their_own():
    f = st.compile(lambda x: 2.0 * x if isinstance(x, np.ndarray) else x)
    for _ in range(2):
        assert f(np.array(3.0)) == 6.0
        assert f(np.float64(3.0)) == f(3.0) == 3.0


def test_what_is_no_array_may_be_among_the_arguments_of_any_derivative():
    def f(x, name, weights):
        return np.sum(getattr(np, name)(x) * weights())

    weights, x = lambda: np.array([1.0, 3.0]), np.array([0.2, 0.5])
    slopes = np.cos(x) * weights()
    others = "sin", weights
    np.testing.assert_allclose(st.gradient(f)(x, *others), slopes)
    np.testing.assert_allclose(st.hessian(f)(x, *others), np.diag(-np.sin(x) * weights()))
    for mode in ("forward", "reverse", "auto"):
        np.testing.assert_allclose(st.jacobian(f, mode=mode)(x, *others), slopes)
    cotangents = st.pullback(f, x, *others)[1](1.0)
    np.testing.assert_allclose(cotangents[0], slopes)
    assert cotangents[1:] == (None, None)
