"""Objects, classes and functions inside a traced function behave as in the plain function."""

import abc
import collections
import copy
import dataclasses
import enum
import functools
import inspect
import math
import operator
import types
import typing

import numpy as np
import pytest
import scipy.special

import steepest as st

X = np.array([1.0, 2.0])
SCALE = 2.0
ARRAY = np.array([1.0, 2.0])


class Holder:
    def __init__(self, w=None):
        self.w = w

    def f(self):
        return SCALE * np.sum(self.w)


class Child(Holder):
    def f(self):
        return 10 * np.sum(self.w)


class Slots:
    __slots__ = ("a",)

    def __init__(self, a):
        self.a = a

    def f(self, x):
        return SCALE * np.sum(x)


class Kind(enum.Enum):
    ONE = 1

    def f(self, x):
        return SCALE * np.sum(x)


class Named(typing.NamedTuple):
    a: float

    def f(self, x):
        return self.a * SCALE * np.sum(x)


class Remembering:
    def __init__(self):
        self.last = None

    def loss(self, x):
        if self.last is None or not np.array_equal(self.last, x):
            self.last = x.copy()
        return np.sum((x - 3.0) ** 2)


class Abstract(Remembering, abc.ABC):
    pass


T = typing.TypeVar("T")


class Generic(Remembering, typing.Generic[T]):
    pass


@dataclasses.dataclass(frozen=True)
class Frozen:
    a: float = 1.0
    b: float = 2.0
    kept: object = dataclasses.field(default=None, compare=False)

    def keep(self, x):
        object.__setattr__(self, "kept", x * 2)
        return np.sum(self.kept)


@dataclasses.dataclass
class Settings:
    mode: str = "fast"


class Lazy:
    @functools.cached_property
    def table(self):
        return np.arange(2.0)

    def loss(self, x):
        return np.sum(self.table * x) * scaled(2)


@functools.lru_cache
def scaled(n):
    return 3.0 * n


CASES = {}


def case(make):
    """Register a case: it returns a function, and what changes something between calls."""
    CASES[make.__name__] = make
    return make


def nothing():
    """Change nothing."""


@case
def slots_made_inside():
    return lambda x: Slots(x[0]).f(x), nothing


@case
def slots_from_outside():
    slots = Slots(1.0)
    return lambda x: slots.f(x), nothing


@case
def method_of_an_enum():
    return lambda x: Kind.ONE.f(x), nothing


@case
def method_of_a_named_tuple():
    named = Named(2.0)
    return lambda x: named.f(x), nothing


@case
def abstract_class():
    return Abstract().loss, nothing


@case
def generic_class():
    return Generic().loss, nothing


@case
def one_array_is_one_object():
    holder = Holder(ARRAY)
    return lambda x: np.sum(x * holder.w) if holder.w is holder.w else np.sum(x), nothing


@case
def members_of_a_set():
    a, b = Holder(2.0), Holder(3.0)
    active, both = {b}, [a, b]
    return lambda x: sum(k.w for k in both if k in active) * np.sum(x), nothing


@case
def keys_of_a_dict():
    key = Holder(2.0)
    table = {key: 5.0}
    return lambda x: table[key] * np.sum(x), nothing


@case
def equal_objects():
    settings = Settings()
    return lambda x: np.sum(x) * (1.0 if settings == Settings() else 100.0), nothing


@case
def equal_keys():
    bonds, listed, known = {Frozen(0.0, 1.0): 2.0}, [Frozen(3.0)], {Frozen(4.0)}

    def f(x):
        found = bonds.get(Frozen(0.0, 1.0), 0.0) + listed.index(Frozen(3.0))
        return np.sum(x) * found * (Frozen(4.0) in known) * (Frozen(3.0) in listed)

    return f, nothing


@case
def classes_are_one():
    settings = Settings()

    def f(x):
        same = settings.__class__ is Settings and Settings().__class__ is Settings
        same = same and type(settings) is Settings and type(settings) is type(Settings())
        return np.sum(x) * (1.0 if same and isinstance(settings, Settings) else 100.0)

    return f, nothing


@case
def function_attribute_that_is_a_function():
    def helper(x):
        return SCALE * np.sum(x)

    def f(x):
        return f.helper(x)

    f.helper = helper
    return f, nothing


@case
def function_attribute_that_is_a_dict():
    def f(x):
        f.settings["n"] = f.settings["n"] + 1
        return np.sum(x) * f.settings["n"]

    f.settings = {"n": 0.0}
    return f, nothing


@case
def copy_after_a_write():
    holder = Holder(1.0)

    def f(x):
        holder.w = x[0] * 3
        return copy.copy(holder).w

    return f, nothing


@case
def frozen_object_that_is_written_to():
    return Frozen().keep, nothing


@case
def dictionary_of_an_object():
    holder = Holder()

    def f(x):
        holder.__dict__.update(w=x * 2)
        return np.sum(holder.w)

    return f, nothing


@case
def function_that_is_kept():
    holder = Holder()

    def f(x):
        if holder.w is None:
            holder.w = lambda y: SCALE * np.sum(y)
        return holder.w(x)

    return f, nothing


@case
def super_of_class_methods():
    class Base:
        k = 2.0

        @classmethod
        def make(cls, x):
            return cls.k * np.sum(x)

    class Below(Base):
        @classmethod
        def make(cls, x):
            return super().make(x) + 1

        def loss(self, x):
            return super().make(x)

    below = Below()

    def change():
        Base.k += 1

    return lambda x: Below.make(x) + below.loss(x), change


@case
def deleted_attribute():
    class Model:
        k = 5.0

    model = Model()
    model.k = 1.0

    def f(x):
        if "k" in vars(model):
            del model.k
        return model.k * np.sum(x)

    return f, nothing


@case
def attributes_replaced():
    holder = Holder(2.0)

    def change():
        holder.__dict__ = {"w": holder.w + 1}

    return lambda x: holder.w * np.sum(x), change


@case
def class_replaced():
    holder = Holder(ARRAY)

    def change():
        holder.__class__ = Child

    return lambda x: holder.f() * np.sum(x), change


@case
def class_that_derives_from_one_outside():
    def f(x):
        class Inside(Holder):
            def f(self):
                return super().f() + 1

        return Inside(x).f()

    return f, nothing


@case
def class_made_by_type():
    def f(x):
        made = type("Made", (Holder,), {"factor": 4.0})
        return made(x).f() * made.factor

    return f, nothing


@case
def cached_members():
    return Lazy().loss, nothing


@case
def whole_numbers_of_an_array():
    window = np.array([0, 2])

    def change():
        window[1] -= window[1] > 1

    def f(x):
        low, high = window
        return np.sum(x[low:high]) + len(range(window[1])) + np.sum(np.ones(window[1]))

    return f, change


@case
def polynomial_changed_in_place():
    polynomial = np.poly1d([1.0, 2.0])

    def change():
        polynomial[1] += 1

    return lambda x: polynomial[1] * np.sum(x), change


@pytest.mark.filterwarnings("ignore::steepest.TraceWarning")
@pytest.mark.parametrize("name", CASES)
def test_calls_are_those_of_the_plain_function(name):
    global SCALE
    SCALE = 2.0
    (f, change), (plain, change_plain) = CASES[name](), CASES[name]()
    compiled = st.compile(f)
    for i in range(4):
        np.testing.assert_allclose(compiled(X + i), plain(X + i), rtol=1e-14)
        change()
        change_plain()
        SCALE += 1


@pytest.mark.filterwarnings("ignore::steepest.TraceWarning")
def test_what_is_kept_is_plain():
    holder, kept = Holder(), []
    holder.a = holder.b = None

    def f(x):
        holder.child = Holder(x)
        holder.a = holder.b = [x[0], {"x": x}, (x, collections.deque([x]))]
        holder.a.append(holder.a)
        holder.functions = np.sin, len, Holder
        kept.append(Holder([x]))
        return np.sum(x)

    st.minimize(lambda x: f(x) + np.sum(x * x), X, stop=st.MaxIterations(2))
    assert type(holder.child) is Holder
    assert type(holder.child.w) is np.ndarray
    assert holder.child.f() == SCALE * np.sum(holder.child.w)
    assert holder.a is holder.b
    assert holder.a[3] is holder.a
    assert type(holder.a[0]) is np.float64
    assert type(holder.a[1]["x"]) is type(holder.a[2][1][0]) is np.ndarray
    assert holder.functions == (np.sin, len, Holder)
    assert type(kept[0]) is Holder
    assert type(kept[0].w[0]) is np.ndarray


def test_integers_of_arguments_are_keys():
    """A traced integer is a key as it is an index: the graph holds for the values it had."""
    table = {0: 1.0, 1: 2.0, 2: 5.0}

    def loss(x):
        largest = np.argmax(x)
        return table[largest] * np.sum(x * x) + len({largest, np.argmin(x)})

    compiled = st.compile(loss)
    for x in ([1.0, 2.0, 3.0], [3.0, 2.0, 1.0], [1.0, 3.0, 2.0], [2.0, 2.0, 2.0]):
        assert compiled(np.array(x)) == loss(np.array(x))


def test_an_array_is_not_equal_to_what_is_no_array():
    compiled = st.compile(lambda x: x if np.array_equal(x, None) else 2 * x)
    np.testing.assert_array_equal(compiled(X), 2 * X)


SAYS = {
    "isinstance of a ufunc": lambda f: isinstance(f, np.ufunc),
    "isinstance of a function": lambda f: isinstance(f, types.FunctionType),
    "isinstance of a builtin": lambda f: isinstance(f, types.BuiltinFunctionType),
    "isinstance of a type": lambda f: isinstance(f, type),
    "callable": callable,
    "inspected": lambda f: (inspect.isfunction(f), inspect.isbuiltin(f), inspect.isclass(f)),
    "its type": lambda f: (type(f) is np.ufunc, str(type(f)), f.__class__ is type(f)),
    "its names": lambda f: (f.__name__, f.__module__, getattr(f, "__qualname__", None)),
    "its text": lambda f: (repr(f), f.__doc__),
    "equality": lambda f: (f == f, f is f, f in {f}),
    "its copies": lambda f: (copy.copy(f) is f, copy.deepcopy(f) is f, copy.deepcopy([f]) == [f]),
}
OF_LIBRARIES = (
    np.sin, np.add, np.sum, np.dot, np.array, np.linalg.norm, np.fft.fft, np.float64, np.int8,
    np.add.reduce, np.multiply.outer, np.maximum.accumulate, math.sin, math.hypot, math.tanh,
    operator.add, abs, max, len, float, sum, scipy.special.logsumexp,
)  # fmt: skip
here = None


@pytest.mark.parametrize("name", SAYS)
@pytest.mark.parametrize("function", OF_LIBRARIES, ids=lambda f: f.__name__)
def test_what_a_librarys_function_says_of_itself_is_the_same_inside(function, name, monkeypatch):
    monkeypatch.setitem(globals(), "here", function)
    says, wanted = SAYS[name], repr(SAYS[name](function))
    agrees = lambda x, f: np.sum(x) * float(repr(says(f)) == wanted)
    assert st.gradient(lambda x: agrees(x, here))(X).all()
    assert st.gradient(lambda x: agrees(x, function))(X).all()
    assert st.gradient(agrees)(X, function).all()
