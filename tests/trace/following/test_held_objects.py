"""Objects of Python's library and of NumPy's that losses read: traced once, and never stale."""

import abc
import argparse
import datetime
import decimal
import fractions
import logging
import operator
import pathlib
import re

import numpy as np
import pytest
import scipy.integrate
import scipy.optimize

import steepest as st
from steepest.trace import trace_function

LOGGER = logging.getLogger("steepest.tests.losses")


def said(logger):
    logger.debug("called")
    return 1.0


HELD = {
    "logger": (LOGGER, said),
    "namespace": (argparse.Namespace(k=1.5), lambda held: held.k),
    "fraction": (fractions.Fraction(3, 2), float),
    "decimal": (decimal.Decimal("1.5"), float),
    "date": (datetime.date(2020, 5, 1), lambda held: held.year / 2000),
    "time difference": (datetime.timedelta(hours=3), lambda held: held.total_seconds() / 3600),
    "path": (pathlib.Path("a.csv"), lambda held: len(held.name)),
    "pattern": (re.compile("a+"), lambda held: 2.0 if held.match("aa") else 1.0),
    "getter": (operator.itemgetter("k"), lambda held: held({"k": 1.5})),
    "poly1d": (np.poly1d([1.0, 0.5]), lambda held: held(0.3)),
    "polynomial": (np.polynomial.Chebyshev([1.0, 0.5], [0, 3]), lambda held: held(0.3)),
}


@pytest.mark.parametrize("name", HELD)
def test_a_trace_holds(name):
    held, read = HELD[name]
    trace = trace_function(lambda x: x * read(held), (2.0,))
    assert trace.captures.still_hold()
    np.testing.assert_allclose(st.compile(lambda x: x * read(held))(2.0), 2.0 * read(held))


def held_in(items, read):
    return st.compile(lambda x: x * read(items["held"]))


CHANGES = {
    "fraction": (fractions.Fraction(1, 3), float),
    "decimal": (decimal.Decimal("2.5"), float),
    "date": (datetime.date(1999, 5, 1), lambda held: held.year / 2000),
    "poly1d": (np.poly1d([2.0, 0.5, 1.0]), lambda held: held(0.3)),
    "polynomial": (np.polynomial.Chebyshev([3.0, 0.5], [0, 2]), lambda held: held(0.3)),
    "namespace": (argparse.Namespace(k=7.0), lambda held: held.k),
}


@pytest.mark.parametrize("name", CHANGES)
def test_another_object_is_seen(name):
    other, read = CHANGES[name]
    items = {"held": HELD[name][0]}
    compiled = held_in(items, read)
    for items["held"] in (HELD[name][0], other, HELD[name][0]):
        np.testing.assert_allclose(compiled(2.0), 2.0 * read(items["held"]), rtol=1e-14)


def test_changes_in_place_are_seen():
    polynomial, series, settings = (
        np.poly1d([1.0, 2.0]),
        np.polynomial.Polynomial([1.0, 2.0]),
        argparse.Namespace(k=1.0),
    )
    f = lambda x: polynomial(x) + series(x) * settings.k
    compiled = st.compile(f)
    np.testing.assert_allclose(compiled(2.0), f(2.0))
    for change in (
        lambda: polynomial.coeffs.__setitem__(0, 5.0),
        lambda: series.coef.__setitem__(1, -3.0),
        lambda: setattr(settings, "k", 4.0),
    ):
        change()
        np.testing.assert_allclose(compiled(2.0), f(2.0))


class Held:
    k = 1.0

    def of(self, other, *, by=None):
        return other.k + (by or other).k


def _changed(held):
    """Return a getter's argument, and changes of it in place."""
    return [lambda: setattr(held, "k", 5.0), lambda: setattr(held, "k", -2.0)]


ARRAY, OTHER = np.array([1.0, 2.0]), Held()
GETTERS = {
    "array": (operator.methodcaller("dot", ARRAY), np.ones(2), [lambda: ARRAY.put(0, 100.0)]),
    "object": (operator.methodcaller("of", OTHER), Held(), _changed(OTHER)),
    "by keyword": (operator.methodcaller("of", Held(), by=OTHER), Held(), _changed(OTHER)),
    "attribute": (operator.attrgetter("k"), OTHER, _changed(OTHER)),
    "slice": (operator.itemgetter(slice(1)), ARRAY, [lambda: ARRAY.put(0, -1.0)]),
}


@pytest.mark.parametrize("name", GETTERS)
def test_what_a_getter_holds_may_change(name):
    getter, held, changes = GETTERS[name]
    f = lambda x: np.sum(x * getter(held))
    compiled = st.compile(f)
    for change in (lambda: None, *changes):
        change()
        np.testing.assert_allclose(compiled(2.0), f(2.0), rtol=1e-14)


@pytest.mark.parametrize("size", [1, 300])
def test_patterns_are_compared_to_their_end(size):
    first, second = (re.compile("x" * size + end) for end in "ab")
    items = {"held": first}
    compiled = held_in(items, lambda held: 2.0 if held.match("x" * size + "b") else 1.0)
    for items["held"], value in ((first, 1.0), (second, 2.0), (re.compile("a"), 1.0)):
        assert compiled(1.0) == value


def _disable(logger):
    logger.manager.disable = logging.CRITICAL


LOGGERS = {
    "level": (lambda log: log.setLevel(logging.ERROR), lambda log: log.getEffectiveLevel()),
    "all disabled": (_disable, lambda log: log.isEnabledFor(logging.WARNING)),
    "itself disabled": (lambda log: setattr(log, "disabled", True), lambda log: log.disabled),
    "handlers": (lambda log: log.addHandler(logging.NullHandler()), lambda log: len(log.handlers)),
    "filters": (lambda log: log.addFilter(lambda record: True), lambda log: len(log.filters)),
    "passing on": (lambda log: setattr(log, "propagate", False), lambda log: log.propagate),
    "new attribute": (lambda log: setattr(log, "k", 7.0), lambda log: getattr(log, "k", 1.0)),
}


@pytest.mark.parametrize("name", LOGGERS)
def test_what_decides_about_a_logger_may_change(name):
    change, read = LOGGERS[name]
    logger = logging.Logger("apart")
    logger.manager = logging.Manager(logging.RootLogger(logging.WARNING))
    f = lambda x: x * (read(logger) + 1.0)
    compiled = st.compile(f)
    assert compiled(1.0) == f(1.0)
    change(logger)
    assert compiled(1.0) == f(1.0)
    if name == "new attribute":
        logger.k = 9.0
        assert compiled(1.0) == f(1.0)


class Model:
    def __init__(self, rate):
        self.rate = rate

    def slope(self, t, y):
        return -self.rate * y

    def equation(self, u, x):
        return u**3 + self.rate * u - x


CALLERS = {
    "solve_ivp": lambda m, x: scipy.integrate.solve_ivp(m.slope, (0, 1), [x], t_eval=[1.0]).y[
        0, 0
    ],
    "quad": lambda m, x: scipy.integrate.quad(m.slope, 0.0, 1.0, args=(x,))[0],
    "brentq": lambda m, x: scipy.optimize.brentq(m.equation, -5.0, 5.0, args=(x,)),
    "vectorize": lambda m, x: np.vectorize(m.slope)(0.0, x),
    "map": lambda m, x: sum(map(m.slope, [0.0, 1.0], [x, x])),
}


@pytest.mark.parametrize("name", CALLERS)
def test_a_bound_method_that_a_library_calls_lets_the_trace_hold(name):
    model = Model(0.7)
    f = lambda x: CALLERS[name](model, x)
    trace = trace_function(f, (1.2,))
    assert trace.captures.still_hold(), trace.captures.opaque
    model.rate = 0.8
    assert not trace.captures.still_hold() or trace.captures.arrays


class Abstract(abc.ABC):
    unit = 1.0

    @property
    def scale(self):
        return 2.0

    @staticmethod
    def bend(x):
        return x

    @abc.abstractmethod
    def shift(self): ...


class Concrete(Abstract):
    scale = 3.0  # in place of a property
    bend = np.sin  # in place of a method

    def shift(self):
        return self.unit


def test_attributes_override_the_methods_of_a_base():
    f = lambda x: Concrete.bend(x) * Concrete().scale + Concrete().shift()
    trace = trace_function(f, (0.3,))
    assert trace.captures.still_hold(), trace.captures.opaque
    np.testing.assert_allclose(st.compile(f)(0.3), f(0.3), rtol=1e-15)
    made = Concrete()
    np.testing.assert_allclose(st.compile(lambda x: x * made.scale)(0.3), 0.9, rtol=1e-15)


class Registered:
    pass


def test_python_keeps_what_is_an_instance_of_an_abstract_class():
    class Base(abc.ABC):  # which nobody has asked yet
        @abc.abstractmethod
        def unit(self): ...

    class Derived(Base):
        def unit(self):
            return 1.0

    class Another:
        pass

    Base.register(Registered)
    outside = Derived()

    def f(x):
        made = (Derived(), outside, Registered(), Another())
        return x * sum(2.0**i for i, one in enumerate(made) if isinstance(one, Base))

    np.testing.assert_allclose(st.compile(f)(1.0), 7.0)
    kinds = (Derived, Registered, Another)
    assert [isinstance(kind(), Base) for kind in kinds] == [True, True, False]
    assert [issubclass(kind, Base) for kind in kinds] == [True, True, False]
    np.testing.assert_allclose(f(1.0), 7.0)


SERIES = [getattr(np.polynomial, kind) for kind in (
    "Polynomial", "Chebyshev", "Legendre", "Laguerre", "Hermite", "HermiteE",
)]  # fmt: skip


@pytest.mark.parametrize("kind", SERIES, ids=lambda kind: kind.__name__)
def test_polynomials_of_numpy(kind):
    outside = kind([1.0, -0.5, 0.2], domain=[0, 3])
    x = np.array([0.3, 0.7, 1.1])
    for f in (
        outside,
        outside.deriv(),
        lambda x: kind(x)(0.4),
        lambda x: (outside * kind(x, domain=[0, 3]))(0.4),
        lambda x: kind(x).deriv()(np.array([0.1, 0.2])),
        lambda x: outside.integ()(x[0]),
        lambda x: kind.basis(3)(x),
    ):
        np.testing.assert_allclose(st.compile(f)(x), f(x), rtol=1e-14)
        slope = st.pushforward(f, (x,), (np.ones(3),))[1]
        expected = (f(x + 1e-6) - f(x - 1e-6)) / 2e-6
        np.testing.assert_allclose(slope, expected, rtol=1e-7, atol=1e-9)
