"""State that functions read: whatever holds it, it is never stale, and traced once."""

import collections
import dataclasses
import enum
import functools
import types
import typing

import numpy as np
import pandas as pd
import pytest

import steepest as st
from steepest.derivative import function as functions

X = np.array([0.1, 0.2, 0.3])
A, B = np.array([1.0, 2.0, 3.0]), np.array([0.5, 1.5, 2.5])
SCALE = 2.0

Pair = collections.namedtuple("Pair", "a b")


class Typed(typing.NamedTuple):
    a: object
    b: object


class WithMethods(typing.NamedTuple):
    a: object
    b: object

    def scaled(self):
        return SCALE * self.a

    @property
    def other(self):
        return self.b


@dataclasses.dataclass
class Data:
    a: object
    b: object


@dataclasses.dataclass(frozen=True)
class Frozen:
    a: object
    b: object


@dataclasses.dataclass(slots=True)
class Slotted:
    a: object
    b: object


@dataclasses.dataclass(slots=True, frozen=True)
class FrozenSlotted:
    a: object
    b: object


class Slots:
    __slots__ = ("a", "b")

    def __init__(self, a, b):
        self.a, self.b = a, b

    def both(self):
        return SCALE * self.a, self.b


class MoreSlots(Slots):
    __slots__ = ("c",)


class Object:
    def __init__(self, a, b):
        self.a, self.b = a, b

    def both(self):
        return SCALE * self.a, self.b

    def __call__(self):
        return self.a, self.b


class Child(Object):
    pass


class Properties:
    def __init__(self, a, b):
        self._held = {"a": a, "b": b}

    @property
    def a(self):
        return self._held["a"]

    @property
    def b(self):
        return self._held["b"]


class Created:
    def __new__(cls, *_):
        return super().__new__(cls)

    def __init__(self, a, b):
        self.a, self.b = a, b


class Meta(type):
    pass


class OfMeta(Object, metaclass=Meta):
    pass


class Registering:
    known: typing.ClassVar = []

    def __init_subclass__(cls):
        Registering.known.append(cls)


class Registered(Registering):
    def __init__(self, a, b):
        self.a, self.b = a, b


class Descriptor:
    def __get__(self, instance, owner=None):
        return instance.hidden


class Described:
    a = Descriptor()

    def __init__(self, a, b):
        self.hidden, self.b = a, b


class Mapped(dict):
    pass


class Attributes(dict):
    __getattr__ = dict.__getitem__


class Listed(list):
    pass


def made_class(a, b):
    return type("Made", (), {"a": a, "b": b})


def inheriting_class(a, b):
    return type("Below", (made_class(a, b),), {})


def enum_member(a, b):
    class Kind(enum.Enum):
        ONE = 1

    Kind.ONE.a, Kind.ONE.b = a, b
    return Kind.ONE


def module(a, b):
    made = types.ModuleType("of_this_test")
    made.a, made.b = a, b
    return made


def function_with_attributes(a, b):
    def made():
        pass

    made.a, made.b = a, b
    return made


def closure(a, b):
    def outer():
        return lambda: (a, b)

    return outer()


def frame(a, b):
    return pd.DataFrame({"a": a, "b": b, "text": ["x"] * len(a)})


def records(a, b):
    return np.array(list(zip(a, b, strict=True)), [("a", float), ("b", float)])


by_name = lambda held: (held.a, held.b)
by_key = lambda held: (held["a"], held["b"])
by_place = lambda held: (held[0], held[1])
called = lambda held: held()
set_name = lambda held, value: setattr(held, "a", value)
set_key = lambda held, value: held.__setitem__("a", value)
set_place = lambda held, value: held.__setitem__(0, value)


def unpacked(held):
    first, *rest = held
    return first, rest[0]


def frozen(held, value):
    object.__setattr__(held, "a", value)


# How it is made, how it is read, and how one of its two arrays is replaced (None: it cannot be).
HOLDERS = {
    "tuple": (lambda a, b: (a, b), by_place, None),
    "tuple, unpacked": (lambda a, b: (a, b), unpacked, None),
    "list": (lambda a, b: [a, b], by_place, set_place),
    "dict": (lambda a, b: {"a": a, "b": b}, by_key, set_key),
    "ordered": (lambda a, b: collections.OrderedDict(a=a, b=b), by_key, set_key),
    "defaultdict": (lambda a, b: collections.defaultdict(float, a=a, b=b), by_key, set_key),
    "user's dict": (lambda a, b: collections.UserDict(a=a, b=b), by_key, set_key),
    "user's list": (lambda a, b: collections.UserList([a, b]), by_place, set_place),
    "chain": (lambda a, b: collections.ChainMap({"a": a, "b": b}), by_key, set_key),
    "deque": (lambda a, b: collections.deque([a, b]), by_place, set_place),
    "read-only mapping": (
        lambda a, b: types.MappingProxyType({"a": a, "b": b}), by_key, None,
    ),
    "subclass of dict": (lambda a, b: Mapped(a=a, b=b), by_key, set_key),
    "dict with attributes": (lambda a, b: Attributes(a=a, b=b), by_name, set_key),
    "subclass of list": (lambda a, b: Listed([a, b]), by_place, set_place),
    "namespace": (lambda a, b: types.SimpleNamespace(a=a, b=b), by_name, set_name),
    "named tuple": (Pair, by_name, None),
    "named tuple, unpacked": (Pair, unpacked, None),
    "named tuple, replaced": (Pair, lambda held: held._replace(a=2.0 * held.a), None),
    "typed named tuple": (Typed, by_name, None),
    "named tuple with methods": (WithMethods, lambda held: (held.scaled(), held.other), None),
    "data class": (Data, by_name, set_name),
    "data class, replaced": (
        Data, lambda held: by_name(dataclasses.replace(held, b=2.0 * held.b)), set_name,
    ),
    "frozen data class": (Frozen, by_name, frozen),
    "data class with slots": (Slotted, by_name, set_name),
    "frozen data class with slots": (FrozenSlotted, by_name, frozen),
    "slots": (Slots, by_name, set_name),
    "slots, by a method": (Slots, lambda held: held.both(), set_name),
    "inherited slots": (MoreSlots, by_name, set_name),
    "object": (Object, by_name, set_name),
    "object, by a method": (Object, lambda held: held.both(), set_name),
    "object, called": (Object, called, set_name),
    "object of a subclass": (Child, by_name, set_name),
    "properties": (Properties, by_name, lambda held, value: held._held.update(a=value)),
    "__new__": (Created, by_name, set_name),
    "metaclass": (OfMeta, by_name, set_name),
    "__init_subclass__": (Registered, by_name, set_name),
    "descriptor": (Described, by_name, lambda held, value: setattr(held, "hidden", value)),
    "class": (made_class, by_name, set_name),
    "inheriting class": (inheriting_class, by_name, set_name),
    "object of a class": (lambda a, b: made_class(a, b)(), by_name, set_name),
    "enum member": (enum_member, by_name, set_name),
    "module": (module, by_name, set_name),
    "function's attributes": (function_with_attributes, by_name, set_name),
    "closure": (closure, called, None),
    "partial": (lambda a, b: functools.partial(lambda *parts: parts, a, b), called, None),
    "partial of a method": (
        lambda a, b: functools.partial(Object(a, b).both), called,
        lambda held, value: setattr(held.func.__self__, "a", value),
    ),
    "bound method": (
        lambda a, b: Object(a, b).both, called,
        lambda held, value: setattr(held.__self__, "a", value),
    ),
    "cached function": (lambda a, b: functools.lru_cache(lambda: (a, b)), called, None),
    "lists of lists": (
        lambda a, b: [[a, b], [b]], lambda held: (held[0][0], held[1][0]),
        lambda held, value: held[0].__setitem__(0, value),
    ),
    "tuple of dicts": (
        lambda a, b: ({"a": a}, {"b": b}), lambda held: (held[0]["a"], held[1]["b"]),
        lambda held, value: held[0].update(a=value),
    ),
    "object of a named tuple": (
        lambda a, b: Object(Pair(a, b), None), lambda held: by_name(held.a),
        lambda held, value: setattr(held, "a", Pair(value, held.a.b)),
    ),
    "object of a frame": (
        lambda a, b: Object(frame(a, b), None), lambda held: tuple(
            held.a[name].to_numpy() for name in "ab"
        ),
        lambda held, value: set_key(held.a, value),
    ),
    "fields": (records, by_key, set_key),
    "record array": (lambda a, b: records(a, b).view(np.recarray), by_name, set_key),
    "columns": (frame, lambda held: (held["a"].to_numpy(), held["b"].values), set_key),
    "columns by name": (frame, lambda held: (held.a.values, held.b.to_numpy()), set_key),
    "columns, copied": (frame, lambda held: (np.asarray(held["a"]), np.array(held.b)), set_key),
    "table": (frame, lambda held: held[["a", "b"]].to_numpy().T, set_key),
    "all numbers": (
        lambda a, b: pd.DataFrame({"a": a, "b": b}), lambda held: held.to_numpy().T, set_key,
    ),
    "loc and iloc": (
        frame, lambda held: (held.loc[:, "a"].to_numpy(), held.iloc[:, 1].to_numpy()), set_key,
    ),
    "rows of a frame": (
        frame, lambda held: (held["a"].to_numpy(), held[held.a > 1.5]["b"].to_numpy().sum()),
        set_key,
    ),
    "means of columns": (frame, lambda held: (held["a"].mean(), held["b"].sum()), set_key),
    "series": (
        lambda a, b: (pd.Series(a), pd.Series(b)), lambda held: (held[0].values, held[1].values),
        lambda held, value: held[0].update(pd.Series(value)),
    ),
}  # fmt: skip
COPYING = {"fields", "record array", "series"} | {
    name for name, (make, _, _) in HOLDERS.items() if make is frame
} | {"object of a frame", "all numbers"}  # fmt: skip
"""Holders that copy the arrays that they are made of."""
BY_VALUE = {"enum member"}
"""Holders whose arrays are compared by their contents."""


def closed_over(held, read):
    def f(x):
        a, b = read(held)
        return np.sum((x * a - b) ** 2)

    def replace(new):
        nonlocal held
        held = new

    return f, replace


def as_global(held, read):
    names = {"held": held, "read": read, "np": np}
    exec("def f(x):\n    a, b = read(held)\n    return np.sum((x * a - b) ** 2)", names)
    return names["f"], lambda new: names.update(held=new)


def by_default(held, read):
    def f(x, held=held):
        a, b = read(held)
        return np.sum((x * a - b) ** 2)

    return f, lambda new: setattr(f, "__defaults__", (new,))


def by_keyword(held, read):
    def f(x, *, held=held):
        a, b = read(held)
        return np.sum((x * a - b) ** 2)

    return f, lambda new: f.__kwdefaults__.update(held=new)


def by_partial(held, read):
    box = [held]

    def loss(box, x):
        a, b = read(box[0])
        return np.sum((x * a - b) ** 2)

    return functools.partial(loss, box), lambda new: box.__setitem__(0, new)


class Owner:
    def __init__(self, held, read):
        self.held, self.read = held, read

    def loss(self, x):
        a, b = self.read(self.held)
        return np.sum((x * a - b) ** 2)


def by_self(held, read):
    owner = Owner(held, read)
    return owner.loss, lambda new: setattr(owner, "held", new)


def by_item(held, read):
    items = {"held": held}

    def f(x):
        a, b = read(items["held"])
        return np.sum((x * a - b) ** 2)

    return f, lambda new: items.update(held=new)


PLACES = {
    place.__name__: place
    for place in (closed_over, as_global, by_default, by_keyword, by_partial, by_self, by_item)
}


@pytest.fixture
def traces(monkeypatch):
    """Count the traces of functions."""
    counted = []
    trace_function = functions.trace_function

    def counting(*args, **settings):
        counted.append(1)
        return trace_function(*args, **settings)

    monkeypatch.setattr(functions, "trace_function", counting)
    return counted


def agree(derived, f, x=X):
    found = derived(x)
    np.testing.assert_allclose(found[0] if isinstance(found, tuple) else found, f(x), rtol=1e-13)


DERIVED = {
    "compile": st.compile,
    "value and gradient": st.value_and_gradient,
    "compiled value and gradient": lambda f: st.compile(st.value_and_gradient(f)),
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("holder", HOLDERS)
def test_state_is_traced_once_and_never_stale(holder, place, traces):
    global SCALE
    make, read, put = HOLDERS[holder]
    for derive in DERIVED.values():
        a, b = A.copy(), B.copy()
        held = make(a, b)
        f, replace = PLACES[place](held, read)
        derived = derive(f)
        agree(derived, f)
        traces.clear()
        for i in range(3):
            agree(derived, f, X + i)
        assert traces == [], "nothing has changed"
        a[0] += 1.0
        agree(derived, f)
        if holder not in COPYING | BY_VALUE:
            assert traces == [], "an array is bound by reference"
        SCALE += 1.0
        agree(derived, f)
        if put is not None:
            put(held, np.array([4.0, 5.0, 6.0]))
            agree(derived, f)
            agree(derived, f)
        replace(make(a * 2.0, b))
        agree(derived, f)
        agree(derived, f)


@pytest.mark.parametrize(
    "function",
    [np.mean, np.sinc, np.exp, np.linalg.norm, np.float64, np.add.reduce],
    ids=lambda function: function.__name__,
)
def test_a_function_of_numpy_is_state_that_does_not_change(function, traces):
    f = st.compile(lambda x: np.sum(function(x)))
    for _ in range(3):
        np.testing.assert_allclose(f(X), np.sum(function(X)))
    assert len(traces) == 1


class Guarded(Object):
    def __getattribute__(self, name):
        return object.__getattribute__(self, name)


OPAQUE = {
    "__getattribute__": (lambda: Guarded(A, B), lambda held, x: np.sum(x * held.a)),
    "iterator": (lambda: iter(range(100)), lambda held, x: np.sum(x) * next(held)),
}


@pytest.mark.parametrize("kind", OPAQUE)
def test_one_warning_says_that_each_call_is_traced_anew(kind, traces):
    make, read = OPAQUE[kind]
    held, same = make(), make()
    f = st.compile(lambda x: read(held, x))
    call = lambda: [f(X) for _ in range(20)]
    with pytest.warns(st.TraceWarning, match="traced anew at each call") as caught:
        found = call()
    np.testing.assert_allclose(found, [read(same, X) for _ in range(20)])
    assert len(caught) == 1
    assert len(traces) == 20


def test_a_function_that_is_traced_once_is_not_warned_of():
    for _ in range(20):
        held = Guarded(A, B)
        st.compile(lambda x, held=held: np.sum(x * held.a))(X)


RUNS = {
    "minimize": (
        lambda part: lambda x: np.sum((x - part()) ** 2), lambda f: st.minimize(f, X),
    ),
    "least_squares": (
        lambda part: lambda x: x - part(), lambda f: st.least_squares(f, X),
    ),
    "curve_fit": (
        lambda part: lambda t, p, q: p * part() + q, lambda f: st.curve_fit(f, A, B, [1.0, 1.0]),
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", RUNS)
@pytest.mark.parametrize("holder", sorted(set(HOLDERS) - {"means of columns"}))
def test_a_second_descent_traces_nothing(holder, kind):
    make_function, run = RUNS[kind]
    make, read, put = HOLDERS[holder]
    held = make(A.copy(), B.copy())
    part = lambda: read(held)[0]
    f = make_function(part)
    first, second = run(f), run(f)
    np.testing.assert_allclose(second.x, first.x, rtol=1e-12)
    assert second.timings.trace == second.timings.compile == 0.0
    if put is not None:
        put(held, np.array([4.0, 7.0, 6.0]))
        changed = run(f)
        assert not np.allclose(changed.x, first.x)
        np.testing.assert_allclose(changed.x, run(make_function(part)).x, rtol=1e-6)


@pytest.mark.parametrize(
    "holder", ["tuple", "dict", "named tuple", "data class", "slots", "object"]
)
def test_state_that_is_an_argument(holder):
    make, read, _ = HOLDERS[holder]
    held = make(A.copy(), B.copy())

    def loss(x, held):
        a, b = read(held)
        return np.sum((x - a * SCALE) ** 2) + np.sum(b)

    runs = [st.minimize(loss, X, args=(held,)) for _ in range(2)]
    assert runs[1].timings.trace == runs[1].timings.compile == 0.0
    np.testing.assert_allclose(runs[1].x, A * SCALE, rtol=1e-6)


@pytest.mark.parametrize("cls", [Data, Slotted, Typed, WithMethods])
def test_methods_of_arguments_are_followed(cls):
    """What they read from outside is noted, and what they return is of the real class."""
    global SCALE
    kind = type(cls.__name__, (cls,), {"loss": lambda self: SCALE * np.sum(self.a * self.b)})
    f = st.compile(lambda held: held.loss())
    g = st.gradient(lambda held: held.loss())
    made = st.compile(lambda x: kind(x, 2.0 * x))
    for _ in range(3):
        SCALE += 1.0
        np.testing.assert_allclose(f(kind(A, B)), SCALE * np.sum(A * B))
        np.testing.assert_allclose(g(kind(A, B)).a, SCALE * B)
        assert type(g(kind(A, B))) is type(made(X)) is kind
