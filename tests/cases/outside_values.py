"""Every route by which a function reads a value from outside, and a way to change that value."""

import collections
import contextvars
import dataclasses
import enum
import functools
import importlib
import itertools
import operator
import os
import sys
import threading
import types

import numpy as np

X = np.array([1.0, 2.0])

VALUES = {
    "float": (2.0, 3.0),
    "whole number": (2, 3),
    "text": ("sin", "cos"),
    "array": (np.array([2.0, 3.0]), np.array([5.0, 7.0])),
    "function": (np.sin, lambda x: x * x),
    "list": ([2.0, 3.0], [4.0, 5.0]),
    "dict": ({"a": 2.0}, {"a": 3.0}),
    "tuple": ((2.0, np.ones(2)), (3.0, np.ones(2))),
    "nothing": (None, 2.0),
}


def use(value, x):
    """Compute a number from ``x`` and a value of any kind in ``VALUES``."""
    if isinstance(value, str):
        return np.sum(getattr(np, value)(x))
    if callable(value):
        return np.sum(value(x))
    if value is None:
        return np.sum(x)
    if isinstance(value, list):
        return value[0] * x[0] + value[1] * x[1]
    if isinstance(value, dict):
        return value["a"] * np.sum(x)
    if isinstance(value, tuple):
        return np.sum(value[0] * value[1] * x)
    return np.sum(value * x * x)


ROUTES = {}


def route(make):
    """Register a route: given a value, it returns a function, further arguments and a setter."""
    ROUTES[make.__name__] = make
    return make


def member(value):
    """Return a value as a class attribute: a function as a static method."""
    return staticmethod(value) if callable(value) else value


def namespace(value):
    """Return a new module with the value as ``k``."""
    module = types.ModuleType(f"module_{len(sys.modules)}")
    module.k, module.use = value, use
    sys.modules[module.__name__] = module
    return module


@route
def global_name(value):
    module = namespace(value)
    exec("def f(x): return use(k, x)", vars(module))
    return module.f, (), lambda new: setattr(module, "k", new)


@route
def closure(value):
    k = value

    def change(new):
        nonlocal k
        k = new

    return lambda x: use(k, x), (), change


@route
def default(value):
    def f(x, k=value):
        return use(k, x)

    return f, (), lambda new: setattr(f, "__defaults__", (new,))


@route
def keyword_default(value):
    def f(x, *, k=value):
        return use(k, x)

    return f, (), lambda new: f.__kwdefaults__.update(k=new)


@route
def helper_closure(value):
    def make(k):
        return lambda x: use(k, x)

    helper = make(value)
    return (
        lambda x: helper(x),
        (),
        lambda new: setattr(helper.__closure__[0], "cell_contents", new),
    )


@route
def function_attribute(value):
    def f(x):
        return use(f.k, x)

    f.k = value
    return f, (), lambda new: setattr(f, "k", new)


@route
def function_attribute_that_appears(value):
    def helper():
        pass

    return lambda x: use(getattr(helper, "k", value), x), (), lambda new: setattr(helper, "k", new)


@route
def cached_function(value):
    k = value

    @functools.lru_cache
    def helper():
        return k

    def change(new):
        nonlocal k
        k = new
        helper.cache_clear()

    return lambda x: use(helper(), x), (), change


class Bare:
    pass


@route
def instance(value):
    owner = Bare()
    owner.k = value
    return lambda x: use(owner.k, x), (), lambda new: setattr(owner, "k", new)


@route
def instance_method(value):
    class Model:
        def f(self, x):
            return use(self.k, x)

    owner = Model()
    owner.k = value
    return owner.f, (), lambda new: setattr(owner, "k", new)


@route
def instance_that_is_called(value):
    class Model:
        def __call__(self, x):
            return use(self.k, x)

    owner = Model()
    owner.k = value
    return owner, (), lambda new: setattr(owner, "k", new)


@route
def instance_with_slots(value):
    class Model:
        __slots__ = ("k",)

    owner = Model()
    owner.k = value
    return lambda x: use(owner.k, x), (), lambda new: setattr(owner, "k", new)


@route
def instance_property(value):
    class Model:
        @property
        def k(self):
            return self.hidden

    owner = Model()
    owner.hidden = value
    return lambda x: use(owner.k, x), (), lambda new: setattr(owner, "hidden", new)


@route
def instance_getattr(value):
    class Model:
        def __getattr__(self, name):
            if name == "k":
                return self.hidden["k"]
            raise KeyError(name)

    owner = Model()
    owner.hidden = {"k": value}
    return lambda x: use(owner.k, x), (), lambda new: owner.hidden.update(k=new)


@route
def instance_vars(value):
    owner = Bare()
    owner.k = value
    return lambda x: use(vars(owner)["k"], x), (), lambda new: setattr(owner, "k", new)


@route
def instance_of_instances(value):
    owner = Bare()
    owner.inner = Bare()
    owner.inner.k = value
    return lambda x: use(owner.inner.k, x), (), lambda new: setattr(owner.inner, "k", new)


@route
def data_class(value):
    @dataclasses.dataclass(eq=False)
    class Model:
        k: object

    owner = Model(value)
    return lambda x: use(owner.k, x), (), lambda new: setattr(owner, "k", new)


def class_routes():
    """Yield functions that read an attribute of a class, by every way to reach one."""
    yield "by name", lambda cls, owner: lambda x: use(cls.k, x)
    yield "by instance", lambda cls, owner: lambda x: use(owner.k, x)
    yield "by self", lambda cls, owner: owner.of_self
    yield "by cls", lambda cls, owner: cls.of_class
    yield "by type(self)", lambda cls, owner: owner.of_type
    yield "by __class__", lambda cls, owner: lambda x: use(owner.__class__.k, x)
    yield "by a new instance", lambda cls, owner: lambda x: use(cls().k, x)
    yield "by __init__", lambda cls, owner: lambda x: use(cls().at_first, x)
    yield "by vars", lambda cls, owner: lambda x: use(_plain(vars(cls)["k"]), x)
    yield "by getattr", lambda cls, owner: lambda x: use(getattr(cls, "k"), x)  # noqa: B009
    yield "by attrgetter", lambda cls, owner: lambda x: use(operator.attrgetter("k")(cls), x)
    yield "by a container", lambda cls, owner: lambda x, held=[cls]: use(held[0].k, x)
    yield "by a method's name", lambda cls, owner: lambda x: owner.of_self(x)


def _plain(value):
    return value.__func__ if isinstance(value, staticmethod) else value


def _class(value):
    class Model:
        k = member(value)

        def __init__(self):
            self.at_first = self.k

        def of_self(self, x):
            return use(self.k, x)

        def of_type(self, x):
            return use(type(self).k, x)

        @classmethod
        def of_class(cls, x):
            return use(cls.k, x)

    return Model


def _class_route(make_function, name):
    def make(value):
        cls = _class(value)
        change = lambda new: setattr(cls, "k", member(new))
        return make_function(cls, cls()), (), change

    ROUTES[f"class attribute {name}"] = make


for _name, _make in class_routes():
    _class_route(_make, _name)


@route
def inherited(value):
    base = _class(value)
    cls = type("Below", (base,), {})
    return lambda x: use(cls.k, x), (), lambda new: setattr(base, "k", member(new))


@route
def inherited_until_overridden(value):
    cls = type("Below", (_class(value),), {})
    return lambda x: use(cls.k, x), (), lambda new: setattr(cls, "k", member(new))


@route
def inherited_by_super(value):
    base = _class(value)

    class Below(base):
        k = None

        def f(self, x):
            return use(super().k, x)

    return Below().f, (), lambda new: setattr(base, "k", member(new))


@route
def nested_class(value):
    class Outer:
        pass

    Outer.Inner = _class(value)
    return lambda x: use(Outer.Inner.k, x), (), lambda new: setattr(Outer.Inner, "k", member(new))


@route
def metaclass(value):
    class Meta(type):
        k = member(value)

    cls = Meta("Model", (), {})
    return lambda x: use(cls.k, x), (), lambda new: setattr(Meta, "k", member(new))


@route
def enum_member(value):
    class Kind(enum.Enum):
        ONE = 1

    Kind.ONE.k = value
    return lambda x: use(Kind.ONE.k, x), (), lambda new: setattr(Kind.ONE, "k", new)


@route
def method_replaced(value):
    class Model:
        def m(self, x):
            return use(value, x)

    owner = Model()
    change = lambda new: setattr(Model, "m", lambda self, x: use(new, x))
    return lambda x: owner.m(x), (), change


@route
def class_method_replaced(value):
    class Model:
        @classmethod
        def m(cls, x):
            return use(value, x)

    change = lambda new: setattr(Model, "m", classmethod(lambda cls, x: use(new, x)))
    return lambda x: Model.m(x), (), change


@route
def module_attribute(value):
    module = namespace(value)
    return lambda x: use(module.k, x), (), lambda new: setattr(module, "k", new)


@route
def module_by_sys(value):
    module = namespace(value)
    name = module.__name__
    change = lambda new: setattr(module, "k", new)
    return lambda x: use(getattr(sys.modules[name], "k"), x), (), change  # noqa: B009


@route
def module_by_importlib(value):
    module = namespace(value)
    name = module.__name__
    change = lambda new: setattr(module, "k", new)
    return lambda x: use(importlib.import_module(name).k, x), (), change


@route
def module_imported_inside(value):
    module = namespace(value)
    exec(f"def f(x):\n    from {module.__name__} import k\n    return use(k, x)", vars(module))
    return module.f, (), lambda new: setattr(module, "k", new)


@route
def module_dictionary(value):
    module = namespace(value)
    return lambda x: use(module.__dict__["k"], x), (), lambda new: setattr(module, "k", new)


@route
def module_globals(value):
    module = namespace(value)
    exec("def f(x): return use(globals()['k'], x)", vars(module))
    return module.f, (), lambda new: setattr(module, "k", new)


@route
def library_attribute(value):
    def change(new):
        np.of_this_test = new

    change(value)
    return lambda x: use(np.of_this_test, x), (), change


@route
def interpreter_attribute(value):
    sys.of_this_test = value
    return lambda x: use(sys.of_this_test, x), (), lambda new: setattr(sys, "of_this_test", new)


CONTAINERS = {
    "list": (lambda v: [v], lambda c: c[0], lambda c, v: c.__setitem__(0, v)),
    "dict": (lambda v: {"k": v}, lambda c: c["k"], lambda c, v: c.update(k=v)),
    "list in dict": (lambda v: {"k": [v]}, lambda c: c["k"][0], lambda c, v: c["k"].insert(0, v)),
    "list in tuple": (lambda v: ([v],), lambda c: c[0][0], lambda c, v: c[0].__setitem__(0, v)),
    "deque": (lambda v: collections.deque([v]), lambda c: c[0], lambda c, v: c.appendleft(v)),
    "ordered": (
        lambda v: collections.OrderedDict(k=v), lambda c: c["k"], lambda c, v: c.update(k=v)
    ),
    "defaultdict": (
        lambda v: collections.defaultdict(float, k=v), lambda c: c["k"], lambda c, v: c.update(k=v)
    ),
    "chain": (
        lambda v: collections.ChainMap({"k": v}), lambda c: c["k"], lambda c, v: c.update(k=v)
    ),
    "user's dict": (
        lambda v: collections.UserDict(k=v), lambda c: c["k"], lambda c, v: c.update(k=v)
    ),
    "namespace": (
        lambda v: types.SimpleNamespace(k=v), lambda c: c.k, lambda c, v: setattr(c, "k", v)
    ),
    "long list": (lambda v: [v] * 100, lambda c: c[50], lambda c, v: c.__setitem__(50, v)),
}  # fmt: skip


def _container_route(name, make_container, read, write):
    def captured(value):
        container = make_container(value)
        return lambda x: use(read(container), x), (), lambda new: write(container, new)

    ROUTES[f"{name}, captured"] = captured


for _name, (_make, _read, _write) in CONTAINERS.items():
    _container_route(_name, _make, _read, _write)


@route
def read_only_mapping(value):
    items = {"k": value}
    proxy = types.MappingProxyType(items)
    return lambda x: use(proxy["k"], x), (), lambda new: items.update(k=new)


@route
def context_variable(value):
    variable = contextvars.ContextVar("variable")
    variable.set(value)
    return lambda x: use(variable.get(), x), (), variable.set


@route
def thread_local(value):
    local = threading.local()
    local.k = value
    return lambda x: use(local.k, x), (), lambda new: setattr(local, "k", new)


@route
def environment(value):
    os.environ["OF_THIS_TEST"] = value if isinstance(value, str) else "sin"
    change = lambda new: os.environ.update(OF_THIS_TEST=new if isinstance(new, str) else "cos")
    return lambda x: use(os.environ["OF_THIS_TEST"], x), (), change


@route
def environment_by_function(value):
    os.environ["OF_THIS_TEST"] = value if isinstance(value, str) else "sin"
    change = lambda new: os.environ.update(OF_THIS_TEST=new if isinstance(new, str) else "cos")
    return lambda x: use(os.getenv("OF_THIS_TEST"), x), (), change


@route
def iterator(value):
    left = []
    numbers = itertools.repeat(0)
    return lambda x: use(value, x) + next(numbers) + len(left), (), left.append


@route
def partial(value):
    held = [value]
    return (
        functools.partial(lambda held, x: use(held[0], x), held),
        (),
        lambda new: held.__setitem__(0, new),
    )


@route
def argument_object(value):
    owner = Bare()
    owner.k = value
    return lambda x, o: use(o.k, x), (owner,), lambda new: setattr(owner, "k", new)


@route
def argument_with_slots(value):
    class Model:
        __slots__ = ("k",)

    owner = Model()
    owner.k = value
    return lambda x, o: use(o.k, x), (owner,), lambda new: setattr(owner, "k", new)


@route
def argument_class(value):
    cls = _class(value)
    return lambda x, o: use(o.k, x), (cls,), lambda new: setattr(cls, "k", member(new))


@route
def argument_instance_of_a_class(value):
    cls = _class(value)
    return lambda x, o: use(o.k, x), (cls(),), lambda new: setattr(cls, "k", member(new))


@route
def argument_function(value):
    k = value

    def change(new):
        nonlocal k
        k = new

    return lambda x, function: function(x), (lambda x: use(k, x),), change


@route
def argument_function_with_globals(value):
    module = namespace(value)
    exec("def f(x): return use(k, x)", vars(module))
    return lambda x, function: function(x), (module.f,), lambda new: setattr(module, "k", new)


@route
def argument_method(value):
    owner = _class(value)()
    return lambda x, method: method(x), (owner.of_self,), lambda new: setattr(owner, "k", new)


@route
def argument_partial(value):
    held = [value]
    bound = functools.partial(lambda held, x: use(held[0], x), held)
    return lambda x, f: f(x), (bound,), lambda new: held.__setitem__(0, new)


@route
def argument_module(value):
    module = namespace(value)
    return lambda x, m: use(m.k, x), (module,), lambda new: setattr(module, "k", new)


@route
def argument_unhashable(value):
    items = collections.UserDict(k=value)
    return lambda x, items: use(items["k"], x), (items,), lambda new: items.update(k=new)
