"""Nested values: tuples, lists, dicts, named tuples and dataclasses of arrays and numbers.

Flattening is optree's. Dataclasses are registered with it, in a namespace of our own, when
they are first flattened. Unflattening a dataclass does not call its ``__init__``.
"""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import optree

_NAMESPACE = "steepest"
_SIMPLE = (np.ndarray, np.float64, float, int, bool, str)
_LEAF = optree.tree_structure(0, namespace=_NAMESPACE)
_tree_flatten: Callable[..., tuple[list[Any], Any]] = optree.tree_flatten
_registered: set[type] = set()
_lock = threading.Lock()


def _register(value: Any) -> bool:
    """Register a dataclass before it is flattened. As an ``is_leaf`` function: always False."""
    cls = type(value)
    if cls not in _registered and dataclasses.is_dataclass(cls):
        names = tuple(field.name for field in dataclasses.fields(cls))

        def parts(whole: Any) -> tuple[tuple[Any, ...], None, tuple[str, ...]]:
            return tuple(getattr(whole, name) for name in names), None, names

        def whole(_: None, values: Sequence[Any]) -> Any:
            made = object.__new__(cls)
            for name, part in zip(names, values, strict=True):
                object.__setattr__(made, name, part)
            return made

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


def flatten(tree: Any) -> tuple[list[Any], Any]:
    """Return the leaves of a nested value, and its structure."""
    if type(tree) in _SIMPLE:
        return [tree], _LEAF
    parts = tree if type(tree) is tuple else (tree,)
    if all(type(part) in _SIMPLE for part in parts):  # the most common case, and faster
        return _tree_flatten(tree, namespace=_NAMESPACE)
    return _tree_flatten(tree, is_leaf=_register, namespace=_NAMESPACE)


def leaves(tree: Any) -> list[Any]:
    """Return the leaves of a nested value."""
    kind = type(tree)
    if kind in _SIMPLE:
        return [tree]
    if kind in (tuple, list) and all([type(part) in _SIMPLE for part in tree]):
        return list(tree)
    return flatten(tree)[0]


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
    return optree.tree_unflatten(structure, leaves)


def map_leaves(function: Callable[[Any], Any], tree: Any) -> Any:
    """Return a nested value with a function applied to each leaf."""
    if type(tree) in _SIMPLE:
        return function(tree)
    values, shape = flatten(tree)
    return unflatten(shape, [function(value) for value in values])


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
