"""Numbers among settings are inputs of compiled code: other numbers compile nothing."""

import dataclasses
import functools
import importlib
import json
import math
import threading
import warnings
from collections import OrderedDict
from dataclasses import dataclass, field

import numpy as np
import pytest

import steepest as st
from steepest.descent import methods
from steepest.descent.iteration import setting_numbers
from steepest.descent.iteration import split as split_iteration
from steepest.descent.methods.base import Driven

jit = importlib.import_module("steepest.engines.native.jit.compile")

START = np.array([-1.2, 1.0, 0.5])
STOP = st.GradientNormBelow(1e-5) | st.LossChangeBelow(1e-13, 1e-14) | st.MaxIterations(25)

GIVEN = {
    "Averaged": lambda: st.Averaged(st.Momentum(1e-4), decay=0.9),
    "Clipped": lambda: st.Clipped(st.Momentum(), norm=1.0, value=5.0),
    "WeightDecay": lambda: st.WeightDecay(st.Adam(), 0.01),
}
"""Methods that need settings."""

METHODS = [
    GIVEN.get(name, kind)()
    for name, kind in vars(methods).items()
    if isinstance(kind, type)
    and dataclasses.is_dataclass(kind)
    and not issubclass(kind, Driven | st.LineSearch | st.LBFGS | st.GaussNewton)
]
"""All but slow ones that ask of their numbers what BFGS and Levenberg-Marquardt do."""


def loss(x):
    return (1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2 + 0.1 * x[2] ** 2


def residuals(x):
    return np.stack([1 - x[0], 10 * (x[1] - x[0] ** 2), 0.3 * x[2] + 0.1 * x[0]])


def descend(method, stop=STOP, start=START, **settings):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", st.FitWarning)
        if getattr(method, "needs_residuals", False):
            return st.least_squares(residuals, start, method=method, stop=stop, **settings).run
        return st.minimize(loss, start, method=method, stop=stop, **settings)


def varied(setting):
    """Yield a dataclass with one of its numbers changed, for each of them, and its name."""
    for one in dataclasses.fields(setting):
        value = getattr(setting, one.name)
        if dataclasses.is_dataclass(value):
            for name, inner in varied(value):
                yield f"{one.name}.{name}", dataclasses.replace(setting, **{one.name: inner})
        elif type(value) is float or (isinstance(setting, st.StopRule) and type(value) is int):
            new = type(value)(0.96 * value) if value else 0.03
            yield one.name, dataclasses.replace(setting, **{one.name: new})


@pytest.fixture
def compiled(monkeypatch):
    """Return the names of what is compiled while a caller waits."""
    made, original, here = [], jit.Code.__init__, threading.get_ident()

    def noted(self, module, name, *rest, **more):
        if threading.get_ident() == here:  # others optimize code of earlier tests
            made.append(name)
        original(self, module, name, *rest, **more)

    monkeypatch.setattr(jit.Code, "__init__", noted)
    return made


@pytest.fixture
def as_constants(monkeypatch):
    """Return what makes a descent whose numbers are constants."""

    def run(method, stop=STOP, **settings):
        split = setting_numbers.split_settings(method, stop)
        setting_numbers.refuse(split)
        found = descend(method, stop, **settings)
        assert setting_numbers._refused.pop(split.form)
        return found

    return run


def assert_same(one, other):
    for name in ("x", "gradient", "loss", "iterations"):
        assert (
            np.asarray(getattr(one, name)).tobytes() == np.asarray(getattr(other, name)).tobytes()
        ), name


@pytest.mark.parametrize("method", METHODS, ids=lambda method: type(method).__name__)
def test_other_numbers_compile_nothing_and_count(method, compiled, as_constants):
    descend(method)
    compiled.clear()
    everything = method
    for name, other in varied(method):
        run = descend(other)
        assert run.timings.trace == run.timings.compile == 0, name
        changed = name.partition(".")[0]
        everything = dataclasses.replace(everything, **{changed: getattr(other, changed)})
    assert everything != method
    run = descend(everything)
    assert set(compiled) <= {"one_call"}  # which every function shares
    assert_same(run, as_constants(everything))


@pytest.mark.parametrize("method", [st.Momentum(1e-3), st.AdamW()])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_numpy_computes_the_bits_of_constants(method, dtype, as_constants):
    stop, start = st.MaxIterations(4), START.astype(dtype)
    descend(method, stop, start, engine="numpy")
    other = dataclasses.replace(method, step_size=2e-3)
    run = descend(other, stop, start, engine="numpy")
    assert run.timings.compile == 0
    assert_same(run, as_constants(other, stop, start=start, engine="numpy"))
    assert run.x.dtype == dtype


def test_thresholds_and_limits_of_stop_rules_compile_nothing(compiled):
    method = st.Momentum(1e-4)
    stop = (
        (st.GradientNormBelow(1.0) & st.StepBelow(1e-3, 1e-3))
        | st.LossBelow(1.0)
        | st.LossChangeBelow(1e-5)
        | st.DecrementBelow(1e-9)
        | st.MaxIterations(1 << 62)
        | st.TimeLimit(50.0)
    )
    descend(method, stop)
    compiled.clear()
    for name, other in varied(stop):
        run = descend(method, other)
        if not name.endswith("order"):  # which Python compares with 2
            assert run.timings.compile == 0, name
        assert any(repr(rule) in run.message for rule in other.rules())
    assert descend(method, st.MaxIterations(3)).iterations == 3
    assert descend(method, st.MaxIterations(7)).iterations == 7


@dataclass(frozen=True)
class Own:
    """A method of a user's, which looks at its settings."""

    step_size: float = 1e-3
    momentum: float = 0.5
    power: float = 1.0
    scale: float = 2.0

    def init(self, x):
        return np.zeros_like(x) + self.momentum

    def update(self, x, gradient, velocity, iteration):
        step = self.step_size / self.scale
        if self.momentum == 0:
            return x - step * gradient, velocity
        velocity = self.momentum * velocity + math.sqrt(1 - self.momentum) * gradient
        return x - step * np.sign(velocity) * np.abs(velocity) ** self.power, velocity


@pytest.mark.parametrize(
    ("other", "compiles"),
    [
        (Own(1.1e-3), False),
        (Own(np.float64(1.1e-3)), True),  # once for this kind of number
        (Own(momentum=0.0), True),
        (Own(scale=3.0), False),
        (Own(power=2.0), True),
    ],
)
def test_a_users_method_is_compiled_again_only_where_it_asks(other, compiles, as_constants):
    descend(Own())
    run = descend(other)
    assert (run.timings.compile > 0) == compiles
    assert_same(run, as_constants(other))
    again = descend(dataclasses.replace(other, step_size=2.5e-4))
    assert again.timings.compile == 0


@dataclass(frozen=True)
class Shaped:
    """A method whose state has a shape that a float decides, which no recording sees."""

    length: float = 2.0
    step_size: float = 1e-3

    def init(self, x):
        return np.zeros(int(self.length))

    def update(self, x, gradient, state, iteration):
        return x - self.step_size * gradient, state + 1


def test_a_number_that_decides_the_shape_of_the_state_is_a_constant():
    assert descend(Shaped()).iterations == descend(Shaped(3.0)).iterations == 25
    assert descend(Shaped(3.0, 1e-4)).loss != descend(Shaped(3.0)).loss


@dataclass(frozen=True)
class Refusing:
    """A method that takes numbers for what traced ones are not."""

    step_size: float = 1e-3

    def init(self, x):
        return ()

    def update(self, x, gradient, state, iteration):
        (numerator, denominator) = self.step_size.as_integer_ratio()
        return x - numerator / denominator * gradient, state


def test_a_method_that_cannot_be_traced_with_inputs_keeps_constants():
    plain = descend(st.GradientDescent(2e-3))
    assert_same(descend(Refusing(2e-3)), plain)
    assert descend(Refusing(1e-3)).loss != plain.loss


def test_a_method_that_keeps_more_than_its_fields_is_a_whole():
    @dataclass(frozen=True)
    class Keeping:
        step_size: float

        def __post_init__(self):
            object.__setattr__(self, "half", self.step_size / 2)

        def init(self, x):
            return ()

        def update(self, x, gradient, state, iteration):
            return x - self.half * gradient, state

    losses = {descend(Keeping(step)).loss for step in (1e-3, 2e-3)}
    assert losses == {descend(st.GradientDescent(step)).loss for step in (5e-4, 1e-3)}


def test_a_run_that_is_continued_takes_its_new_settings(tmp_path):
    stop = st.MaxIterations(5)
    descend(st.Momentum(1e-4), stop).save(tmp_path / "run.safetensors")
    whole = st.resume(tmp_path / "run.safetensors", loss, stop=st.MaxIterations(9))
    assert_same(whole, descend(st.Momentum(1e-4), st.MaxIterations(9)))


def test_methods_that_are_compared_share_code(compiled):
    rates = [st.GradientDescent(rate) for rate in (1e-3, 9e-4, 8e-4)]
    st.compare(loss, START, rates[:1], stop=STOP)
    compiled.clear()
    found = st.compare(loss, START, rates, stop=STOP)
    assert compiled == []
    assert len({run.loss for run in found.runs}) == 3


def test_settings_without_a_hash_are_traced_each_time():
    @dataclass
    class Below(st.StopRule):
        threshold: float

        def met(self, point):
            return point.loss < self.threshold

    runs = [descend(st.Momentum(1e-3), Below(threshold)) for threshold in (1.0, 1.0, 0.5)]
    assert all(run.converged and run.timings.compile > 0 for run in runs)
    assert runs[0].iterations == runs[1].iterations < runs[2].iterations


@dataclass(frozen=True)
class Caching(st.GradientDescent):
    """A method that keeps what it has computed from its settings."""

    def init(self, x):
        return np.zeros_like(x) + self.double

    @functools.cached_property
    def double(self):
        return 2 * self.step_size

    def update(self, x, gradient, state, iteration):
        return x - 0.5 * self.double * gradient, state


def test_what_a_method_keeps_in_a_run_is_no_setting():
    for step in (1e-3, 2e-3):
        method, plain = Caching(step), descend(st.GradientDescent(step))
        for same in (method, method, Caching(step)):
            assert_same(descend(same), plain)


@dataclass(frozen=True)
class LaterConstant:
    """A method that asks for a constant once its loss is small."""

    step_size: float = 1e-3
    small: float = 20.0

    def init(self, x):
        return np.zeros_like(x)

    def update(self, x, gradient, velocity, iteration):
        step = self.step_size
        if np.sum(gradient**2) < self.small**2:
            step = float(json.dumps(self.step_size))
        velocity = 0.5 * velocity + gradient
        return x - step * velocity, velocity


@pytest.mark.parametrize("engine", ["native", "numpy"])
def test_a_method_refused_on_a_later_path_goes_on_with_constants(engine):
    setting_numbers._refused.clear()
    stop, plain = st.MaxIterations(40), st.Momentum(1e-3, momentum=0.5)
    run = descend(LaterConstant(), stop, engine=engine)
    assert setting_numbers._refused
    assert_same(run, descend(plain, stop, engine=engine))
    again = descend(LaterConstant(), stop, engine=engine)
    assert_same(again, run)
    other = descend(LaterConstant(5e-4), stop, engine=engine)
    assert_same(other, descend(st.Momentum(5e-4, momentum=0.5), stop, engine=engine))


@pytest.mark.parametrize("is_first", [True, False])
def test_a_refused_run_is_saved_without_numbers(is_first, tmp_path):
    setting_numbers._refused.clear()
    method, path = LaterConstant(), tmp_path / "run.safetensors"
    if not is_first:
        descend(method, st.MaxIterations(20))
    descend(method, st.MaxIterations(20)).save(path)
    whole = st.resume(path, loss, method=method, stop=st.MaxIterations(40))
    assert_same(whole, descend(method, st.MaxIterations(40)))


def test_batches_are_refused_together():
    def of_batch(x, rows):
        return np.mean((rows @ (x - 1)) ** 2)

    rows, x = np.random.default_rng(0).normal(size=(7, 3)), START.copy()
    batches = st.Batches(size=3, epochs=40, shuffle=False)
    setting_numbers._refused.clear()
    runs = [
        st.minimize(of_batch, x, args=(rows,), method=method, batches=batches)
        for method in (LaterConstant(0.1, 0.1), st.Momentum(0.1, momentum=0.5))
    ]
    assert setting_numbers._refused
    assert_same(*runs)


def test_numbers_are_looked_at_in_each_descent():
    method, stop = st.GradientDescent(1e-3), st.MaxIterations(5)
    descend(method, stop)
    object.__setattr__(method, "step_size", 2e-3)
    assert_same(descend(method, stop), descend(st.GradientDescent(2e-3), stop))


@dataclass(frozen=True)
class Equal(st.GradientDescent):
    """Methods of all scales are equal."""

    scale: float = field(default=1.0, compare=False)
    count: int = field(default=1, compare=False)

    def update(self, x, gradient, state, iteration):
        return x - self.count * self.scale * self.step_size * gradient, state


@dataclass(eq=False)
class Mutable:
    step_size: float

    def init(self, x):
        return ()

    def update(self, x, gradient, state, iteration):
        return x - self.step_size * gradient, state


def test_settings_that_are_equal_are_not_the_same():
    stop = st.MaxIterations(5)
    losses = [descend(Equal(1e-3, *more), stop).loss for more in ((1.0,), (2.0,), (1.0, 2))]
    of_steps = [descend(st.GradientDescent(step), stop).loss for step in (1e-3, 2e-3, 2e-3)]
    assert losses == of_steps
    method = Mutable(1e-3)
    losses = [descend(method, stop).loss]
    method.step_size = 2e-3
    assert [*losses, descend(method, stop).loss] == of_steps[:2]
    split = lambda *given: setting_numbers.split_settings(Equal(1.0, *given), stop)
    assert split(0.0).content != split(-0.0).content
    assert split(1).form != split(1.0).form
    assert split(1.0, 1).form != split(1.0, True).form
    assert split((0.0,)).form != split((-0.0,)).form


@dataclass(frozen=True)
class Failing:
    step_size: float = 1e-3
    size: int = 3

    def init(self, x):
        return ()

    def update(self, x, gradient, state, iteration):
        if x.size == self.size:
            raise ValueError(f"not for {self.size} parameters")
        return x - self.step_size * gradient, state


def test_an_error_of_the_users_says_nothing_about_the_settings(compiled):
    stop, square = st.MaxIterations(5), lambda x: np.sum(x**2)
    setting_numbers._refused.clear()
    with pytest.raises(ValueError, match="not for 3 parameters") as caught:
        st.minimize(square, np.ones(3), method=Failing(), stop=stop)
    assert caught.value.__context__ is None
    assert not setting_numbers._refused
    st.minimize(square, np.ones(2), method=Failing(), stop=stop)
    other = st.minimize(square, np.ones(2), method=Failing(2e-3), stop=stop)
    assert other.timings.compile == 0


def test_a_step_is_dropped_while_another_thread_looks(monkeypatch):
    class Dropping(OrderedDict):
        def __getitem__(self, key):
            raise KeyError(key)

    settings = split_iteration.Settings(
        setting_numbers.split_settings(st.GradientDescent(0.1), STOP), 0
    )
    monkeypatch.setattr(split_iteration, "_steps", Dropping())
    step = lambda: split_iteration.step_of(settings, 3, np.dtype(float), False)
    assert step() is step()
