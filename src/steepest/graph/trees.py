"""Nested values: tuples, lists, dicts, named tuples and dataclasses of arrays and numbers.

Flattening is optree's. Dataclasses are registered with it, in a namespace of our own, when
they are first flattened. Unflattening a dataclass does not call its ``__init__``.
"""

from __future__ import annotations

import collections
import copy
import dataclasses
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import optree

_NAMESPACE = "steepest"
STANDS_FOR = "_stands_for"
"""Name of the attribute by which a stand-in for a class says what it stands for."""

_SIMPLE = (np.ndarray, np.float64, float, int, bool, str)
_LEAF = optree.tree_structure(0, namespace=_NAMESPACE)
_tree_flatten: Callable[..., tuple[list[Any], Any]] = optree.tree_flatten
_registered: set[type] = set()
_lock = threading.Lock()


_CONTAINERS = (dict, list, collections.OrderedDict, collections.defaultdict, collections.deque)

ON_MADE: list[Callable[[Any], Any]] = []
"""Functions that each nested value goes through when it is made.

``trace.following`` adds one: traced code sees the methods of what is made.
"""


class _IsStandInError(Exception):
    """A value is of a class that stands for another one while a function is traced."""


def _register(value: Any) -> bool:
    """Register a dataclass before it is flattened. As an ``is_leaf`` function: always False."""
    cls = type(value)
    is_dataclass = dataclasses.is_dataclass(cls)
    if isinstance(value, dict):
        is_stand_in = getattr(cls, STANDS_FOR, None) is dict
    else:
        is_stand_in = (is_dataclass or isinstance(value, tuple)) and hasattr(cls, STANDS_FOR)
    if is_stand_in:
        raise _IsStandInError
    if is_dataclass and cls not in _registered:
        names = tuple(field.name for field in dataclasses.fields(cls))

        def parts(whole: Any) -> tuple[tuple[Any, ...], None, tuple[str, ...]]:
            return tuple(getattr(whole, name) for name in names), None, names

        def whole(_: None, values: Sequence[Any]) -> Any:
            return made_of(cls, dict(zip(names, values, strict=True)))

        with _lock:
            if cls not in _registered:
                optree.register_pytree_node(
                    cls,
                    parts,
                    whole,
                    path_entry_type=optree.DataclassEntry,
                    namespace=_NAMESPACE,
                )
                _registered.add(cls)
    return False


def flatten(tree: Any, is_leaf: Callable[[Any], bool] | None = None) -> tuple[list[Any], Any]:
    """Return the leaves of a nested value, and its structure.

    What `is_leaf` holds for is a leaf, even if it is a nested value.
    """
    if type(tree) in _SIMPLE:
        return [tree], _LEAF
    parts = tree if type(tree) is tuple else (tree,)
    if all(type(part) in _SIMPLE for part in parts):  # the most common case, and faster
        return _tree_flatten(tree, namespace=_NAMESPACE)
    ends = _register if is_leaf is None else lambda value: is_leaf(value) or _register(value)
    try:
        return _tree_flatten(tree, is_leaf=ends, namespace=_NAMESPACE)
    except _IsStandInError:
        return flatten(_of_real_classes(tree), is_leaf)


def _of_real_classes(tree: Any) -> Any:
    """Return a nested value in which each part is of the class that its own stands for."""
    cls = type(tree)
    real = getattr(cls, STANDS_FOR, None) or cls
    if isinstance(tree, tuple):
        items: Any = map(_of_real_classes, tree)
        return tuple.__new__(real, items) if hasattr(cls, "_fields") else real(items)
    if real in _CONTAINERS:
        made = copy.copy(tree)
        for key, part in made.items() if isinstance(made, dict) else enumerate(made):
            made[key] = _of_real_classes(part)
        return made
    if real is cls or not dataclasses.is_dataclass(cls):
        return tree
    return made_of(
        real,
        {
            field.name: _of_real_classes(getattr(tree, field.name))
            for field in dataclasses.fields(cls)
        },
    )


def made_of(cls: type, attributes: Mapping[str, Any]) -> Any:
    """Return an object with some attributes, without a call of ``__init__``."""
    made: Any = object.__new__(cls)
    for name, value in attributes.items():
        object.__setattr__(made, name, value)
    return made


def leaves(tree: Any, is_leaf: Callable[[Any], bool] | None = None) -> list[Any]:
    """Return the leaves of a nested value, as :func:`flatten` does."""
    kind = type(tree)
    if kind in _SIMPLE:
        return [tree]
    if kind in (tuple, list) and all([type(part) in _SIMPLE for part in tree]):
        return list(tree)
    return flatten(tree, is_leaf)[0]


def leaves_up_to(structure: Any, tree: Any) -> list[Any]:
    """Return the parts of a nested value at the positions of a structure's leaves.

    Raises
    ------
    ValueError
        If it has another structure.
    """
    leaves: list[Any] = structure.flatten_up_to(tree)
    return leaves


def structure(tree: Any) -> Any:
    """Return the structure of a nested value."""
    return flatten(tree)[1]


def unflatten(structure: Any, leaves: Sequence[Any]) -> Any:
    """Return the nested value with a structure and leaves."""
    made = optree.tree_unflatten(structure, leaves)
    if structure != _LEAF:
        for see in ON_MADE:
            made = see(made)
    return made


def map_leaves(function: Callable[[Any], Any], tree: Any) -> Any:
    """Return a nested value with a function applied to each leaf."""
    if type(tree) in _SIMPLE:
        return function(tree)
    values, shape = flatten(tree)
    return unflatten(shape, [function(value) for value in values])


def map_named(
    function: Callable[[Any, str], Any],
    tree: Any,
    prefix: str,
    is_leaf: Callable[[Any], bool] | None = None,
) -> Any:
    """Return a nested value with a function applied to each leaf and its name."""
    values, shape = flatten(tree, is_leaf)
    named = zip(values, names_in(shape, prefix), strict=True)
    return unflatten(shape, [function(value, name) for value, name in named])


def stacked(values: Sequence[Any]) -> Any:
    """Stack nested values of the same structure along a new leading axis."""
    parts = [flatten(value) for value in values]
    if not parts:
        return None
    columns = zip(*[found for found, _ in parts], strict=True)
    return unflatten(parts[0][1], [np.stack(column) for column in columns])


def leaf_names(tree: Any, prefix: str) -> list[str]:
    """Return a name such as ``params['w']`` or ``params.layers[0]`` for each leaf."""
    return names_in(structure(tree), prefix)


def names_in(structure: Any, prefix: str) -> list[str]:
    """Return the same names for a structure."""
    accessors = optree.treespec_accessors(structure)
    return [accessor.codify(prefix) if accessor else prefix for accessor in accessors]
