"""Machine code of whole descents: compiled, or found in a cache."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from steepest.engines.native.jit import program_cache
from steepest.engines.native.jit.compile import Code
from steepest.engines.native.jit.host_calls import HostCall
from steepest.engines.native.programs.descent_loop import IN_EVALUATION, write_descent
from steepest.engines.native.programs.evaluation import CompiledEvaluation, compile_evaluation
from steepest.engines.native.programs.function import UNKNOWN_PATH, cached
from steepest.engines.native.programs.layout import BlockLayout
from steepest.engines.native.schedule.regions import REGISTER_LIMIT
from steepest.engines.program import Program
from steepest.graph import Node


@dataclass(frozen=True)
class DescentCode:
    """Machine code of a descent.

    Attributes
    ----------
    program
        The program that was compiled.
    code
        The machine code.
    memory
        Layout of the memory it works on.
    checked
        Nodes of the loop whose indices it checks, or that NumPy computes.
    hosts
        The loop's calls back to NumPy; they live as long as the code.
    in_memory
        Numbers of the carried vectors that are not in registers: x is 0, then the state.
    shares_work
        Whether threads share some of it.
    evaluation
        Machine code of the evaluation of a descent in two parts, else None.
    spare
        Workspaces of finished runs, to be used again.
    """

    program: Program
    code: Code
    memory: BlockLayout
    checked: Sequence[Node]
    hosts: Sequence[HostCall]
    in_memory: Sequence[int]
    shares_work: bool
    evaluation: CompiledEvaluation | None = None
    spare: list[Any] = field(default_factory=list)

    @functools.cached_property
    def codes(self) -> list[Code]:
        """All of its machine code."""
        evaluated = [] if self.evaluation is None else self.evaluation.codes
        return [self.code, *evaluated]

    @property
    def tier(self) -> str:
        """What kind of code it is: ``"baseline"``, ``"optimized"`` or ``"fused"``."""
        for code in self.codes:
            if code.is_baseline:
                return "baseline"
        return "fused" if self.evaluation is None else "optimized"

    @functools.cached_property
    def bytes_called_back(self) -> list[int]:
        """The size of what NumPy computes in each call back."""
        evaluated = () if self.evaluation is None else self.evaluation.hosts
        return [call.size_in_bytes for call in (*self.hosts, *evaluated)]

    def failed(self, code: int) -> tuple[int, Sequence[Node], Sequence[HostCall]]:
        """Return what a negative result of the machine code means.

        Returns
        -------
        number : int
            The number, from 1, of the node that failed; 0 if the path is unknown.
        checked, hosts
            The nodes that are numbered, and the calls back, of the loop or of the evaluation.
        """
        if self.evaluation is None or code > IN_EVALUATION:
            return UNKNOWN_PATH - code, self.checked, self.hosts
        return self.evaluation.failed(code - IN_EVALUATION)


def compile_descent(program: Program) -> DescentCode:
    """Compile a descent in haste, or return the code of an equal one that was compiled before."""
    return cached(program, lambda: _compiled(program))


def compile_optimized(program: Program) -> DescentCode:
    """Compile a descent in one graph with all optimization, or return that of an equal one."""
    return cached(("optimized", program), lambda: _compile_loop(program, baseline=None))


def _compiled(program: Program) -> DescentCode:
    if not program.evaluations:
        return _compile_loop(program)
    # The loop is the same for every problem with as many parameters.
    alone = dataclasses.replace(program, evaluations=())
    loop = cached(("in parts", alone), lambda: _compile_loop(alone, in_parts=True))
    evaluation = compile_evaluation(program.evaluations)
    shares_work = loop.shares_work or evaluation.shares_work
    return dataclasses.replace(
        loop, program=program, shares_work=shares_work, evaluation=evaluation, spare=[]
    )


def _compile_loop(
    program: Program, in_parts: bool = False, baseline: int | None = 0
) -> DescentCode:
    """Return the machine code of a loop; its data are given, or evaluated `in_parts`."""
    it = program.full
    if len(program.iterations) > 1 or it.guards:
        found = program_cache.of_program(write_descent(program, in_parts), "descend", baseline)
    else:
        lengths = [len(part) for part in (it.state, it.data, it.records, it.report)]
        kind = f"{lengths} {it.due is None} {program.batches} {program.record_x} {in_parts}"
        signature = (*it.inputs, it.variable, *it.outputs)
        found = program_cache.compiled(
            "descend", signature, kind, lambda: write_descent(program, in_parts), baseline
        )
    carried = (it.x, *it.state)
    return DescentCode(
        program,
        found.code,
        BlockLayout(program, found.arena_size, in_parts),
        found.checked,
        found.hosts,
        [i for i, node in enumerate(carried) if node.size > REGISTER_LIMIT],
        found.shares_work,
    )
