"""What a traced function writes outside: each call writes what a plain call would."""

import collections
import types
import warnings

import numpy as np
import pytest

import steepest as st
from steepest.errors import SteepestError, TraceWarning

X = np.array([1.0, 2.0])


class Model:
    total = 0

    def __init__(self):
        self.calls, self.last, self.value, self.seen = 0, None, None, []
        self.settings = {"calls": 0}

    def counts(self, x):
        self.calls += 1
        return np.sum(x) * self.calls

    def counts_in_a_dict(self, x):
        self.settings["calls"] += 1
        return np.sum(x) * self.settings["calls"]

    def collects(self, x):
        self.seen.append(np.sum(x * x))
        return self.seen[-1] + len(self.seen)

    def remembers(self, x):
        if self.last is None or not np.array_equal(x, self.last):
            self.last, self.value = x.copy(), np.sum((x - 3.0) ** 2)
        return self.value

    def has_momentum(self, x):
        self.value = x + (0.0 if self.value is None else 0.5 * self.value)
        return np.sum(self.value)

    def deletes(self, x):
        if hasattr(self, "seen"):
            del self.seen
        return np.sum(x)

    def changes_its_class(self, x):
        type(self).total += 1
        return np.sum(x) * self.total


METHODS = [name for name, value in vars(Model).items() if isinstance(value, types.FunctionType)]


def method(name):
    class Fresh(Model):
        total = 0

    model = Fresh()
    return getattr(model, name), lambda: (vars(model), Fresh.total)


def nonlocal_variable():
    n = 0

    def f(x):
        nonlocal n
        n += 1
        return np.sum(x) * n

    return f, lambda: n


def shared_variable():
    n = 0

    def step():
        nonlocal n
        n += 1

    def f(x):
        step()
        return np.sum(x) * n

    return f, lambda: n


def global_variable():
    module = types.ModuleType("module")
    exec("n = 0\ndef f(x):\n    global n\n    n += 1\n    return x.sum() * n", vars(module))
    return module.f, lambda: module.n


def module_variable():
    module = types.ModuleType("module")
    module.n = 0

    def f(x):
        module.n += 1
        return np.sum(x) * module.n

    return f, lambda: module.n


def function_attribute():
    def f(x):
        f.calls += 1
        return np.sum(x) * f.calls

    f.calls = 0
    return f, lambda: f.calls


def container(make, change):
    held = make()

    def f(x):
        change(held, x)
        return np.sum(x) + len(held)

    return f, lambda: held


CASES = {
    **{name: lambda name=name: method(name) for name in METHODS if not name.startswith("_")},
    "nonlocal": nonlocal_variable,
    "nonlocal, shared by two functions": shared_variable,
    "global": global_variable,
    "module": module_variable,
    "function": function_attribute,
    "list": lambda: container(list, lambda c, x: c.append(2 * x)),
    "list in list": lambda: container(lambda: [[0]], lambda c, x: c[0].append(np.sum(x))),
    "dict": lambda: container(dict, lambda c, x: c.update(last=x)),
    "defaultdict": lambda: container(
        lambda: collections.defaultdict(int), lambda c, x: c.__setitem__("n", c["n"] + 1)
    ),
    "deque": lambda: container(lambda: collections.deque(maxlen=2), lambda c, x: c.append(x)),
    "set": lambda: container(set, lambda c, x: c.add(len(c))),
}


def _same(a, b):
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(_same(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple | collections.deque):
        return len(a) == len(b) and all(map(_same, a, b))
    if isinstance(a, np.ndarray | np.generic):
        return type(a) is type(b) and np.array_equal(a, b)
    return a == b


@pytest.mark.filterwarnings("ignore::steepest.errors.TraceWarning")
@pytest.mark.parametrize("name", CASES)
def test_each_call_writes_what_a_plain_one_does(name):
    (f, state), (plain, plain_state) = CASES[name](), CASES[name]()
    compiled = st.compile(f)
    for k in (0, 1, 1, 2):
        assert compiled(X + k) == plain(X + k)
        assert _same(state(), plain_state())


@pytest.mark.parametrize("name", CASES)
def test_a_write_is_announced_once(name):
    f, _ = CASES[name]()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        st.minimize(lambda x: f(x) + np.sum(x * x), X, stop=st.MaxIterations(3))
    assert len(caught) == 1 or name == "deletes"
    assert all(w.category is TraceWarning and "changes" in str(w.message) for w in caught)
    assert all(w.filename == __file__ for w in caught)


def test_an_error_leaves_everything_as_it_was():
    model = Model()

    def f(x):
        model.calls += 1
        model.seen.append(x)
        model.settings["calls"] = x
        return np.sum(x) + np.nosuchfunction(x)

    with pytest.raises(AttributeError):
        st.compile(f)(X)
    assert model.calls == 0
    assert model.seen == []
    assert model.settings == {"calls": 0}


def test_what_is_the_same_for_all_arguments_may_be_kept_in_silence():
    class Lazy:
        table = None

        def loss(self, x):
            if self.table is None:
                self.table = np.arange(x.size) + 1.0
            return np.sum(self.table * x)

    lazy = Lazy()
    f = st.compile(lazy.loss)
    assert f(X) == 5.0
    np.testing.assert_array_equal(lazy.table, [1.0, 2.0])
    assert f(X) == f(X) == 5.0
    assert not next(iter(f._paths.values())).last.captures.opaque


def test_values_of_a_loop_in_the_graph_cannot_be_kept():
    kept = []

    def step(carry, row):
        kept.append(carry)
        return carry + row, carry

    with pytest.raises(SteepestError, match=r"writes a traced value to kept.*test_writes"):
        st.compile(lambda x: st.scan(step, 0.0, x)[0])(X)
    assert kept == []


# Arguments that a loss changes in place.


def shifts(x):
    x += 1.0
    return np.sum((x - 3.0) ** 2)


def shifts_a_dict(p):
    p["a"] += 1.0
    p["b"][0] *= 2.0
    return np.sum((p["a"] - 3.0) ** 2) + np.sum((p["b"] - 4.0) ** 2)


@pytest.mark.parametrize("engine", ["native", "numpy", "torch"])
def test_a_loss_may_change_its_arguments(engine):
    start, data = np.zeros(2), np.array([2.0, 4.0])
    run = st.minimize(shifts, start, engine=engine)
    np.testing.assert_allclose(run.x, [2.0, 2.0], rtol=1e-5)
    np.testing.assert_array_equal(start, 0.0)
    run = st.minimize(shifts_a_dict, {"a": np.zeros(1), "b": np.ones(2)}, engine=engine)
    np.testing.assert_allclose(run.x["a"], 2.0, rtol=1e-5)
    np.testing.assert_allclose(run.x["b"], [2.0, 4.0], rtol=1e-5)

    def with_data(x, y):
        y -= y.mean()
        x *= 2.0
        return np.sum((x - y) ** 2)

    run = st.minimize(with_data, start, args=(data,), engine=engine)
    np.testing.assert_allclose(run.x, [-0.5, 0.5], rtol=1e-5)
    np.testing.assert_array_equal(data, [2.0, 4.0])


def test_residuals_models_and_many_problems_may_change_their_arguments():
    def residuals(x):
        x -= 1.0
        return x - np.array([3.0, 4.0])

    def model(t, a, b):
        t -= t[0]
        a *= 2.0
        return a * t + b

    np.testing.assert_allclose(st.least_squares(residuals, np.zeros(2)).x, [4.0, 5.0])
    t = np.arange(1.0, 6.0)
    fit = st.curve_fit(model, t, 2 * (t - 1) + 1)
    np.testing.assert_allclose(fit.x, [1.0, 1.0], rtol=1e-8)
    np.testing.assert_array_equal(t, np.arange(1.0, 6.0))
    many = st.minimize_many(shifts, np.zeros((3, 2)))
    np.testing.assert_allclose(many.x, 2.0, rtol=1e-5)
    many = st.least_squares_many(residuals, np.zeros((3, 2)))
    np.testing.assert_allclose(many.x, [[4.0, 5.0]] * 3)


@pytest.mark.filterwarnings("ignore::steepest.errors.TraceWarning")
@pytest.mark.parametrize("engine", ["native", "numpy"])
def test_a_loss_with_a_memo_is_minimized(engine):
    """Also where it was called at the start before, so that the memo answers there."""
    for called_before in (False, True):
        model = Model()
        if called_before:
            model.remembers(X)
        run = st.minimize(model.remembers, X, engine=engine)
        np.testing.assert_allclose(run.x, 3.0, rtol=1e-5)
        np.testing.assert_allclose(st.gradient(model.remembers)(X), 2 * (X - 3.0))


DERIVED = {
    "gradient": st.gradient,
    "value_and_gradient": st.value_and_gradient,
    "hessian": st.hessian,
    "jacobian": st.jacobian,
    "jacobian, forward": lambda f: st.jacobian(f, mode="forward"),
    "jacobian, reverse": lambda f: st.jacobian(f, mode="reverse"),
    "hvp": lambda f: lambda x: st.hvp(f, x, x),
    "pullback": lambda f: lambda x: st.pullback(f, x)[0],
    "pushforward": lambda f: lambda x: st.pushforward(f, (x,), (x,)),
    "compiled hessian": lambda f: st.compile(st.hessian(f)),
}


@pytest.mark.filterwarnings("ignore::steepest.errors.TraceWarning")
@pytest.mark.parametrize("name", DERIVED)
def test_a_plain_call_writes_once(name):
    counted, kept = 0, []

    def f(x):
        nonlocal counted
        counted += 1
        kept.append(counted)
        return np.sum(x * x) * x[0]

    derived = DERIVED[name](f)
    for number in range(1, 4):
        derived(X)
        assert counted == number
    assert kept == [1, 2, 3]


class Scaled:
    """Keeps its first value as a scale, found or not in the ways that people write it."""

    first = None

    def __init__(self):
        self.known = {}

    def by_none(self, x):
        value = np.sum((x - np.array([1.0, -2.0])) ** 2)
        if self.first is None:
            self.first = value
        return value / self.first

    def by_hasattr(self, x):
        value = np.sum((x - np.array([1.0, -2.0])) ** 2)
        if not hasattr(self, "scale"):
            self.scale = float(value)
        return value / self.scale

    def beside_a_table(self, x):
        if not hasattr(self, "table"):
            self.table = np.array([1.0, -2.0])
        value = np.sum((x - self.table) ** 2)
        if self.first is None:
            self.first = value
        return value / self.first

    def in_a_dict(self, x):
        value = np.sum((x - np.array([1.0, -2.0])) ** 2)
        if "scale" not in self.known:
            self.known["scale"] = value
        return value / self.known["scale"]


@pytest.mark.filterwarnings("ignore::steepest.errors.TraceWarning")
@pytest.mark.parametrize("name", ["by_none", "by_hasattr", "beside_a_table", "in_a_dict"])
@pytest.mark.parametrize("engine", ["native", "numpy"])
def test_a_first_value_that_is_kept_as_a_scale_is_a_constant_in_a_descent(name, engine):
    run = st.minimize(getattr(Scaled(), name), np.array([3.0, 3.0]), engine=engine)
    np.testing.assert_allclose(run.x, [1.0, -2.0], atol=1e-5)
    assert run.loss < 1e-8
