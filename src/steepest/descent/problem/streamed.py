"""Arguments that are read in blocks of rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import numpy as np

from steepest.errors import InputError
from steepest.graph import trees
from steepest.streams import Source, is_read, opened
from steepest.streams.arrays import of_array
from steepest.trace.tracing import argument_names, is_array_like


def read_in_blocks(
    function: Callable[..., Any], args: Sequence[Any], engine: Any
) -> tuple[Any, ...]:
    """Return arguments with a source in place of each array that is read in blocks.

    Data that are small are read now.

    Raises
    ------
    InputError
        If the engine needs all data in memory.
    """
    return opened_for(engine, args, argument_names(function, 1 + len(args))[1:])


def opened_for(engine: Any, args: Sequence[Any], names: Sequence[str]) -> tuple[Any, ...]:
    """Return arguments, of some names, as :func:`read_in_blocks` does."""
    found = opened(args, names)
    for source in sources_in(found):
        if not getattr(engine, "takes_blocks", False):
            raise InputError(
                f"{source.name} is read in blocks, which the engine {engine.name!r} does not do: "
                "use engine='native', or read the data first"
            )
    return found


def divided_rows(
    engine: Any, function: Callable[..., Any], args: Sequence[Any], has_batches: bool = False
) -> tuple[Any, ...]:
    """Return arguments with a source for each array of rows, if an engine divides rows.

    Rows are those of the largest array, or of what is read in blocks anyway.

    Raises
    ------
    InputError
        If there is no array, or if only minibatches are needed.
    """
    if not getattr(engine, "divides_rows", False):
        return tuple(args)
    if has_batches:
        raise InputError(
            f"the engine {engine.name!r} divides the rows of all data among machines, and a "
            "minibatch is too small for that: leave out batches=, or use engine='native'"
        )
    bytes_of: Counter[int] = Counter()
    for leaf in trees.leaves(tuple(args)):
        if isinstance(leaf, np.ndarray) and leaf.ndim:
            bytes_of[len(leaf)] += leaf.nbytes
    most = max(bytes_of, key=lambda count: (bytes_of[count], count), default=0)
    rows = {len(source) for source in sources_in(args)} or {most}
    if not any(rows):
        name = getattr(function, "__name__", "the function")
        raise InputError(
            f"the engine {engine.name!r} divides the rows of data among machines, and {name} has "
            "no array in args: give the data in args=(...), not as variables that the function "
            "captures; without data, use engine='native', or st.minimize_many for many problems"
        )

    def source(leaf: Any, name: str) -> Any:
        has_rows = isinstance(leaf, np.ndarray) and leaf.ndim and len(leaf) in rows
        return of_array(leaf, name) if has_rows else leaf

    named = zip(args, argument_names(function, 1 + len(args))[1:], strict=True)
    return tuple([trees.map_named(source, *pair) for pair in named])


def refuse_blocks(
    *values: Any, why: str = "which st.minimize and fits do, and this does not"
) -> None:
    """Raise if something in nested values is read in blocks."""
    for leaf in trees.leaves(values, is_leaf=is_read):
        if is_read(leaf):
            name = leaf.name if isinstance(leaf, Source) else f"a {type(leaf).__name__}"
            raise InputError(f"{name} is read in blocks, {why}: read the data first, if they fit")


def require_memory(data: Any, why: str) -> None:
    """Raise if data of a fit are read in blocks, and say why that will not do and what will."""
    for source in sources_in((data,)):
        raise InputError(f"{source.name} is read in blocks, so that {why}")


def sources_in(args: Sequence[Any]) -> list[Source]:
    """Return the sources among the leaves of arguments."""
    return [leaf for leaf in trees.leaves(tuple(args)) if isinstance(leaf, Source)]


def which_are_read(args: Sequence[Any], data: int) -> tuple[bool, ...]:
    """Return for each of the data inputs whether it is read in blocks; nothing if none is."""
    given = [leaf for leaf in trees.leaves(tuple(args)) if is_array_like(leaf)]
    found = [isinstance(leaf, Source) for leaf in given]
    return (*found, *[False] * (data - len(found))) if any(found) else ()


def refuse_method(method: Any, sources: Sequence[Source], why: str) -> NoReturn:
    """Raise for a method that cannot run where data are read in blocks."""
    raise InputError(
        f"{type(method).__name__} cannot be used with {sources[0].name}, which is read in blocks: "
        f"{why}. Use a method such as st.LBFGS(), st.BFGS() or st.Adam()"
    )
