"""The native engine: memory, accuracy, errors, threads and code size."""

import math
import re
import threading

import mpmath
import numpy as np
import pytest

import steepest as st
from steepest.descent.iteration.setting_numbers import split_settings
from steepest.descent.iteration.trace import Settings, trace_iteration
from steepest.descent.problem.objective import Objective
from steepest.descent.problem.parameters import ravel_parameters
from steepest.engines import Native, Program
from steepest.engines.native.programs.descent import compile_descent
from steepest.graph import evaluate


def rosenbrock(x):
    return (1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2


def compiled(loss, x0, record_every):
    layout, vector = ravel_parameters(x0)
    stop = st.LossBelow(1e-3) | st.MaxIterations(100_000)
    settings = Settings(split_settings(st.GradientDescent(1e-3), stop), record_every)
    built = trace_iteration(Objective(loss), layout, vector, (), settings, layout.dtype)
    return compile_descent(Program((built.iteration,), (), None, False))


def loop_body(assembly):
    """Return the instructions between the loop's label and the jump back to it."""
    lines = [line.strip() for line in assembly.splitlines()]
    jumps = [
        (i, m[1]) for i, line in enumerate(lines) if (m := re.match(r"j[a-z]+\s+(\.LBB\S+)", line))
    ]
    back = [(lines.index(label + ":"), i) for i, label in jumps if lines.index(label + ":") < i]
    start, end = max(back, key=lambda span: span[1] - span[0])
    return lines[start + 1 : end]


@pytest.mark.skipif(
    "x86_64" not in __import__("platform").machine(), reason="reads x86-64 assembly"
)
@pytest.mark.parametrize(("record_every", "stores"), [(0, 0), (1, 3)])
def test_the_rosenbrock_loop_touches_no_memory_but_its_history(record_every, stores):
    assembly = compiled(rosenbrock, np.zeros(2), record_every).code.assembly
    body = loop_body(assembly)
    assert len(body) > 20
    touching = [line for line in body if re.search(r"\(%r|\(,%r", line) and "lea" not in line]
    # Where there are but 16 registers, constants may be read from where they stand, and the
    # settings, which are inputs, from the stack. Nothing is stored there.
    touching = [line for line in touching if not re.search(r"\(%rsp\), %xmm", line)]
    constants = re.findall(r"movabsq\s+\$\.LCPI\S+, (%r\w+)", assembly)
    touching = [line for line in touching if not any(f"({name})" in line for name in constants)]
    assert len(touching) == stores, touching
    assert not any("call" in line for line in body)


def test_no_multiplication_is_contracted_into_an_addition():
    assembly = compiled(rosenbrock, np.zeros(2), 1).code.assembly
    assert "vfmadd" not in assembly


@pytest.mark.parametrize("bad", [7, -8, 2**40])
def test_an_index_out_of_bounds_is_an_error_that_names_the_line(bad):
    f = st.compile(lambda x, i: np.sum(x[i]))
    x, i = np.arange(7.0), np.zeros(20, np.int64)
    assert f(x, i) == 0.0
    i[11] = bad
    with pytest.raises(IndexError, match=r"test_native\.py:\d+ is out of bounds .* \(7,\)"):
        f(x, i)
    with pytest.raises(IndexError, match=r"test_native\.py:\d+"):
        st.minimize(lambda w, x, i: np.sum(w * x[i]), 1.0, args=(x, i))


def test_shared_code_names_the_callers_own_line():
    def first(x, i):
        return np.sum(x[i] * 17.0)

    def second(x, i):
        return np.sum(x[i] * 17.0)

    x, i = np.arange(7.0), np.full(20, 9)
    lines = []
    for f in (first, second):
        with pytest.raises(IndexError) as caught:
            st.compile(f)(x, i)
        lines.append(int(re.search(r"test_native\.py:(\d+)", str(caught.value))[1]))
    assert lines[1] - lines[0] == 3


def test_empty_arrays_write_nowhere():
    def f(x):
        y = np.sin(x)[:, None] * np.ones((1, 40))
        return np.sum(y), np.concatenate([x, y[:, 0]]), y @ np.ones((40, 2)), y[::-1]

    for size in (0, 1):
        x = np.linspace(0, 1, size)
        for found, expected in zip(st.compile(f)(x), f(x), strict=True):
            np.testing.assert_allclose(found, expected)
    with pytest.raises(IndexError, match="axis of size 0"):
        st.compile(lambda x, i: np.sum(x[i]))(np.zeros(0), np.zeros(20, int))


def test_results_do_not_depend_on_uninitialized_memory(monkeypatch):
    import steepest.engines.native.programs.function as program
    import steepest.engines.native.runs.workspace as workspace

    def poisoned(size):
        raw = np.full(size + 64, 0xFF, np.uint8)  # NaN, whatever the precision
        return raw[-program.address_of(raw) % 64 :]

    def network(x):
        hidden = np.tanh(np.reshape(x, (8, 8)) @ np.reshape(x, (8, 8)))
        return np.sum(hidden[1:] * hidden[:-1]) + np.max(hidden) + np.mean(st.softmax(hidden) ** 2)

    x = np.linspace(-1, 1, 64)
    clean = st.compile(st.value_and_gradient(network))(x)
    monkeypatch.setattr(program, "aligned_bytes", poisoned)
    monkeypatch.setattr(workspace, "aligned_bytes", poisoned)
    value, gradient = st.compile(st.value_and_gradient(network))(x)
    assert value == clean[0]
    np.testing.assert_array_equal(gradient, clean[1])
    run = st.minimize(network, x, method=st.Momentum(1e-2), stop=st.MaxIterations(5))
    assert np.isfinite(run.x).all()


@pytest.mark.parametrize("size", [1, 100, 10_000, 1_000_003])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_long_sums_are_at_least_as_accurate_as_numpys(size, dtype, random):
    x = (random.normal(size=size) * 10.0 ** random.integers(-3, 4, size)).astype(dtype)
    exact = np.sum(x.astype(np.longdouble))
    ours, numpys = st.compile(lambda x: np.sum(x))(x), np.sum(x)
    bound = 4 * np.finfo(dtype).eps * abs(exact) + np.finfo(dtype).eps * np.sum(np.abs(x)) / 64
    assert abs(ours - exact) <= max(abs(numpys - exact), bound)


def test_infinite_sums_are_infinite():
    x = np.ones(3000)
    x[7] = np.inf
    assert st.compile(lambda x: np.sum(x))(x) == np.inf
    x[2000] = -np.inf
    assert np.isnan(st.compile(lambda x: np.sum(x))(x))


def test_single_precision_tanh_is_within_two_ulp():
    f = st.compile(lambda x: np.tanh(x))
    x = np.concatenate(
        [np.linspace(-12, 12, 200_001), np.logspace(-37, 1, 100_001), -np.logspace(-37, 1, 1001)]
    ).astype(np.float32)
    exact = np.tanh(x.astype(np.float64))
    ulp = np.spacing(np.abs(exact).astype(np.float32))
    assert np.max(np.abs(f(x) - exact) / ulp) <= 2
    for value in x[::5000]:
        assert abs(float(f(value)) - float(mpmath.tanh(float(value)))) <= 2 * np.spacing(
            np.float32(abs(np.tanh(float(value))))
        )
    special = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 1e-45, 3e38], np.float32)
    np.testing.assert_array_equal(f(special), np.tanh(special))
    np.testing.assert_array_equal(np.signbit(f(special)), np.signbit(np.tanh(special)))


def test_compiled_functions_run_in_threads_at_once(random):
    f = st.compile(lambda x: np.tanh(x @ x.T).sum(axis=0))
    inputs = [random.normal(size=(40, 40)) for _ in range(8)]
    expected = [f(x) for x in inputs]
    wrong = []

    def work(x, y):
        wrong.extend(None for _ in range(50) if not np.array_equal(f(x), y))

    threads = [threading.Thread(target=work, args=pair) for pair in zip(inputs, expected)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


@pytest.mark.slow
def test_deep_chains_compile():
    def chain(x):
        for _ in range(500):
            x = np.sin(x) + 1.0
        return x

    x = np.linspace(0, 1, 50)
    np.testing.assert_allclose(st.compile(chain)(x), chain(x), rtol=1e-12)
    np.testing.assert_allclose(st.compile(chain)(0.5), chain(0.5), rtol=1e-12)


def test_repeated_stencils_do_not_explode():
    def stencil(x):
        for _ in range(20):
            x = np.tanh(x[1:] + x[:-1])
        return np.sum(x)

    x = np.linspace(0, 1, 100)
    graph = st.trace(stencil, x)
    _, (value,) = Native().compile([graph])([x])
    np.testing.assert_allclose(value, stencil(x), rtol=1e-12)


def test_equal_mathematics_compiles_once():
    first = Native().compile([st.trace(lambda x: np.sum(np.cos(x) * 3.25), np.ones(9))])
    second = Native().compile([st.trace(lambda y: np.sum(np.cos(y) * 3.25), np.zeros(9))])
    assert first.code is second.code


@pytest.mark.slow
def test_many_programs_come_and_go():
    """Machine code is freed with its program and takes nothing of the others along."""
    for i in range(300):
        f = st.compile(lambda x, i=i: x * float(i) + 1.0)
        assert f(2.0) == 2.0 * i + 1.0


def test_values_equal_the_interpreters_for_mixed_dtypes(random):
    def mixed(x, n, flag):
        y = np.where(flag, x.astype(np.float64) * n, n // 3)
        return y + (n % 5).astype(np.float32) + flag, (x > 0).sum(), np.argmax(n)

    x = random.normal(size=30).astype(np.float32)
    n, flag = random.integers(-50, 50, 30), random.random(30) < 0.5
    graph = st.trace(mixed, x, n, flag)
    expected = evaluate(graph.outputs, graph.bind([x, n, flag]))
    for found, value in zip(Native().compile([graph])([x, n, flag])[1], expected, strict=True):
        np.testing.assert_array_equal(found, value)
        assert found.dtype == value.dtype


@pytest.mark.parametrize("axis", [None, 0, -1])
@pytest.mark.parametrize("shape", [(0, 5), (5, 0), (0,), (3, 0, 2)])
def test_sums_of_empty_arrays(shape, axis):
    x = np.zeros(shape)
    found = st.compile(lambda x: np.sum(x * 2, axis=axis))(x)
    assert np.array_equal(found, np.sum(x, axis=axis))


@pytest.mark.parametrize("size", [3, 100, 50_000])
def test_largest_and_smallest_of_truth_values(size):
    x = np.zeros(size, bool)
    x[1] = True
    largest, smallest = st.compile(lambda x: (np.max(x), np.min(x)))(x)
    assert (bool(largest), bool(smallest)) == (True, False)


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("size", [513, 519, 1024, 5000])
def test_long_sums_are_as_exact_as_numpys(size, kind):
    x = (np.random.default_rng(size).normal(size=size) * 10.0).astype(kind)
    exact = math.fsum(x.astype(float).tolist())
    ours, theirs = float(st.compile(np.sum)(x)), float(np.sum(x))
    bound = np.finfo(kind).eps * float(np.sum(np.abs(x)))
    assert abs(ours - exact) <= max(abs(theirs - exact), 2 * bound)
