"""The machine code of a descent: what runs first, and what relieves it.

The evaluation and the step of a descent in two parts take turns from the first moment. One loop
without calls between them is faster where an iteration takes little time. It is compiled in the
background, and computes the same bits.
"""

from __future__ import annotations

from steepest.engines.fusion import fused
from steepest.engines.native.jit import background
from steepest.engines.native.jit.compile import LARGE
from steepest.engines.native.programs.descent import (
    DescentCode,
    compile_descent,
    compile_optimized,
)
from steepest.engines.native.programs.function import cached
from steepest.engines.program import Program

_USES, _SECONDS = 3, 3e-5
"""Runs, or seconds for each instruction in all, after which one loop has paid off: it takes about
three times as long to compile."""

_LONG = 2e-6
"""Seconds of an iteration, in code that is not optimized, from which on a call in each iteration
does not matter."""


class DescentTiers:
    """The machine code of a descent, the best that there is so far.

    Parameters
    ----------
    program
        The descent.

    Attributes
    ----------
    parts
        What runs first: an evaluation and a step, or one loop if the descent is one graph.
    whole
        The one loop that relieves two parts; None before it is compiled.
    is_final
        Whether two parts stay, since an iteration takes long.
    """

    def __init__(self, program: Program) -> None:
        self._program, self.parts = program, compile_descent(program)
        self.whole: DescentCode | None = None
        self._uses, self._seconds, self._is_due = 0, 0.0, not program.evaluations
        self.is_final = False

    @property
    def best(self) -> DescentCode:
        """The best code so far."""
        return self.parts if self.whole is None else self.whole

    def record_use(self, seconds: float, iterations: int) -> None:
        """Note that the parts ran for some seconds; fuse them once they have run enough."""
        if self._is_due:
            return
        self._uses, self._seconds = self._uses + 1, self._seconds + seconds
        size = sum([code.program.size for code in self.parts.codes])
        self.is_final = size > LARGE or seconds > _LONG * iterations
        if self.is_final:
            return
        if self._uses >= _USES or self._seconds > _SECONDS * size:
            self._is_due = True
            background.submit(self._fuse)

    def _fuse(self) -> None:
        self.whole = compile_optimized(fused(self._program))


def compile_tiers(program: Program) -> DescentTiers:
    """Compile a descent, or return the code of an equal one that was compiled before."""
    return cached(("tiers", program), lambda: DescentTiers(program))
