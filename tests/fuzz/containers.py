"""Containers of state, values to be held in them, and the changes that each allows."""

from dataclasses import dataclass

HEAD = """
import collections
import contextvars
import dataclasses
import enum
import functools
import sys
import types
import typing

import numpy as np


class Box:
    def __init__(self, v):
        self.v = v

    def get(self):
        return self.v

    def __call__(self):
        return self.v

    @property
    def prop(self):
        return self.v

    @property
    def inner(self):
        return Box(self.v)

    def __getitem__(self, key):
        return self.v

    def __iter__(self):
        return iter([self.v])


class Slots:
    __slots__ = ("v",)

    def __init__(self, v):
        self.v = v


class Lazy:
    def __init__(self, v):
        self.held = {"v": v}

    def __getattr__(self, name):
        if name == "held":
            raise AttributeError(name)
        return self.held[name]


class Descriptor:
    def __init__(self, v):
        self.value = v

    def __get__(self, owner, kind):
        return self.value


@dataclasses.dataclass
class Data:
    v: object
    other: float = 1.0


@dataclasses.dataclass(frozen=True)
class Frozen:
    v: object


class Named(typing.NamedTuple):
    v: object
    other: float = 1.0


def class_with(v):
    return type("Made", (Base,), {"v": v})


def class_below(v):
    return type("Below", (type("Above", (Base,), {"v": v}),), {})


def class_of_meta(v):
    return type("Meta", (type,), {"v": v})("OfMeta", (), {})


def described(v):
    return type("Described", (), {"v": Descriptor(v)})()


class Base:
    def get(self):
        return self.v

    @classmethod
    def of(cls):
        return cls.v


def closed(v):
    def get():
        return v

    return get


def defaulted(v):
    def get(v=v):
        return v

    return get


def by_keyword(v):
    def get(*, v=v):
        return v

    return get


def with_attribute(v):
    def get():
        return 0.0

    get.v = v
    return get


def module_with(v, name="fuzz_settings"):
    module = types.ModuleType(name)
    module.v = v
    sys.modules[name] = module
    return module


def identity(v):
    return v


def member_with(v):
    class Kind(enum.Enum):
        ONE = 1

    Kind.ONE.v = v
    return Kind


def variable_with(v):
    variable = contextvars.ContextVar("variable")
    variable.set(v)
    return variable


def reading_global(v):
    global G
    G = v
    return get_g


def get_g():
    return G


def called_with(h):
    return h()
"""


@dataclass(frozen=True)
class Container:
    """How a container is made of what it holds, read, and changed in place."""

    make: str
    read: str
    write: str = ""


CONTAINERS = (
    Container("[0.5, {v}]", "{p}[1]", "{p}[1] = {v}"),
    Container("[0.5, {v}]", "{p}[-1]", "{p}[1:] = [{v}]"),
    Container("({v}, 0.5)", "{p}[0]"),
    Container("{{'a': {v}}}", "{p}['a']", "{p}['a'] = {v}"),
    Container("{{'a': {v}}}", "{p}.get('a')", "{p}.update(a={v})"),
    Container("{{'a': {v}}}", "list({p}.values())[0]", "{p}['a'] = {v}"),
    Container("{{1: {v}}}", "{p}[1]", "{p}.clear(); {p}[1] = {v}"),
    Container("collections.OrderedDict(a={v})", "{p}['a']", "{p}['a'] = {v}"),
    Container("collections.defaultdict(float, a={v})", "{p}['a']", "{p}['a'] = {v}"),
    Container("collections.deque([{v}])", "{p}[0]", "{p}.popleft(); {p}.append({v})"),
    Container("collections.ChainMap({{'a': {v}}})", "{p}['a']", "{p}['a'] = {v}"),
    Container("collections.UserDict(a={v})", "{p}['a']", "{p}['a'] = {v}"),
    Container("Box({v})", "{p}.v", "{p}.v = {v}"),
    Container("Box({v})", "{p}.get()", "{p}.v = {v}"),
    Container("Box({v})", "{p}()", "{p}.v = {v}"),
    Container("Box({v})", "{p}.prop", "{p}.__dict__['v'] = {v}"),
    Container("Box({v})", "{p}[0]", "setattr({p}, 'v', {v})"),
    Container("Box({v})", "list({p})[0]", "{p}.v = {v}"),
    Container("Box({v})", "{p}.inner.v", "{p}.v = {v}"),
    Container("Box({v})", "getattr({p}, 'v')", "{p}.v = {v}"),
    Container("Box({v})", "vars({p})['v']", "{p}.v = {v}"),
    Container("Box({v})", "{p}.__dict__['v']", "{p}.v = {v}"),
    Container("Box({v}).get", "{p}()", "{p}.__self__.v = {v}"),
    Container("Slots({v})", "{p}.v", "{p}.v = {v}"),
    Container("Lazy({v})", "{p}.v", "{p}.held['v'] = {v}"),
    Container("described({v})", "{p}.v", "type({p}).__dict__['v'].value = {v}"),
    Container("Data({v})", "{p}.v", "{p}.v = {v}"),
    Container("Frozen({v})", "{p}.v", "object.__setattr__({p}, 'v', {v})"),
    Container("Named({v})", "{p}.v"),
    Container("types.SimpleNamespace(v={v})", "{p}.v", "{p}.v = {v}"),
    Container("types.MappingProxyType({{'a': {v}}})", "{p}['a']"),
    Container("class_with({v})", "{p}.v", "{p}.v = {v}"),
    Container("class_with({v})", "{p}.of()", "{p}.v = {v}"),
    Container("class_with({v})()", "{p}.v", "type({p}).v = {v}"),
    Container("class_with({v})()", "{p}.v", "{p}.v = {v}"),
    Container("class_with({v})()", "{p}.get()", "type({p}).v = {v}"),
    Container("class_below({v})", "{p}.v", "{p}.__base__.v = {v}"),
    Container("class_below({v})", "{p}.v", "{p}.v = {v}"),
    Container("class_below({v})()", "{p}.v", "type({p}).__base__.v = {v}"),
    Container("class_below({v})()", "{p}.get()", "type({p}).v = {v}"),
    Container("class_of_meta({v})", "{p}.v", "type({p}).v = {v}"),
    Container("closed({v})", "{p}()", "{p}.__closure__[0].cell_contents = {v}"),
    Container("defaulted({v})", "{p}()", "{p}.__defaults__ = ({v},)"),
    Container("by_keyword({v})", "{p}()", "{p}.__kwdefaults__['v'] = {v}"),
    Container("with_attribute({v})", "{p}.v", "{p}.v = {v}"),
    Container("functools.partial(identity, {v})", "{p}()"),
    Container("functools.partial(identity, v={v})", "{p}()", "{p}.keywords['v'] = {v}"),
    Container("functools.partial(identity, {v})", "{p}.args[0]"),
    Container("module_with({v})", "{p}.v", "{p}.v = {v}"),
    Container("module_with({v})", "sys.modules[{p}.__name__].v", "{p}.v = {v}"),
    Container("module_with({v})", "getattr({p}, 'v')", "vars({p})['v'] = {v}"),
    Container("member_with({v})", "{p}.ONE.v", "{p}.ONE.v = {v}"),
    Container("variable_with({v})", "{p}.get()", "{p}.set({v})"),
    Container("reading_global({v})", "{p}()", "G = {v}"),
    Container("reading_global({v})", "called_with({p})", "G = {v}"),
    Container("(lambda: {v})", "{p}()"),
)


@dataclass(frozen=True)
class Leaf:
    """Values of one sort, how a loss uses one, and changes of one in place."""

    values: tuple[str, ...]
    uses: tuple[str, ...]
    changes: tuple[str, ...] = ()


LEAVES = (
    Leaf(("1.5", "-0.7", "2.25", "0.0", "-0.0"), ("x * {p}", "x + {p}", "np.sin({p} * x)")),
    Leaf(("2", "3", "1"), ("x ** {p}", "x * {p}", "sum([x * i for i in range({p})], 0.0 * x)")),
    Leaf(("True", "False"), ("(x if {p} else x * x)", "np.where({p}, x, 2.0 * x)")),
    Leaf(
        ("'sin'", "'cos'", "'tanh'"), ("getattr(np, {p})(x)", "(x if {p} == 'sin' else x * 3.0)")
    ),
    Leaf(("None", "1.5"), ("(x if {p} is None else x * {p})",)),
    Leaf(
        ("np.array([1.0, 2.0, -0.5])", "np.array([0.3, 0.1, 0.7])", "np.array([2.0])"),
        ("x * {p}", "np.sum({p}) * x", "x + {p}[0]", "x * len({p})", "x * np.max({p})"),
        ("{p}[0] += 1.0", "{p} *= 1.5", "{p}.fill(0.4)", "{p}[...] = 0.3", "{p}.sort()"),
    ),
    Leaf(
        ("np.array([True, False, True])", "np.array([False, True, True])"),
        ("np.sum(x[{p}]) * x", "np.where({p}, x, x * x)"),
        ("{p}[0] = not {p}[0]",),
    ),
    Leaf(
        ("np.array([0, 2])", "np.array([1, 1])", "np.array([2])"),
        ("np.sum(x[{p}]) * x", "x * {p}[0]"),
        ("{p}[0] = 1",),
    ),
    Leaf(("np.float64(1.5)", "np.float64(0.5)", "np.array(0.7)"), ("x * {p}",)),
    Leaf(("np.float32(1.5)", "np.float32(0.5)"), ("x * {p}",)),
    Leaf(
        ("(1.0, 2.0)", "(0.5,)", "(1.0, 2.0, 3.0)"), ("x * sum({p})", "x * len({p})", "x * {p}[0]")
    ),
    Leaf(
        ("[1.0, 2.0]", "[0.5]", "[3.0, 1.0, 0.5]"),
        (
            "x * sum({p})",
            "x * len({p})",
            "x * {p}[0]",
            "x * max({p})",
            "sum([x * v for v in {p}])",
        ),
        (
            "{p}.append(1.5)",
            "{p}.insert(0, 0.4)",
            "{p}[0] = 2.5",
            "{p}.reverse()",
            "{p}.sort()",
            "{p} += [0.3]",
        ),
    ),
    Leaf(
        ("{'a': 1.5}", "{'a': 0.5, 'b': 2.0}"),
        (
            "x * {p}['a']",
            "x * len({p})",
            "x * sum({p}.values())",
            "x * {p}.get('b', 3.0)",
            "(x if 'b' in {p} else x * x)",
        ),
        ("{p}['a'] = 2.5", "{p}['b'] = 0.7", "{p}.pop('b', None)", "{p}.setdefault('b', 0.9)"),
    ),
    Leaf(
        ("{1, 2}", "{3}"),
        ("x * len({p})", "(x if 1 in {p} else x * x)"),
        ("{p}.add(7)", "{p}.discard(1)"),
    ),
    Leaf(("np.sin", "np.cos", "np.tanh", "(lambda v: v * 2.0)", "(lambda v: v * v)"), ("{p}(x)",)),
    Leaf(("closed(1.5)", "closed(0.3)", "defaulted(0.7)"), ("x * {p}()",)),
    Leaf(
        ("range(3)", "range(1, 4)", "slice(0, 2)"),
        ("x * len(x[list({p})])", "x * str({p}).count('1')"),
    ),
    Leaf(
        ("Data(1.5)", "Data(0.5)"),
        ("x * {p}.v", "x * dataclasses.replace({p}, v=2.0).other"),
        ("{p}.v = 2.5", "{p}.other = 0.1"),
    ),
)
