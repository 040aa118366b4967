"""The cache of programs: a graph whose program is known need not be emitted again.

To emit a program takes as long as to compile it. What is known of the program is kept under a
key of the graph. Its machine code is kept under a key of the program's text.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import NamedTuple

from steepest import cache
from steepest.engines.native import ir
from steepest.engines.native.jit.compile import Code, ProgramInfo, maker, text_of
from steepest.engines.native.jit.host_calls import HostCall, make_symbols_known
from steepest.engines.serialize import flattened
from steepest.graph import Node, order


class CacheEntry(NamedTuple):
    """The cache's entry of a program.

    Attributes
    ----------
    program
        The program without its text.
    arena_size
        Bytes of static memory that one call needs.
    checked
        Positions, among the graph's nodes, of the nodes whose indices it checks.
    shares_work
        Whether threads share some of it.
    names
        Names of all functions, also external ones.
    """

    program: ProgramInfo
    arena_size: int
    checked: tuple[int, ...]
    shares_work: bool
    names: tuple[str, ...]


def pack(found: CacheEntry) -> bytes:
    """Return a cache entry as JSON."""
    return json.dumps(found).encode()


def unpack(content: bytes) -> CacheEntry | None:
    """Return the cache entry that was packed; None if the content is something else."""
    try:
        program, arena_size, checked, shares_work, names = json.loads(content)
        return CacheEntry(
            ProgramInfo(*program), arena_size, tuple(checked), shares_work, tuple(names)
        )
    except (ValueError, TypeError):
        return None


class EmittedProgram(NamedTuple):
    """A program in LLVM IR.

    Attributes
    ----------
    module
        Its module.
    arena_size
        Bytes of static memory that one call needs.
    checked
        Nodes whose indices it checks, or that NumPy computes.
    hosts
        Calls back to NumPy.
    shares_work
        Whether threads share some of it.
    """

    module: ir.Module
    arena_size: int
    checked: Sequence[Node]
    hosts: Sequence[HostCall]
    shares_work: bool


class CompiledProgram(NamedTuple):
    """A compiled program, with the attributes of :class:`EmittedProgram`."""

    code: Code
    arena_size: int
    checked: Sequence[Node]
    hosts: Sequence[HostCall]
    shares_work: bool


def compiled(
    name: str,
    outputs: Sequence[Node],
    kind: str,
    write: Callable[[], EmittedProgram],
    baseline: int | None,
) -> CompiledProgram:
    """Return the machine code of a program, which is emitted now unless the cache knows it.

    Parameters
    ----------
    name
        Name of its function.
    outputs, kind
        Nodes and a text that determine the program.
    write
        Emits the program.
    baseline
        Number of instructions from which on it is compiled without optimization first; None
        for never.
    """
    key = _key(outputs, f"{name} {kind}")
    content = None if key is None else cache.find(key)
    found = None if content is None else unpack(content)
    if found is not None and make_symbols_known(found.names):
        text = lambda: text_of(write().module)
        code, nodes = Code.found(found.program, text, baseline), order(outputs)
        checked = [nodes[place] for place in found.checked]
        return CompiledProgram(code, found.arena_size, checked, (), found.shares_work)
    new = write()
    made = of_program(new, name, baseline)
    if key is not None and not new.hosts:
        places = {node: place for place, node in enumerate(order(outputs))}
        if all([node in places for node in new.checked]):
            checked_places = tuple([places[node] for node in new.checked])
            names = tuple(new.module.globals)
            found = CacheEntry(
                made.code.program, new.arena_size, checked_places, new.shares_work, names
            )
            cache.keep(key, pack(found))
    return made


def of_program(new: EmittedProgram, name: str, baseline: int | None) -> CompiledProgram:
    """Return the machine code of a program that was just emitted."""
    code = Code(new.module, name, keep=not new.hosts, baseline=baseline)
    return CompiledProgram(code, *new[1:])


def _key(outputs: Sequence[Node], kind: str) -> str | None:
    """Return the key of a program; None if its nodes are not plain data or nothing is cached."""
    found = flattened(outputs) if cache.folder() else None
    if found is None:
        return None
    flat, places = found
    results = [places[node] for node in outputs]
    return cache.key_of("program", cache.sources(), maker(), kind, repr(flat), repr(results))
