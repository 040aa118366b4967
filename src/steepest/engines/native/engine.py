"""The engine "native"."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from steepest.derivative import Executable
from steepest.engines.batch import ManyAnswers, ManyProgram, ManyStart, Watch
from steepest.engines.native.programs.batch import compile_lanes, lanes_for
from steepest.engines.native.programs.function import compile_paths
from steepest.engines.native.programs.tiers import DescentTiers, compile_tiers
from steepest.engines.native.runs.batch_run import work_through
from steepest.engines.native.runs.descent_run import NativeRun
from steepest.engines.native.runs.one_shot import OneCall, one_call
from steepest.engines.native.runs.streamed_run import prepare_streamed
from steepest.engines.program import Program
from steepest.engines.protocol import Run, Start
from steepest.graph import Graph, Node, order
from steepest.ops.arrays.relief import OFFERED

_FIRST_SECONDS = 5e-3
_SECONDS_PER_ELEMENT = 1e-9


@dataclass(frozen=True)
class NativeStarter:
    """Starts runs of a descent in the best machine code that there is.

    Attributes
    ----------
    tiers
        The machine code.
    program
        The descent, with the user's lines.
    """

    tiers: DescentTiers
    program: Program

    def __call__(self, start: Start) -> Run:
        """Start a run."""
        return NativeRun(self.tiers, self.program, start)

    def one_call(self, steps: int) -> Callable[..., OneCall] | None:
        """Return what prepares whole descents of at most `steps` updates in one call."""
        return one_call(self.tiers.best, steps, self.tiers.is_final)


def _completed(node: Node, arrays: Sequence[np.ndarray]) -> np.ndarray:
    """Return the value of a node of inputs."""
    taken = compile_paths([Graph(node.operands, (node,))])(arrays)
    assert taken is not None, "a graph without guards has one path"
    return taken[1][0]


OFFERED.append(_completed)


@dataclass(frozen=True)
class Native:
    """Compiles graphs to machine code, and a whole descent to one loop."""

    name: str = "native"
    takes_parts: bool = True
    takes_blocks: bool = True

    def compile(self, paths: Sequence[Graph]) -> Executable:
        """Return the paths through a function as a function of flat inputs."""
        return compile_paths(paths)

    def prepare(self, program: Program) -> Callable[[Start], Run]:
        """Compile a descent; return a function that starts runs of it."""
        if any(program.streamed) and program.batches is None:
            return prepare_streamed(program)
        return NativeStarter(compile_tiers(program), program)

    def first_budget(self, program: Program) -> int:
        """Return a number of iterations that take less than some ten milliseconds.

        It is 0 if one may take long.
        """
        if any(program.streamed):
            return 0
        evaluated = program.evaluations[-1].outputs if program.evaluations else ()
        nodes = order([*evaluated, *program.full.outputs])
        elements = sum(1 + node.size for node in nodes)
        products = sum(
            node.size * node.operands[0].shape[-1] for node in nodes if node.op.name == "matmul"
        )
        return max(1, int(_FIRST_SECONDS / (_SECONDS_PER_ELEMENT * (elements + products / 8))))

    def prepare_many(
        self, program: ManyProgram
    ) -> Callable[[ManyStart, Watch], ManyAnswers | None] | None:
        """Compile a program for many problems; None if they cannot run side by side."""
        lanes = lanes_for(program)
        if not lanes:
            return None
        return functools.partial(work_through, compile_lanes(program, lanes))
