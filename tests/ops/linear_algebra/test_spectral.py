"""Eigenvalues, singular values and determinants, also where values are equal or zero."""

import mpmath
import numpy as np
import pytest

import steepest as st
from tests.cases.symmetric_matrices import SPECTRA, matrix, symmetric


def to_lower(a):
    return np.tril(a) + np.tril(a, -1)


# What depends on the values alone: the function of a symmetric matrix that its slope is.
OF_VALUES = {
    "sum": (lambda w: np.sum(w), lambda a: np.eye(3)),
    "log-determinant": (lambda w: np.sum(np.log(w)), np.linalg.inv),
    "cubes": (lambda w: np.sum(w**3), lambda a: 3 * a @ a),
    "inverse": (lambda w: np.sum(1 / w), lambda a: -np.linalg.inv(a) @ np.linalg.inv(a)),
}


@pytest.mark.parametrize("spectrum", SPECTRA)
@pytest.mark.parametrize("name", OF_VALUES)
@pytest.mark.parametrize("upper", [False, True])
def test_what_depends_on_eigenvalues_alone_has_its_slope(name, spectrum, upper, random):
    function, slope = OF_VALUES[name]
    a = matrix(SPECTRA[spectrum], random)
    triangle = "U" if upper else "L"
    expected = to_lower(slope(a))
    for values in (
        lambda a: np.linalg.eigvalsh(a, triangle),
        lambda a: np.linalg.eigh(a, triangle)[0],
    ):
        found = st.gradient(lambda a, values=values: function(values(a)))(a)
        np.testing.assert_allclose(found.T if upper else found, expected, atol=1e-12)


@pytest.mark.parametrize("values", [(1.0, 1.0, 1.0), (2.0, 1.0, 1.0), (3.0, 2.0, 1.0)])
def test_what_depends_on_singular_values_alone_has_its_slope(values, random):
    left, right = (np.linalg.qr(random.normal(size=(3, 3)))[0] for _ in range(2))
    a = left @ np.diag(values) @ right.T
    nuclear = st.gradient(lambda a: np.linalg.norm(a, "nuc"))(a)
    np.testing.assert_allclose(nuclear, left @ right.T, atol=1e-12)
    squares = st.gradient(lambda a: np.sum(np.linalg.svd(a)[1] ** 2))(a)
    np.testing.assert_allclose(squares, 2 * a, atol=1e-12)


def test_a_singular_value_of_zero_has_a_kink_with_slope_zero():
    for shape in ((2, 2), (3, 2), (2, 3)):
        found = st.gradient(lambda a: np.linalg.norm(a, "nuc"))(np.zeros(shape))
        np.testing.assert_array_equal(found, np.zeros(shape))
    a = np.diag([2.0, 0.0])
    np.testing.assert_array_equal(st.gradient(lambda a: np.linalg.norm(a, "nuc"))(a), a / 2)


WEIGHTS = np.array([1.0, 2.0, -3.0])  # not stationary where the vectors are the axes
OF_VECTORS = {
    "square root by eigh": lambda a: root_by_eigh(a)[0, 1],
    "a vector": lambda a: (np.linalg.eigh(a)[1][:, 0] @ WEIGHTS) ** 2,
    "a weighted sum": lambda a: np.sum(np.linalg.eigh(a)[1][:, 0] ** 3 * WEIGHTS),
    "polar factor by svd": lambda a: polar(a)[0, 1],
    "a left vector": lambda a: (np.linalg.svd(a)[0][:, 0] @ WEIGHTS) ** 2,
}


def root_by_eigh(a):
    w, v = np.linalg.eigh(a)
    return (v * np.sqrt(w)) @ v.T


def polar(a):
    u, _, vh = np.linalg.svd(a)
    return u @ vh


@pytest.mark.parametrize("spectrum", ["identity", "two equal", "equal but for rounding"])
@pytest.mark.parametrize("name", OF_VECTORS)
def test_a_basis_that_is_not_determined_gives_nan_and_says_why(name, spectrum, random):
    loss, a = OF_VECTORS[name], matrix(SPECTRA[spectrum], random)
    if name in ("a vector", "a weighted sum") and spectrum != "identity":
        a = matrix((1.0, 1.0, 2.0), random)
    if name == "a left vector":
        a = matrix(tuple(3.0 - w for w in SPECTRA[spectrum]), random)  # the equal ones first
    assert np.isnan(st.gradient(loss)(a)).any()
    direction = symmetric(random)
    assert np.isnan(st.pushforward(loss, (a,), (direction,))[1])
    verdict = st.check_gradient(loss, a).verdict
    assert "vectors that belong to equal eigenvalues or singular values" in verdict
    assert "test_spectral.py:" in verdict


def test_vectors_of_other_eigenvalues_keep_their_slopes(random):
    a = matrix((1.0, 1.0, 2.0), random)
    weights = random.normal(size=3)

    def loss(a):
        return np.sum(np.linalg.eigh(a)[1][:, 2] * weights) ** 2

    direction, step = symmetric(random), 1e-5
    expected = (loss(a + step * direction) - loss(a - step * direction)) / (2 * step)
    np.testing.assert_allclose(np.sum(st.gradient(loss)(a) * direction), expected, rtol=1e-7)
    np.testing.assert_allclose(st.pushforward(loss, (a,), (direction,))[1], expected, rtol=1e-7)


# Determinants.


@pytest.mark.parametrize("singular", [(0.0, 0.0, 0.0), (1.0, 0.0, 0.0), (2.0, 1.0, 0.0)])
def test_determinants_of_singular_matrices_to_second_order(singular):
    a, random = np.diag(singular), np.random.default_rng(0)
    d, e = random.normal(size=(2, 3, 3))
    with mpmath.workdps(40):
        matrices = [mpmath.matrix(x.tolist()) for x in (a, d, e)]

        def value(s, t):
            return mpmath.det(matrices[0] + s * matrices[1] + t * matrices[2])

        first = float(mpmath.diff(value, (0, 0), (1, 0)))
        second = float(mpmath.diff(value, (0, 0), (1, 1)))
    slope = st.gradient(np.linalg.det)
    np.testing.assert_allclose(np.sum(slope(a) * d), first, atol=1e-12)
    np.testing.assert_allclose(np.sum(st.hvp(np.linalg.det, a, d) * e), second, rtol=1e-11)


# NumPy's own conventions.


@pytest.mark.parametrize("order", [2, -2, "nuc", "fro", 1, -1, np.inf, -np.inf, None])
@pytest.mark.parametrize("axis", [None, (1, 0)])
def test_norms_of_complex_matrices(order, axis, random):
    parts = random.normal(size=(2, 3, 4))

    def norm(parts):
        return np.linalg.norm(parts[0] + 1j * parts[1], order, axis=axis)

    np.testing.assert_allclose(st.trace(norm, parts)(parts), norm(parts), rtol=1e-14)
    check = st.check_gradient(norm, parts)
    # torch's own slopes of the values are NaN here: each value is there twice.
    differences = check.witnesses["finite differences"]
    np.testing.assert_allclose(check.gradient, differences, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("triangle", ["L", "U"])
def test_eigenvectors_have_numpys_signs(triangle, random):
    for _ in range(5):
        a = random.normal(size=(4, 4))
        found = st.trace(lambda a: np.linalg.eigh(a, triangle), a)(a)
        for ours, numpys in zip(found, np.linalg.eigh(a, triangle), strict=True):
            np.testing.assert_array_equal(ours, numpys)
    weights = np.arange(16.0).reshape(4, 4) ** 2
    assert st.check_gradient(lambda a: np.sum(weights * np.linalg.eigh(a, triangle)[1] ** 2), a)


HERMITIAN = {
    "svd": lambda a: np.linalg.svd(a, hermitian=True),
    "pinv": lambda a: (np.linalg.pinv(a, hermitian=True),),
    "values": lambda a: (np.linalg.svd(a, compute_uv=False, hermitian=True),),
    "rank": lambda a: (np.linalg.matrix_rank(a, hermitian=True) * 1.0,),
}


@pytest.mark.parametrize("name", HERMITIAN)
def test_hermitian_decompositions_read_one_triangle(name, random):
    function = HERMITIAN[name]
    a = random.normal(size=(4, 4)) + np.diag([5.0, -8.0, 11.0, 14.0])
    for ours, numpys in zip(st.trace(function, a)(a), function(a), strict=True):
        np.testing.assert_allclose(ours, numpys, rtol=1e-12, atol=1e-14)
    assert st.check_gradient(lambda a: np.sum(np.sin(function(a)[-1])), a)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("small", [1e-2, 5e-4, 1e-5])
def test_pseudo_inverses_that_drop_singular_values_have_their_slopes(small, dtype):
    a = np.diag([1.0, small]).astype(dtype)
    tangent = np.array([[0.25, 1.0], [0.5, -0.75]], dtype)
    rcond = 2 * small
    found = st.pushforward(lambda a: np.linalg.pinv(a, rcond=rcond), (a,), (tangent,))[1]
    step = 1e-3 * small
    exact, along = a.astype(float), tangent.astype(float)
    after, before = (np.linalg.pinv(exact + h * along, rcond=rcond) for h in (step, -step))
    np.testing.assert_allclose(found, (after - before) / (2 * step), rtol=1e-3, atol=1e-6)
