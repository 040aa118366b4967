"""Factorizations in machine code: NumPy's values, gradients, errors, loops and threads."""

import os
import threading

import numpy as np
import pytest

import steepest as st
from steepest.engines import Interpreter
from steepest.engines.native.kernels.lapack.calls import Caller
from steepest.graph import order
from steepest.ops.linear_algebra.triangular import fit_triangle
from steepest.rewrite import simplify

SIZES = (1, 2, 3, 4, 5, 9, 60)
BATCHES = ((), (3,), (2, 1))
REAL = {np.float64: 1e-9, np.float32: 2e-2}


def _matrix(n, batch=(), dtype=np.float64, is_fortran=False):
    """A well-conditioned symmetric matrix with distinct eigenvalues."""
    random = np.random.default_rng(n)
    a = random.normal(size=(*batch, n, n))
    a = (a @ np.swapaxes(a, -1, -2) / n + np.diag(1.0 + np.arange(n) / n)).astype(dtype)
    return np.asfortranarray(a) if is_fortran else a


def _tall(n, batch=(), dtype=np.float64):
    return np.random.default_rng(n).normal(size=(*batch, n + 2, n)).astype(dtype)


def _column(a):
    return a[..., :1] + 1


def _lower(a):
    return np.tril(a) + np.eye(a.shape[-1], dtype=a.dtype)


# What does not depend on the signs of vectors.
FUNCTIONS = {
    "cholesky": np.linalg.cholesky,
    "cholesky, upper": lambda a: np.linalg.cholesky(a, upper=True),
    "solve": lambda a: np.linalg.solve(a + np.triu(a), a[..., ::-1]),
    "solve a column": lambda a: np.linalg.solve(a + np.triu(a), _column(a)),
    "solve transposed": lambda a: np.linalg.solve(np.swapaxes(a + np.triu(a), -1, -2), _column(a)),
    "solve twice": lambda a: np.linalg.solve(a, np.linalg.solve(np.swapaxes(a, -1, -2), a)),
    "solve lower": lambda a: np.linalg.solve(_lower(a), a),
    "solve upper": lambda a: np.linalg.solve(np.swapaxes(_lower(a), -1, -2), _column(a)),
    "solve factor": lambda a: np.linalg.solve(np.linalg.cholesky(a), _column(a)),
    "solve next to factor": lambda a: (
        np.linalg.solve(a, _column(a)) + np.linalg.cholesky(a)[..., :1, :1]
    ),
    "solve next to factor of a triangle": lambda a: (
        np.linalg.solve(a + np.triu(a, 1), _column(a)) + np.linalg.cholesky(a + np.triu(a, 1))
    ),
    "inv": lambda a: np.linalg.inv(a + np.triu(a)),
    "inv and solve": lambda a: np.linalg.inv(a) @ np.linalg.solve(a, a[..., ::-1]),
    "det": np.linalg.det,
    "slogdet": lambda a: np.linalg.slogdet(-(a + np.triu(a)))[1],
    "sign": lambda a: np.linalg.slogdet(-(a + np.triu(a)))[0],
    "inv and slogdet": lambda a: np.linalg.inv(a) * np.linalg.slogdet(a)[1][..., None, None],
    "slogdet and inv": lambda a: np.linalg.slogdet(a)[1][..., None, None] + np.linalg.inv(a),
    "eigh": lambda a: np.linalg.eigh(a)[0],
    "eigh, vectors": lambda a: np.square(np.linalg.eigh(a)[1]),
    "eigh, upper": lambda a: np.linalg.eigh(a + np.tril(a, -1), "U")[0],
    "svd": lambda a: np.linalg.svd(a + np.triu(a))[1],
    "svd, vectors": lambda a: np.square(np.linalg.svd(a + np.triu(a))[0]),
    "qr": lambda a: np.linalg.qr(a)[0],
    "qr, triangle": lambda a: np.linalg.qr(a)[1],
    "pinv": lambda a: np.linalg.pinv(a + np.triu(a)),
}


@pytest.mark.sampled(6)
@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("batch", BATCHES, ids=str)
@pytest.mark.parametrize("dtype", REAL)
def test_values_are_numpys(name, batch, dtype):
    function = FUNCTIONS[name]
    for n in SIZES:
        for is_fortran in (False, True) if n in (5, 60) else (False,):
            a = _matrix(n, batch, dtype, is_fortran)
            found, expected = st.compile(function)(a), function(a)
            assert found.dtype == expected.dtype
            atol = REAL[dtype] * max(1.0, float(np.max(np.abs(expected))))
            np.testing.assert_allclose(found, expected, rtol=0, atol=atol)


@pytest.mark.sampled(4)
@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("batch", BATCHES, ids=str)
def test_gradients_are_the_interpreters(name, batch):
    function = FUNCTIONS[name]
    for n in (1, 2, 4, 9):
        a = _matrix(n, batch)
        weights = np.random.default_rng(0).normal(size=np.shape(function(a)))

        def loss(a, weights=weights):
            return np.sum(function(a) * weights)

        trace = st.trace(st.gradient(loss), a)
        found = st.compile(st.gradient(loss))(a)
        np.testing.assert_allclose(found, trace(a), rtol=1e-8, atol=1e-8)
        # The whole direction, because only the lower triangle of a symmetric matrix is read.
        direction, h = np.random.default_rng(1).normal(size=a.shape), 1e-5
        direction = direction + np.swapaxes(direction, -1, -2)
        slope = (loss(a + h * direction) - loss(a - h * direction)) / (2 * h)
        scale = max(1.0, np.max(np.abs(found)) * n)
        np.testing.assert_allclose(np.sum(found * direction) / scale, slope / scale, atol=1e-5)


@pytest.mark.parametrize("shape", [(33_000, 3), (33_000, 10)], ids=str)
def test_triangles_of_many_rows_have_the_signs_of_the_interpreter(shape):
    a = np.random.default_rng(0).normal(size=shape)
    for triangle in (lambda a: np.linalg.qr(a, "r"), fit_triangle):
        found, expected = st.compile(triangle)(a), triangle(a)
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-10)
        np.testing.assert_allclose(found.T @ found, a.T @ a, rtol=1e-9, atol=1e-8)


@pytest.mark.parametrize("name", ["solve", "inv", "det", "slogdet", "solve lower"])
def test_gradients_are_those_of_the_complex_step(name):
    function = FUNCTIONS[name]
    a, h = _matrix(5), 1e-20
    if name == "slogdet":
        numpy = lambda a: np.log(-np.linalg.det(-(a + np.triu(a))))  # odd size: the sign turns
    else:
        numpy = function
    weights = np.random.default_rng(0).normal(size=np.shape(function(a)))
    found = st.compile(st.gradient(lambda a: np.sum(function(a) * weights)))(a)
    for place in np.ndindex(a.shape):
        moved = a.astype(complex)
        moved[place] += h * 1j
        slope = np.sum(numpy(moved) * weights).imag / h
        np.testing.assert_allclose(found[place], slope, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("name", ["pinv", "svd", "qr, r", "lstsq"])
@pytest.mark.parametrize("dtype", REAL)
def test_tall_and_wide_matrices(name, dtype):
    functions = {
        "pinv": lambda a: (np.linalg.pinv(a), np.linalg.pinv(np.swapaxes(a, -1, -2))),
        "svd": lambda a: (
            np.linalg.svd(a, full_matrices=False)[1],
            np.square(np.linalg.svd(a.T, full_matrices=False)[2]),
        ),
        "qr, r": lambda a: (np.linalg.qr(a, "r"), np.linalg.qr(a)[0]),
        "lstsq": lambda a: (np.linalg.lstsq(a, a[:, 0] + 1, rcond=None)[0],),
    }
    for n in (*SIZES, 70):
        a = _tall(n, (), dtype)
        for found, expected in zip(
            st.compile(functions[name])(a), functions[name](a), strict=True
        ):
            np.testing.assert_allclose(found, expected, rtol=REAL[dtype], atol=REAL[dtype])


@pytest.mark.parametrize(
    "function",
    [
        np.linalg.inv,
        np.linalg.det,
        np.linalg.cholesky,
        lambda a: np.linalg.solve(a, a),
        lambda a: np.linalg.slogdet(a)[1],
    ],
)
def test_empty_matrices(function):
    for shape in ((0, 0), (0, 3, 3), (2, 0, 0)):
        a = np.zeros(shape)
        np.testing.assert_array_equal(st.compile(function)(a), function(a))


# Errors.

FAILURES = {
    "cholesky": (np.linalg.cholesky, -np.eye(3), "not positive definite"),
    "solve": (lambda a: np.linalg.solve(a, a[0]), np.ones((3, 3)), "Singular matrix"),
    "inv": (np.linalg.inv, np.zeros((2, 2)), "Singular matrix"),
    "large inv": (np.linalg.inv, np.zeros((70, 70)), "Singular matrix"),
    "solve lower": (
        lambda a: np.linalg.solve(np.tril(a), a[0]),
        np.arange(9.0).reshape(3, 3),
        "Singular matrix",
    ),
    "solve large lower": (
        lambda a: np.linalg.solve(np.tril(a), a[0]),
        np.zeros((70, 70)),
        "Singular matrix",
    ),
    "one of many": (
        np.linalg.cholesky,
        np.stack([np.eye(3), -np.eye(3), np.eye(3)]),
        "not positive definite",
    ),
    "cholesky, then solve": (
        lambda a: np.linalg.solve(np.linalg.cholesky(a), a[0]),
        np.zeros((3, 3)),
        "not positive definite",
    ),
}


@pytest.mark.parametrize("name", FAILURES)
def test_failures_name_the_line(name):
    function, a, message = FAILURES[name]
    fine = a + 9 * np.eye(a.shape[-1])
    compiled = st.compile(st.gradient(lambda a: np.sum(function(a))))
    compiled(fine)
    with pytest.raises(np.linalg.LinAlgError, match=message) as caught:
        compiled(a)
    assert "test_lapack.py" in caught.value.__notes__[0]
    compiled(fine)


def test_determinants_of_singular_matrices():
    a = np.ones((3, 3))
    assert st.compile(np.linalg.det)(a) == 0
    sign, logarithm = st.compile(np.linalg.slogdet)(a)
    assert (sign, logarithm) == (0, -np.inf)


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 9])
def test_slopes_of_determinants(n):
    slopes = st.compile(st.gradient(np.linalg.det))
    a = _matrix(n) + np.triu(_matrix(n))
    expected = np.linalg.det(a) * np.linalg.inv(a).T
    np.testing.assert_allclose(slopes(a), expected, rtol=1e-10, atol=1e-12)
    a[0] = a[-1] if n > 1 else 0  # singular: the cofactors remain
    expected = st.gradient(np.linalg.det)(a)
    found = slopes(a)
    size = np.max(np.abs(expected))
    np.testing.assert_allclose(found / size, expected / size, rtol=1e-9, atol=1e-12)
    minor = np.linalg.det(np.delete(np.delete(a, 0, 0), 0, 1))
    np.testing.assert_allclose(found[0, 0], minor, rtol=1e-9)


@pytest.mark.parametrize("n", [2, 9])
def test_a_factorization_is_tried(n):
    def tried(a):
        try:
            return np.linalg.cholesky(a)[0, 0] + np.linalg.solve(a, a[0])[0]
        except np.linalg.LinAlgError:
            return np.sum(a)

    compiled, a = st.compile(tried), _matrix(n)
    for one in (a, -a, a, np.zeros((n, n)), 2 * a):
        np.testing.assert_allclose(compiled(one), tried(one), rtol=1e-10)


def test_failures_in_a_descent():
    start = np.array([2.0])

    def loss(x):
        return np.sum(np.linalg.cholesky(np.eye(3) * x)) + 10 * x[0]

    with pytest.raises(np.linalg.LinAlgError, match="not positive definite"):
        st.minimize(loss, start, method=st.GradientDescent(1.0), stop=st.MaxIterations(9))


def test_failures_in_loops():
    def shrunk(a, _):
        return a - np.eye(3), np.linalg.cholesky(a)[0, 0]

    compiled = st.compile(lambda a: st.scan(shrunk, a, np.zeros(3))[1])
    np.testing.assert_allclose(compiled(4 * np.eye(3)), np.sqrt([4.0, 3.0, 2.0]))
    with pytest.raises(np.linalg.LinAlgError, match="not positive definite"):
        compiled(2 * np.eye(3))


# Loops and descents.


@pytest.mark.parametrize("n", [2, 9])
def test_a_scan_factors_in_every_step(n):
    def step(a, row):
        root = np.linalg.cholesky(a)
        solved = np.linalg.solve(root, row) + np.linalg.solve(a, row)
        return a + np.outer(row, row), np.sum(solved) + np.linalg.slogdet(a)[1]

    def loss(a, rows):
        return np.sum(st.scan(step, a, rows)[1])

    a, rows = _matrix(n), np.random.default_rng(0).normal(size=(6, n))
    graph = st.trace(st.gradient(loss), a, rows)
    found = st.compile(st.gradient(loss))(a, rows)
    np.testing.assert_allclose(found, graph(a, rows), rtol=1e-9, atol=1e-10)


def test_a_while_loop_factors_in_every_step():
    def loss(a):
        return st.while_loop(
            lambda x: np.sum(x) > 1e-3, lambda x: np.linalg.solve(a, x), np.ones(a.shape[0])
        )

    a = _matrix(9) + np.eye(9)
    np.testing.assert_allclose(st.compile(loss)(a), loss(a), rtol=1e-9)


def test_a_descent_of_a_normal_likelihood():
    data = np.random.default_rng(0).normal(size=(50, 4)) @ np.diag([1.0, 2.0, 0.5, 1.5])
    scatter = data.T @ data / len(data)

    def loss(x):
        factor = np.tril(x.reshape(4, 4))
        precision = np.linalg.inv(factor @ factor.T)
        return 0.5 * np.sum(precision * scatter) + np.sum(np.log(np.abs(np.diag(factor))))

    run = st.minimize(loss, np.eye(4).reshape(-1), method="lbfgs")
    factor = np.tril(run.x.reshape(4, 4))
    np.testing.assert_allclose(factor @ factor.T, scatter, rtol=1e-3, atol=1e-3)
    same = st.minimize(loss, np.eye(4).reshape(-1), method="lbfgs", engine=Interpreter())
    np.testing.assert_allclose(run.loss, same.loss, rtol=1e-8)


def test_many_problems():
    scales = np.linspace(1, 2, 20)

    def loss(x, scale):
        a = np.array([[2.0, 0.5], [0.5, 1.0]]) * scale
        return x @ np.linalg.solve(a, x) - x[0]

    many = st.minimize_many(loss, np.zeros((20, 2)), args=(scales,), method="lbfgs")
    expected = [np.array([2.0, 0.5]) * scale / 2 for scale in scales]
    np.testing.assert_allclose(many.x, expected, rtol=1e-4)


# What is shared, and what is left as it was.


def _likelihood(n):
    random = np.random.default_rng(0)
    places, y = np.sort(random.uniform(0, 10, n)), random.normal(size=n)
    squares, eye = (places[:, None] - places) ** 2, np.eye(n)

    def loss(p):
        k = np.exp(p[0]) * np.exp(-0.5 * squares / np.exp(2 * p[1])) + np.exp(p[2]) * eye
        root = np.linalg.cholesky(k)
        return 0.5 * np.sum(np.linalg.solve(root, y) ** 2) + np.sum(np.log(np.diag(root)))

    def by_inverse(p):
        k = np.exp(p[0]) * np.exp(-0.5 * squares / np.exp(2 * p[1])) + np.exp(p[2]) * eye
        return 0.5 * y @ np.linalg.inv(k) @ y + 0.5 * np.linalg.slogdet(k)[1]

    return loss, by_inverse


POINT = np.array([0.1, -0.2, -1.0])


@pytest.mark.parametrize("n", [5, 60, 200])
def test_likelihoods_of_a_gaussian_process(n):
    values = [st.compile(st.value_and_gradient(f))(POINT) for f in _likelihood(n)]
    for one, other in zip(*values, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9)
    np.testing.assert_allclose(values[0][0], _likelihood(n)[0](POINT), rtol=1e-12)


def test_the_gradient_of_a_likelihood_has_no_product_of_matrices():
    graph = st.trace(st.value_and_gradient(_likelihood(6)[0]), POINT)
    names = [node.op.name for node in order(simplify(graph.outputs))]
    assert names.count("positive_inverse") == 1
    assert "matmul" not in names


def _logarithms(root):
    return np.sum(np.log(np.diag(root)))


SPELLINGS = {
    "a product": lambda root, z, w: 0.5 * z @ z + _logarithms(root),
    "other factors": lambda root, z, w: (
        3 * np.sum(z**2) - 2 * np.log(np.diagonal(root)).sum() + np.sum(-z * z) / 4
    ),
    "factors that depend": lambda root, z, w: (z @ z) * np.exp(_logarithms(root)) + w[0] * z @ z,
    "columns": lambda root, z, w: np.sum(np.linalg.solve(root, np.stack([w, w**2], 1)) ** 2),
    "weighted logarithms": lambda root, z, w: np.sum(w * np.log(np.diag(root))) + z @ z,
    "weighted squares": lambda root, z, w: np.sum(w * z**2) + _logarithms(root),
    "a sum": lambda root, z, w: np.sum(z) + _logarithms(root),
    "another solution": lambda root, z, w: z @ np.linalg.solve(root, w) + _logarithms(root),
    "elements": lambda root, z, w: root[1, 0] * z[0] + z @ z + root[0, 0],
    "transposed": lambda root, z, w: np.sum(np.linalg.solve(root.T, w) ** 2) + _logarithms(root),
    "twice": lambda root, z, w: np.sum(np.linalg.solve(root.T, z) * w) + _logarithms(root),
}


@pytest.mark.sampled(2)
@pytest.mark.parametrize("name", SPELLINGS)
@pytest.mark.parametrize("n", [3, 7])
def test_gradients_of_losses_of_a_cholesky_factor(name, n):
    w = np.random.default_rng(0).normal(size=n) + 2

    def loss(a):
        root = np.linalg.cholesky(a)
        return SPELLINGS[name](root, np.linalg.solve(root, w), w)

    a, h = _matrix(n), 1e-5
    found = st.compile(st.gradient(loss))(a)
    for i, j in np.ndindex(n, n):
        step = np.zeros((n, n))
        step[i, j] = h
        slope = (
            8 * (loss(a + step) - loss(a - step)) - (loss(a + 2 * step) - loss(a - 2 * step))
        ) / (12 * h)
        np.testing.assert_allclose(found[i, j], slope, rtol=1e-7, atol=1e-7)
    second = st.hessian(loss)(a).reshape(n * n, n * n)
    np.testing.assert_allclose(second, second.T, rtol=1e-8, atol=1e-9)


def test_hessians_of_a_likelihood():
    loss, by_inverse = _likelihood(5)
    one, other = (st.compile(st.hessian(f))(POINT) for f in (loss, by_inverse))
    np.testing.assert_allclose(one, other, rtol=1e-8)


def test_results_do_not_depend_on_threads():
    threadpoolctl = pytest.importorskip("threadpoolctl")
    both = st.compile(st.value_and_gradient(_likelihood(200)[0]))
    inverse = st.compile(st.value_and_gradient(_likelihood(200)[1]))
    expected = [both(POINT), inverse(POINT)]
    for threads in (1, 2, 3):
        with threadpoolctl.threadpool_limits(threads, user_api="blas"):
            for call, (value, slopes) in zip((both, inverse), expected, strict=True):
                for _ in range(3):
                    again = call(POINT)
                    np.testing.assert_array_equal(again[0], value)
                    np.testing.assert_array_equal(again[1], slopes)


def test_calls_in_threads_restore_the_librarys_threads():
    threadpoolctl = pytest.importorskip("threadpoolctl")
    both = st.compile(st.value_and_gradient(_likelihood(60)[0]))
    expected = both(POINT)

    def limits():
        return [
            (one["filepath"], one["num_threads"])
            for one in threadpoolctl.threadpool_info()
            if one["user_api"] == "blas"
        ]

    failures, before = [], limits()

    def work():
        for _ in range(50):
            value, slopes = both(POINT)
            if value != expected[0] or (slopes != expected[1]).any():
                failures.append(value)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert limits() == before


@pytest.mark.parametrize("n", [4, 8, 12])
def test_badly_conditioned_systems_are_solved_as_accurately(n):
    hilbert = 1.0 / (np.arange(n)[:, None] + np.arange(n) + 1) + 1e-15 * np.eye(n)
    b = np.random.default_rng(0).normal(size=n)

    def by_factor(a):
        return np.linalg.solve(a, b) + 0 * np.linalg.cholesky(a)[0, 0]

    root = np.linalg.cholesky(hilbert)
    for a, solved in (
        (hilbert, st.compile(by_factor)(hilbert)),
        (root, st.compile(lambda a: np.linalg.solve(a, b))(root)),
        (root.T, st.compile(lambda a: np.linalg.solve(a.T, b))(root)),
    ):
        left = np.max(np.abs(a @ solved - b))
        size = np.max(np.sum(np.abs(a), 1)) * np.max(np.abs(solved)) + np.max(np.abs(b))
        assert left <= 4 * n * np.finfo(float).eps * size


def test_systems_share_the_factors_of_their_matrix(monkeypatch):
    called = []
    lapack = Caller.lapack

    def counted(self, name, *arguments):
        called.append(name)
        lapack(self, name, *arguments)

    monkeypatch.setattr(Caller, "lapack", counted)

    def loss(a, b):
        solved = np.linalg.solve(a, b) + np.linalg.solve(a.T, b)
        return np.sum(solved) + np.linalg.slogdet(a)[1] + np.linalg.inv(a)[0, 1]

    a, b = _matrix(61) + np.triu(_matrix(61)), np.ones(61)
    found = st.compile(st.value_and_gradient(loss))(a, b)
    np.testing.assert_allclose(found[0], loss(a, b), rtol=1e-12)
    assert called.count("getrf") == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork")  # of other libraries in this process
def test_a_forked_process_factors_as_well():
    loss, a = st.compile(np.linalg.slogdet), _matrix(60)
    expected = loss(a)[1]
    child = os.fork()
    if child == 0:
        os._exit(0 if loss(a)[1] == expected else 1)
    assert os.waitpid(child, 0)[1] == 0
