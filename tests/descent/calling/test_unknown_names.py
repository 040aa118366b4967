"""Arguments that are misspelled, foreign or do not fit: the error says what to write."""

import functools
import inspect

import numpy as np
import pytest

import steepest as st

START = np.array([-1.2, 1.0])
T = np.linspace(0, 3, 20)
Y = 2 * np.exp(-T) + 0.01 * np.sin(40 * T)
HERE = f"{__file__.rpartition('/')[2]}:"


def rosenbrock(x):
    return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def residuals(x):
    return np.stack([10 * (x[1] - x[0] ** 2), 1 - x[0]])


def decay(t, a, b):
    return a * np.exp(-b * t)


PUBLIC = {
    st.minimize: (rosenbrock, START),
    st.least_squares: (residuals, START),
    st.curve_fit: (decay, T, Y),
    st.minimize_many: (rosenbrock, START[None]),
    st.least_squares_many: (residuals, START[None]),
    st.curve_fit_many: (decay, T, Y[None]),
    st.resume: ("nothing.safetensors", rosenbrock),
}


@pytest.mark.parametrize("function", PUBLIC)
def test_a_misspelled_argument_is_guessed(function):
    for name in inspect.signature(function).parameters:
        if len(name) < 5:
            continue
        for wrong in (name[:-1], name.upper(), name[0] + name[2] + name[1] + name[3:]):
            if wrong in inspect.signature(function).parameters:
                continue
            with pytest.raises(TypeError, match="unexpected keyword argument") as caught:
                function(*PUBLIC[function], **{wrong: 1})
            assert f"argument {wrong!r}: did you mean" in str(caught.value)
            assert name.split("_")[0] in str(caught.value)
            assert f"(st.{function.__name__} at {HERE}" in str(caught.value)


FOREIGN = {
    "lr": "step_size=7", "learning_rate": "step_size=7", "maxiters": "st.MaxIterations(7)",
    "max_iter": "st.MaxIterations(7)", "n_iter": "st.MaxIterations(7)", "optimizer": "method=7",
    "upper": "bounds", "verbosity": "progress", "fprime": "found exactly",
}  # fmt: skip


@pytest.mark.parametrize(("name", "instead"), FOREIGN.items())
@pytest.mark.parametrize("function", PUBLIC)
def test_what_others_call_an_argument_is_translated(function, name, instead):
    with pytest.raises(TypeError, match="unexpected keyword argument") as caught:
        function(*PUBLIC[function], **{name: 7})
    assert "did you mean" in str(caught.value)
    assert instead in str(caught.value)


def test_batches_are_more_than_a_number():
    X = np.ones((4, 2))
    loss = lambda w, X: np.sum((X @ w - 1) ** 2)
    for wrong in (32, np.int64(32)):
        with pytest.raises(TypeError, match=r"did you mean batches=st.Batches\(size=32\)\?"):
            st.minimize(loss, np.zeros(2), (X,), batches=wrong)
    with pytest.raises(TypeError, match=r"did you mean batches=st.Batches\(size=32\)\?"):
        st.minimize(loss, np.zeros(2), (X,), batch_size=32)


def pair(x, y):
    return (1 - x) ** 2 + 100 * (y - x**2) ** 2


@pytest.mark.parametrize(
    ("call", "start"),
    [
        (st.minimize, (0.0, 0.0)),
        (st.minimize, [0.0, 0.0]),
        (st.minimize, np.zeros(2)),
        (st.minimize, {"x": 0.0, "y": 0.0}),
        (st.least_squares, np.zeros(2)),
        (st.minimize_many, np.zeros((3, 2))),
        (st.least_squares_many, np.zeros((3, 2))),
    ],
)
def test_a_function_of_several_numbers_gets_both_spellings(call, start):
    with pytest.raises(TypeError, match="takes 2 arguments, x, y, and is given 1") as caught:
        call(pair, start)
    sentence = str(caught.value)
    assert sentence.startswith(f"pair at {HERE}")
    assert "def pair(p): x, y = p" in sentence
    assert "lambda p: pair(*p)" in sentence
    assert f"(st.{call.__name__} at {HERE}" in sentence
    assert len(caught.traceback) < 4
    np.testing.assert_allclose(st.minimize(lambda p: pair(*p), (0.0, 0.0)).x, 1, atol=1e-5)


def test_arguments_are_judged_by_the_function_that_is_called():
    @functools.wraps(pair)
    def spread(p):
        return pair(*p)

    np.testing.assert_allclose(st.minimize(spread, (0.0, 0.0)).x, 1, atol=1e-5)
    bound = functools.partial(pair, y=1.0)
    np.testing.assert_allclose(st.minimize(bound, 2.0).x, 1, atol=1e-5)
    with pytest.raises(TypeError, match="lambda p: pair"):
        st.minimize(functools.partial(pair), (0.0, 0.0))


@pytest.mark.parametrize(
    ("function", "args", "sentence"),
    [
        (lambda: 3.0, (), "takes 0 arguments, and is given 1: x0"),
        (lambda x: np.sum(x), (1.0,), "takes 1 argument, and is given 2: x0 and 1 further, args"),
        (lambda x, *, k: k * np.sum(x), (), "needs k by name"),
        (lambda x, y, z: np.sum(x), (1.0,), "takes 3 arguments, x, y, z, and is given 2"),
    ],
)
def test_arguments_that_do_not_fit_are_named(function, args, sentence):
    with pytest.raises(TypeError, match=sentence):
        st.minimize(function, START, args)


WRONG = {
    "no function": lambda call, given: call(3, *given[1:]),
    "no stop rule": lambda call, given: call(*given, stop=3),
    "no method": lambda call, given: call(*given, method=3),
    "no engine": lambda call, given: call(*given, engine="abacus"),
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
@pytest.mark.parametrize("function", [f for f in PUBLIC if f is not st.resume])
def test_each_error_names_the_function_that_was_called(function, wrong):
    with pytest.raises(st.SteepestError) as caught:
        wrong(function, PUBLIC[function])
    assert f"(st.{function.__name__} at {HERE}" in str(caught.value)
    assert str(caught.value).count("(st.") == 1
    others = {f.__name__ for f in PUBLIC} - {function.__name__}
    assert not any(f"st.{name} " in str(caught.value) for name in others)
