"""An item of a dictionary matters from the moment that a function reads it, by any way."""

import collections
import copy
import json
import operator

import numpy as np
import pytest

import steepest as st
from steepest.errors import ConcreteValueError

X = np.array([1.0, 2.0])
get_of_dict = dict.get


class Bare:
    pass


def by_attribute(held):
    owner = Bare()
    owner.__dict__ = held
    return owner.n


def by_match(held):
    match held:
        case {"n": n}:
            return n


def by_the_rest(held):
    match held:
        case {"a": _, **rest}:
            return rest["n"]


def second(a, n):
    return n


def updated(held):
    made = {}
    made.update(held)
    return made["n"]


READS = {
    "item": lambda held: held["n"],
    "get": lambda held: held.get("n"),
    "pop of a copy": lambda held: held.copy().pop("n"),
    "items": lambda held: sum(value for name, value in held.items() if name in "an"),
    "values": lambda held: sum(held.values()),
    "keywords": lambda held: second(**held),
    "unpacked": lambda held: {**held}["n"],
    "dict": lambda held: dict(held)["n"],
    "dict and more": lambda held: dict(held, more=1)["n"],
    "or": lambda held: (held | {})["n"],
    "or, reflected": lambda held: ({} | held)["n"],
    "update": updated,
    "copy": lambda held: copy.copy(held)["n"],
    "deep copy": lambda held: copy.deepcopy(held)["n"],
    "json": lambda held: len(json.dumps(held)),
    "equality": lambda held: 2.0 if held == {"a": 2.0, "n": 3} else 5.0,
    "equality, reflected": lambda held: 2.0 if held == {"a": 2.0, "n": 3} else 5.0,
    "another dictionary": lambda held: collections.OrderedDict(held)["n"],
    "chain": lambda held: collections.ChainMap(held)["n"],
    "percent": lambda held: float(operator.mod("%(n)s", held)),
    "format": lambda held: float("{n}".format(**held)),
    "format_map": lambda held: float("{n}".format_map(held)),
    "text": lambda held: len(str(held)),
    "match": by_match,
    "the rest of a match": by_the_rest,
    "itemgetter": lambda held: operator.itemgetter("n")(held),
    "method of dict": lambda held: dict.get(held, "n"),
    "method of dict, by another name": lambda held: get_of_dict(held, "n"),
    "items by dict": lambda held: sum(value for _, value in dict.items(held)),
    "attributes of an object": by_attribute,
}
OF_KEYS = {
    "missing": lambda held: held.get("new", 5.0),
    "in": lambda held: 2.0 if "new" in held else 5.0,
    "length": len,
    "iteration": lambda held: sum(len(name) for name in held),
    "list": lambda held: len(list(held)),
    "keys": lambda held: len(held.keys()),
    "sorted": lambda held: len(sorted(held)),
    "fromkeys": lambda held: len(dict.fromkeys(held)),
}


def check(read, change, traced_anew):
    held = {"a": 2.0, "n": 3}
    f = lambda x: read(held) * np.sum(x)
    compiled = st.compile(f)
    for _ in range(2):
        assert compiled(X) == f(X)
    trace = next(iter(compiled._paths.values())).last
    change(held)
    for _ in range(2):
        assert compiled(X) == f(X)
    assert (next(iter(compiled._paths.values())).last is not trace) == traced_anew


@pytest.mark.parametrize("way", READS)
def test_an_item_that_is_read_is_compared(way):
    check(READS[way], lambda held: held.update(n=1000), traced_anew=True)


@pytest.mark.parametrize("way", OF_KEYS)
def test_keys_that_are_read_are_compared(way):
    check(OF_KEYS[way], lambda held: held.update(new=1.0), traced_anew=True)


@pytest.mark.parametrize("change", [{"n": 1000}, {"new": 1.0}, {"n": "text"}])
def test_an_item_that_is_not_read_does_not_matter(change):
    check(lambda held: held["a"], lambda held: held.update(change), traced_anew=False)


def test_it_is_a_dictionary():
    held = {"a": 2.0, "w": np.ones(2)}
    says = lambda: type(held) is dict and held.__class__ is dict and isinstance(held, dict)
    assert st.compile(lambda x: x if says() else 2.0 * x)(X)[0] == X[0]
    returned = st.compile(lambda x: held)(X)
    assert type(returned) is dict
    np.testing.assert_array_equal(returned["w"], held["w"])
    inner = lambda x: st.gradient(lambda p: np.sum(p["a"] * p["w"] * x))(held)["w"]
    np.testing.assert_allclose(st.compile(inner)(X), 2.0 * X)


@pytest.mark.filterwarnings("ignore::steepest.TraceWarning")
@pytest.mark.parametrize("as_key", [lambda key: key, lambda key: (key, 1)])
def test_the_text_of_a_traced_value_is_no_key(as_key):
    memo = {}

    def square(x):
        key = as_key(str(x))
        if key not in memo:
            memo[key] = np.sum(x**2)
        return memo[key]

    compiled = st.compile(square)
    for x in (np.array([0.16, 0.66]), np.array([0.16, 0.66]), np.array([0.19, 0.74])):
        with pytest.raises(ConcreteValueError, match="text of a traced value"):
            compiled(x)
