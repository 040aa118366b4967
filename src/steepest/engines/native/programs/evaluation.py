"""The evaluation of a descent in two parts: a function for each known path, tried in turn.

A path that a run meets is compiled alone, so that it costs no more than its own code. Each
function looks at its guards, and leaves without a result where they do not hold.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from steepest.engines.native import ir
from steepest.engines.native.codegen.types import INDEX, POINTER, index
from steepest.engines.native.jit.compile import Code, once
from steepest.engines.native.jit.host_calls import HostCall
from steepest.engines.native.programs.function import (
    FUNCTION_TYPE,
    UNKNOWN_PATH,
    CompiledGraph,
    compile_path,
)
from steepest.engines.native.programs.layout import CHAIN, TableLayout
from steepest.engines.native.runtime.numpy_abi import Writer
from steepest.graph import Graph, Node

_OF_PATH = 1 << 20
"""Distance of the codes of errors of two paths."""


@dataclass(frozen=True)
class CompiledEvaluation:
    """Machine code of an evaluation.

    Attributes
    ----------
    paths
        The function of each known path; the last has all inputs.
    """

    paths: tuple[CompiledGraph, ...]

    @property
    def codes(self) -> list[Code]:
        """All of its machine code."""
        return [path.code for path in self.paths]

    @property
    def table(self) -> TableLayout:
        """Slots of the table of pointers that every path is called with."""
        return self.paths[-1].table

    @property
    def inputs(self) -> Sequence[Node]:
        """The inputs; x is the first."""
        return self.paths[-1].paths[0].inputs

    @property
    def number_of_outputs(self) -> int:
        """Number of results, which are the data of the step."""
        return len(self.paths[-1].outputs)

    @property
    def arena_size(self) -> int:
        """Bytes of static memory that one call needs."""
        return max([path.arena_size for path in self.paths])

    @property
    def shares_work(self) -> bool:
        """Whether threads share some of it."""
        return any([path.shares_work for path in self.paths])

    @property
    def hosts(self) -> Sequence[HostCall]:
        """Calls back to NumPy; they live as long as the code."""
        return [call for path in self.paths for call in path.hosts]

    def chain(self) -> np.ndarray:
        """Return the number of paths, and the addresses of their functions, the last first."""
        addresses = [path.code.address for path in reversed(self.paths)]
        return np.array([len(addresses), *addresses], np.int64)

    @property
    def address(self) -> int:
        """Address of the function to call."""
        code = self.paths[0].code if len(self.paths) == 1 else _chain()
        return int(code.address)

    def failed(self, code: int) -> tuple[int, Sequence[Node], Sequence[HostCall]]:
        """Return which of the checked nodes failed, from 1; all of these, and the calls back."""
        place, number = divmod(UNKNOWN_PATH - code, _OF_PATH)
        path = self.paths[len(self.paths) - 1 - place]
        return number, path.checked, path.hosts


def compile_evaluation(graphs: Sequence[Graph]) -> CompiledEvaluation:
    """Compile the paths that were not compiled before."""
    return CompiledEvaluation(tuple(map(compile_path, graphs)))


@once
def _chain() -> Code:
    return Code(_module(), "evaluate")


def _module() -> ir.Module:
    """Return a function that calls one path after the other until the guards of one hold."""
    module = ir.Module()
    function = ir.Function(module, FUNCTION_TYPE, "evaluate")
    table = function.args[0]
    w = Writer(function)
    b = w.b
    chain = w.load(table, 8 * CHAIN, POINTER)

    def call(i: ir.Value) -> None:
        address = w.load(chain, b.mul(b.add(i, index(1)), index(8)), POINTER)
        code = b.call(address, [table, index(0), index(0)], FUNCTION_TYPE)
        done, failed, known, other = map(
            function.append_basic_block, ("done", "failed", "known", "other")
        )
        b.cbranch(b.icmp_signed("==", code, index(UNKNOWN_PATH)), other, known)
        b.position_at_end(known)
        b.cbranch(b.icmp_signed("<", code, index(0)), failed, done)
        b.position_at_end(done)
        b.ret(index(0))
        b.position_at_end(failed)
        b.ret(b.sub(code, b.mul(i, index(_OF_PATH))))
        b.position_at_end(other)

    w.each(index(0), w.load(chain, 0, INDEX), call)
    b.ret(index(UNKNOWN_PATH))
    return module
