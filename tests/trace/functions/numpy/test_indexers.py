"""What is joined between brackets, indices given as arrays, and functions of complex numbers."""

import mpmath
import numpy as np
import pytest

import steepest as st
from steepest.errors import RefusalError
from steepest.trace.arrays.complex import UFUNCS
from tests.support.agreement import assert_agrees, computed, recorded

VECTOR = np.array([0.4, 0.2, 3.0])
MATRIX = np.array([[0.1, 0.2, 0.3], [0.4, 0.5, 0.6]])

JOINED = [
    lambda x, a: np.r_[x, 1, x[0]],
    lambda x, a: np.r_[0:3, x, x[0] : 2 : 3j],
    lambda x, a: np.r_["-1", a, a],
    lambda x, a: np.r_["0,2", x, x],
    lambda x, a: np.r_["0,2,0", x, x],
    lambda x, a: np.r_["1,2,0", x, x],
    lambda x, a: np.r_["0,3,1", x, x],
    lambda x, a: np.r_[True, x > 1],
    lambda x, a: np.r_[1, x.astype(np.float32)],
    lambda x, a: np.r_[np.float64(1), x.astype(np.float32)],
    lambda x, a: np.c_[a.T, x, x],
    lambda x, a: np.c_[0:3, x],
    lambda x, a: np.c_[x],
    lambda x, a: a[np.s_[1, ::2]],
    lambda x, a: a[np.index_exp[..., 1]],
    lambda x, a: a[np.ix_([1, 0], [2, 0])],
    lambda x, a: a[np.ix_([True, False], x > 1)],
    lambda x, a: np.poly1d([1.0, 2.0])(x),
    lambda x, a: np.poly1d(x)(2.0),
]


@pytest.mark.parametrize("function", JOINED)
def test_arrays_are_joined_as_by_numpy(function):
    assert_agrees(function, VECTOR, MATRIX)


@pytest.mark.parametrize(
    "function",
    [lambda x: np.r_["r", x], lambda x: np.r_[1.0 : x[2] : 0.5]],
    ids=["matrix", "range"],
)
def test_what_cannot_be_joined_is_refused(function):
    with pytest.raises(RefusalError):
        recorded(function)(VECTOR)


INDICES = [1, -1, [1], [0, 2], np.array([1]), np.array([True, False, True]), slice(0, 2), []]


@pytest.mark.parametrize("index", INDICES, ids=repr)
def test_indices_may_be_arrays_made_inside(index):
    functions = [
        lambda x: np.delete(x, index),
        lambda x: np.insert(x, index, 0.5),
        lambda x: np.split(x, index),
        lambda x: np.roll(x, index),
        lambda x: np.repeat(x, index),
        lambda x: np.take(x, index),
        lambda x: np.delete(x, np.array(index)),
        lambda x: np.insert(x, np.asarray(index), 0.5),
        lambda x: np.repeat(x, np.array([2, 0, 1])),
        lambda x: np.tile(x, np.array([2, 1])),
        lambda x: np.split(x, np.array([1, 2])),
        lambda x: np.resize(x, np.array([2, 2])),
        lambda x: np.pad(x, np.array([1, 2])),
    ]
    for function in functions:
        assert_agrees(function, VECTOR)


def test_a_chosen_index_is_a_guard():
    compiled = st.compile(lambda x: np.sum(np.delete(x, np.argmax(x))))
    assert compiled(np.array([1.0, 2.0, 4.0])) == 3
    assert compiled(np.array([8.0, 2.0, 4.0])) == 6


def test_subscripts_may_be_lists_of_axes():
    functions = [
        lambda x, a: np.einsum(x, [0], x, [1]),
        lambda x, a: np.einsum(x, [0], x, [1], [1, 0]),
        lambda x, a: np.einsum(a, [0, 1], x, [1], [0]),
        lambda x, a: np.einsum(a, [0, 1], a, [0, 1]),
        lambda x, a: np.einsum(a, [Ellipsis, 1], [Ellipsis]),
    ]
    for function in functions:
        assert not assert_agrees(function, VECTOR, MATRIX)


POINTS = [
    scale * (a + 1j * b)
    for scale in (1e-9, 0.3, 1.0, 1.7, 40.0)
    for a, b in ((1, 0.5), (-1, 0.5), (1, -0.5), (-1, -0.5), (0.1, 1), (-0.1, -1))
]


@pytest.mark.parametrize("ufunc", [u for u in UFUNCS if u.nin == 1], ids=lambda u: u.__name__)
def test_functions_of_complex_numbers_are_numpys(ufunc):
    points = np.array(POINTS)

    def parts(x, y):
        result = ufunc(x + 1j * y)
        return np.real(result) * 1, np.imag(result) * 1

    expected = computed(ufunc, (points,))
    if ufunc is np.log1p:  # NumPy's own loses the digits that it is there for
        expected = np.array([complex(mpmath.log1p(mpmath.mpc(point))) for point in POINTS])
    real, imag = recorded(parts)(points.real, points.imag)
    assert np.all(np.isfinite(expected) == np.isfinite(real + 1j * imag))
    with np.errstate(invalid="ignore"):
        apart = np.abs(real + 1j * imag - expected) / np.abs(expected)
    assert np.nanmax(apart, initial=0) < 1e-12


def test_complex_systems_are_solved(random):
    a, b, c, d = random.standard_normal((4, 3, 3))

    def function(a, b, c, d):
        x = np.linalg.solve(a + 1j * b, c + 1j * d)
        y = np.linalg.solve(a + 1j * b, c[0] + 0j)
        z = np.linalg.inv(a + 1j * b)
        return x.real, x.imag, y.real, y.imag, z.real, z.imag

    for found, expected in zip(recorded(function)(a, b, c, d), function(a, b, c, d), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", ["svd", "eigh", "eig", "det", "cholesky", "qr", "pinv"])
def test_complex_decompositions_are_refused_by_name(name):
    with pytest.raises(
        TypeError, match=rf"np.(linalg.)?{name} of complex numbers at test_indexers"
    ):
        st.trace(lambda a: getattr(np.linalg, name)(a + 1j), np.eye(2))


def test_complex_arguments_are_refused_with_a_way_out():
    with pytest.raises(TypeError, match="real and imaginary parts as two arrays"):
        st.gradient(lambda z: np.sum(np.abs(z)))(np.array([1 + 2j]))
    with pytest.raises(TypeError, match="real and imaginary parts as two arrays"):
        st.minimize(lambda x, z: np.sum(np.abs(z * x)), np.ones(1), args=(np.array([1 + 2j]),))


# Arrays from outside: data are as traced values are, whatever their dtype.

OUTSIDE = {
    dtype: np.array([0.5, 0.0, 2.0, 0.0, 1.5]).astype(dtype)
    for dtype in ("bool", "int64", "uint8", "float32", "float64")
}
RANKS = np.array([3.0, 1.0, 5.0, 2.0, 4.0])

USES = {
    "by computed indices": lambda data, x: np.sum(data[np.argsort(RANKS)] * x),
    "by a computed number": lambda data, x: data[np.argmax(RANKS)] * x[0],
    "by a computed mask": lambda data, x: np.sum(data[RANKS > 2.0]) * x[0],
    "as a mask of computed data": lambda data, x: np.sum(x[data[np.argsort(-RANKS)] > 0]),
    "by a slice to a computed number": lambda data, x: np.sum(data[: np.argmax(RANKS)]) * x[1],
    "inside a list": lambda data, x: np.sum([data, data][1][np.argsort(RANKS)] * x),
}


@pytest.mark.parametrize("dtype", OUTSIDE)
@pytest.mark.parametrize("use", USES)
def test_data_from_outside_are_indexed_by_what_was_computed(use, dtype):
    data = OUTSIDE[dtype]
    f = lambda x: USES[use](data, x)
    x = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
    compiled = st.compile(f)
    for scale in (1.0, 0.5):
        np.testing.assert_array_equal(compiled(scale * x), f(scale * x))


@pytest.mark.parametrize("dtype", [*OUTSIDE, "complex128", "object", "U3", "datetime64[s]"])
def test_data_from_outside_are_not_changed(dtype):
    data = np.zeros(3, np.int64).astype(dtype)
    before = data.copy()

    def f(x):
        data[0] = data[1]
        return np.sum(x)

    with pytest.raises(ValueError, match=r"from outside|read-only"):
        st.compile(f)(np.ones(5))
    np.testing.assert_array_equal(data, before)
