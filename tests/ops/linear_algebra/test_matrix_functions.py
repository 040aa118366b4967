"""Functions of matrices: values and derivatives, also where eigenvalues are equal."""

import itertools

import mpmath
import numpy as np
import pytest

import steepest as st
from steepest.ops.linear_algebra.matrix_functions import divided_differences
from tests.cases.symmetric_matrices import SPECTRA, matrix, symmetric

ORDERS = 4


def forward(function):
    return lambda t: st.pushforward(function, (t,), (1.0,))[1]


FUNCTIONS = {
    "exp": (st.expm, mpmath.exp),
    "sqrt": (st.sqrtm, mpmath.sqrt),
    "log": (st.logm, mpmath.log),
    "w**-1.5": (
        lambda a: st.matrix_function(lambda w: w**-1.5, a),
        lambda x: x ** mpmath.mpf(-1.5),
    ),
    "sin": (lambda a: st.matrix_function(np.sin, a), mpmath.sin),
}


def exact_derivatives(function, a, direction, weights):
    """Return derivatives of sum(weights * f(a + t * direction)) at 0, in mpmath."""
    with mpmath.workdps(60):
        a, direction = mpmath.matrix(a.tolist()), mpmath.matrix(direction.tolist())

        def along(t):
            w, v = mpmath.eigsy(a + t * direction)
            value = v * mpmath.diag([function(x) for x in w]) * v.T
            return mpmath.fsum(
                value[i, j] * weights[i, j] for i, j in itertools.product(range(3), repeat=2)
            )

        terms = mpmath.taylor(along, mpmath.mpf(0), ORDERS)
        return [float(term * mpmath.factorial(k)) for k, term in enumerate(terms)]


@pytest.mark.parametrize("spectrum", SPECTRA)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_derivatives_of_matrix_functions(name, spectrum, random):
    function, exact = FUNCTIONS[name]
    is_known = name in ("exp", "sqrt", "log")
    a, direction, weights = (
        matrix(SPECTRA[spectrum], random),
        symmetric(random),
        symmetric(random),
    )
    expected = exact_derivatives(exact, a, direction, weights)
    pulled = pushed = lambda t: np.sum(weights * function(a + t * direction))
    for order in range(1, ORDERS + 1 if is_known else 4):
        pulled = st.gradient(pulled)
        pushed = forward(pushed)
        for derivative in (pulled, pushed):
            np.testing.assert_allclose(derivative(0.0), expected[order], rtol=1e-10)


@pytest.mark.parametrize("engine", ["native", "numpy", "torch"])
def test_matrix_functions_run_on_every_engine(engine, random):
    target = matrix((1.0, 2.0, 3.0), random)

    def loss(a):
        return np.sum((st.expm(a) - target) ** 2)

    run = st.minimize(loss, np.zeros((3, 3)), engine=engine, method=st.BFGS())
    expected = matrix_log(target)
    np.testing.assert_allclose(run.x, expected, atol=1e-5)


def matrix_log(a):
    w, v = np.linalg.eigh(a)
    return (v * np.log(w)) @ v.T


def test_matrix_functions_of_plain_arrays(random):
    a = np.stack([matrix((1.0, 1.0, 2.0), random), matrix((0.5, 3.0, 3.0), random)])
    np.testing.assert_allclose(st.sqrtm(a) @ st.sqrtm(a), a, rtol=1e-13, atol=1e-14)
    np.testing.assert_allclose(st.logm(st.expm(a)), a, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(
        st.matrix_function(lambda w: w**2, a), a @ a, rtol=1e-13, atol=1e-14
    )
    assert st.expm(np.eye(2, dtype=np.float32)).dtype == np.float32
    assert np.isnan(st.expm(np.array([[0.0, 1.0], [0.0, 0.0]]))).all()


def test_what_a_matrix_function_cannot_do_is_refused():
    eye = np.eye(2)
    with pytest.raises(
        ValueError, match=r"expm at test_matrix_functions.py:\d+: the last two axes"
    ):
        st.expm(np.ones((2, 3)))
    with pytest.raises(TypeError, match="depends on more than its argument"):
        st.gradient(lambda p: st.matrix_function(lambda w: w**p, p * eye)[0, 0])(2.0)
    with pytest.raises(TypeError, match="branches on its argument"):
        st.gradient(lambda p: st.matrix_function(lambda w: w if w > 0 else -w, p * eye)[0, 0])(2.0)

    def loss(t):
        return np.trace(st.matrix_function(np.sin, t * eye))

    for _ in range(3):
        loss = st.gradient(loss)
    with pytest.raises(TypeError, match="beyond order 3"):
        st.gradient(loss)(1.0)


def test_divided_differences_are_exact_at_any_distance():
    for gap in (0.0, 1e-15, 1e-12, 1e-8, 1e-4, 1e-2, 1e-1, 1.0, 10.0):
        values = np.array([1.0, 1.0 + gap, 1.0 + 2 * gap])
        with mpmath.workdps(60):
            x, y, z = map(mpmath.mpf, values)
            for name, exact in (("exp", mpmath.exp), ("sqrt", mpmath.sqrt), ("log", mpmath.log)):
                if gap:
                    first, second = (
                        (exact(y) - exact(x)) / (y - x),
                        (exact(z) - exact(y)) / (z - y),
                    )
                    expected = (second - first) / (z - x)
                else:
                    expected = mpmath.diff(exact, 1, 2) / 2
                found = divided_differences(name, values, 2)[0, 1, 2]
                assert abs(found - expected) <= 1e-12 * abs(expected), (name, gap)
