"""What a traced function reads from outside is read anew at each call, by every route."""

import enum
import functools

import numpy as np
import pytest

import steepest as st
from tests.cases.outside_values import ROUTES, VALUES, Bare, X


def _copied(value):
    return value.copy() if isinstance(value, np.ndarray | list | dict) else value


def _change_in_place(value):
    if isinstance(value, np.ndarray | list):
        value[0] = 11.0
        return True
    if isinstance(value, dict):
        value["a"] = 11.0
        return True
    return False


@pytest.mark.parametrize("kind", VALUES)
@pytest.mark.parametrize("name", ROUTES)
def test_what_changed_is_seen_at_the_next_call(name, kind):
    before, after = VALUES[kind]
    for in_place in (False, True):
        for derive in (st.compile, st.value_and_gradient):
            value = _copied(before)
            function, args, change = ROUTES[name](value)
            derived = derive(function)
            for _ in range(2):
                _compare(derived(X, *args), function(X, *args))
            if in_place and not _change_in_place(value):
                break
            if not in_place:
                change(_copied(after))
            for _ in range(2):
                _compare(derived(X, *args), function(X, *args))


def _compare(found, expected):
    loss = found[0] if isinstance(found, tuple) else found
    np.testing.assert_allclose(loss, expected, rtol=1e-14)


def _member(value):
    class Kind(enum.Enum):
        ONE = 1

    Kind.ONE.k = value
    return Kind


def _object(value):
    made = Bare()
    made.k = value
    return made


HOLDERS = {
    "class": (lambda value: type("Made", (), {"k": value}), lambda held: held.k),
    "base": (
        lambda value: type("Below", (type("Above", (), {"k": value}),), {}),
        lambda held: held.__base__.k,
    ),
    "metaclass": (
        lambda value: type("Meta", (type,), {"k": value})("Made", (), {}),
        lambda held: held.k,
    ),
    "enum member": (_member, lambda held: held.ONE.k),
    "object": (_object, lambda held: held.k),
    "list": (lambda value: [value], lambda held: held[0]),
    "dict": (lambda value: {"k": value}, lambda held: held["k"]),
    "closure": (lambda value: lambda *_: value, lambda held: held()),
}
"""What can hold a value: how it is made, and how the value is read."""

CHANGES = {
    "list": (lambda: [2.0, 3.0], lambda held: held.append(4.0)),
    "dict": (lambda: {"k": 2.0}, lambda held: held.update(k=3.0)),
    "array": (lambda: np.ones(2), lambda held: held.fill(3.0)),
    "class": (lambda: type("Made", (), {"k": 2.0}), lambda held: setattr(held, "k", 3.0)),
    "object": (lambda: _object(2.0), lambda held: setattr(held, "k", 3.0)),
}
"""What can be changed in place, and a change."""


def total(value):
    """Return a number that every change of ``CHANGES`` changes."""
    if isinstance(value, list | dict):
        return sum(value.values() if isinstance(value, dict) else value)
    return np.sum(value) if isinstance(value, np.ndarray) else value.k


@pytest.mark.parametrize("kind", CHANGES)
@pytest.mark.parametrize("outer", HOLDERS)
@pytest.mark.parametrize("inner", HOLDERS)
def test_what_changed_behind_two_holders_is_seen(outer, inner, kind):
    make, change = CHANGES[kind]
    value = make()
    held = HOLDERS[outer][0](HOLDERS[inner][0](value))
    read_outer, read_inner = HOLDERS[outer][1], HOLDERS[inner][1]
    f = lambda x: total(read_inner(read_outer(held))) * np.sum(x)
    compiled = st.compile(f)
    for _ in range(3):
        _compare(compiled(X), f(X))
        change(value)
        _compare(compiled(X), f(X))


def test_a_trace_holds_as_long_as_nothing_changes():
    """Whatever is read, and by whatever route: a second call traces nothing."""
    traced = []

    class Model:
        scale = 2.0
        table = {"rate": np.array([1.0, 2.0])}

        def __init__(self):
            self.weights = np.ones(2)
            self.parts = [np.ones(2), {"a": 3.0}]
            self.kind = Kind.FAST

        def loss(self, x):
            traced.append(1) if STARTED else None
            a, b = self.parts
            return np.sum(self.scale * self.weights * a * b["a"] * self.table["rate"] * x)

    class Kind(enum.Enum):
        FAST = 1

    model = Model()
    f = st.compile(model.loss)
    expected = model.loss(X)
    assert f(X) == expected
    assert not next(iter(f._paths.values())).last.captures.opaque
    assert f(X) == expected


STARTED = False


def test_what_is_not_read_does_not_matter():
    owner = Bare()
    owner.k, owner.other = 2.0, object()
    f = st.compile(lambda x: owner.k * np.sum(x))
    f(X)
    captures = next(iter(f._paths.values())).last.captures
    owner.other = object()
    assert captures.still_hold()
    owner.k = 3.0
    assert not captures.still_hold()


@pytest.mark.parametrize(
    "name", ["instance", "closure", "class attribute by name", "list, captured"]
)
def test_descents_see_it_too(name):
    function, args, change = ROUTES[name](np.array([1.0, 2.0]))
    loss = lambda x, *args: (function(x, *args) - 3.0) ** 2
    for _ in range(2):
        run = st.minimize(loss, X, args)
        np.testing.assert_allclose(function(run.x, *args), 3.0, rtol=1e-4)
        change(np.array([4.0, 5.0]))


@pytest.mark.parametrize("engine", ["native", "numpy"])
@pytest.mark.parametrize(
    "how", ["number", "attribute", "in place", "argument in place", "rebound"]
)
def test_a_callback_may_change_what_the_loss_reads(how, engine):
    """As in SciPy, the descent goes on with the loss as it is then."""
    target, given = np.zeros(2), np.zeros(2)
    owner, shift = Bare(), 0.0
    owner.target = np.zeros(2)

    def loss(x, y):
        return np.sum((x - target - owner.target - y - shift) ** 2)

    def change(state):
        nonlocal target, shift
        if state.iteration != 2:
            return
        if how == "number":
            shift = 3.0
        elif how == "attribute":
            owner.target = np.full(2, 3.0)
        elif how == "in place":
            target[:] = 3.0
        elif how == "argument":
            given[:] = 3.0
        else:
            target = np.full(2, 3.0)

    calls = []

    def callback(state):
        calls.append(state.iteration)
        change(state)

    run = st.minimize(
        loss, np.ones(2), args=(given,), callback=callback, engine=engine,
        method=st.GradientDescent(0.1), stop=st.MaxIterations(200),
    )  # fmt: skip
    np.testing.assert_allclose(run.x, 3.0, rtol=1e-6)
    assert calls == list(range(1, 201))


def closing_over(array):
    return lambda: array


def by_default(array):
    return lambda array=array: array


class Keeper:
    def __init__(self, array):
        self.array = array

    def __call__(self):
        return self.array


BEHIND = {
    "a closure": closing_over,
    "a default": by_default,
    "an object": Keeper,
    "a bound method": lambda array: Keeper(array).__call__,
    "a part": lambda array: functools.partial(lambda array: array, array),
}
CALLED = {
    "compile": lambda f, x, args: st.compile(f)(x, *args),
    "gradient": lambda f, x, args: st.gradient(f)(x, *args),
    "minimize": lambda f, x, args: st.minimize(f, x, args=args, stop=st.MaxIterations(3)).x,
    "least_squares": lambda f, x, args: st.least_squares(f, x, args=args).x,
    "minimize_many": lambda f, x, args: st.minimize_many(
        f, x[None] * np.ones((3, 1)), shared=args, stop=st.MaxIterations(3)
    ).x[1],
}


@pytest.mark.parametrize("called", CALLED)
@pytest.mark.parametrize("behind", BEHIND)
def test_arrays_behind_arguments_are_not_taken_for_other_arguments(behind, called):
    arrays = np.array([5.0, 2.0]), np.array([1.0, 3.0]), np.array([0.5, 4.0])
    held, *others = arrays

    def loss(x, *given):
        weights = [one() if callable(one) else one for one in given]
        return np.sum((weights[0] * x - weights[1]) ** 2 * weights[2] ** 2)

    x = np.array([0.3, 0.4])
    for place in range(3):
        given, plain = list(others), list(others)
        given.insert(place, BEHIND[behind](held))
        plain.insert(place, held)
        found, wanted = (CALLED[called](loss, x, tuple(args)) for args in (given, plain))
        np.testing.assert_allclose(found, wanted, rtol=1e-12)
