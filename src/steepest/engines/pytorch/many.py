"""Many problems side by side: each iteration is made for all of them at once.

A block of problems is in work. Those that are over stay where they are, and compute the same
numbers again, until an eighth of the block is over; then their answers are stored, and others take
their places. When none are left, the block gets smaller; a compiled one keeps its size.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from steepest.activity import note
from steepest.engines.batch import (
    INTERRUPTED,
    NOT_STARTED,
    ManyAnswers,
    ManyProgram,
    ManyStart,
    Watch,
)
from steepest.engines.pytorch.compiled import compiled_function
from steepest.engines.pytorch.leading import ManyTape, behind, spread
from steepest.engines.stepwise import Arithmetic
from steepest.graph import Node
from steepest.ops import CONSTANT

_SECONDS = 0.05
"""Seconds between two reports of progress."""

_BYTES = {"cpu": 1 << 25}
"""Bytes of the values of a block, by kinds of devices."""

_OTHER_BYTES = 1 << 28

_SHARE = 8
"""A block is filled up when one in so many of its problems is over."""

_WIDEST_COMPILED = 1 << 16
"""Largest number of problems in a compiled block, which is not made smaller at the end."""

_PART = 1 << 20
"""Largest number of problems whose data are on the device at one time."""


Iterate = Callable[..., Sequence[Any]]
"""One iteration of many problems: the outputs of the program, all with the leading axis."""


@dataclass(frozen=True)
class ManyTorch:
    """Solves many problems in torch.

    Attributes
    ----------
    torch, arithmetic, device
        The module, its conversions and the device.
    program, tape
        One iteration of each problem.
    compiles
        Whether ``torch.compile`` compiles it.
    compiled
        What it has compiled, by the size of a block.
    """

    torch: Any
    arithmetic: Arithmetic
    device: str
    program: ManyProgram
    tape: ManyTape
    compiles: bool
    compiled: dict[int, Iterate] = field(default_factory=dict)

    def __call__(self, start: ManyStart, watch: Watch) -> ManyAnswers | None:
        """Return the answers of all problems; None if they cannot be computed side by side."""
        width = self._width()
        while True:
            try:
                return self._solved(start, watch, width)
            except self.torch.OutOfMemoryError:
                if width == 1:
                    raise
                width //= 2
                note("blocks of many problems now have %d of them: memory was too short", width)
            except (np.linalg.LinAlgError, self.torch.linalg.LinAlgError) as error:
                reason = str(error).splitlines()[0]
                note("problems are solved one at a time: one has a bad matrix (%s)", reason)
                return None
            except self.torch.AcceleratorError:  # the device has failed
                raise
            except RuntimeError as error:
                reason = str(error).splitlines()[0]
                note("problems are solved one at a time: torch cannot batch them (%s)", reason)
                return None

    def _width(self) -> int:
        """Return how many problems a block has."""
        kind = self.device.partition(":")[0]
        room = _BYTES.get(kind, _OTHER_BYTES)
        if kind == "cuda":
            number = self.torch.empty(0, device=self.device).device.index
            room = self.torch.cuda.mem_get_info(number)[0] // 4
        return max(1, room // max(self.tape.peak, 1))

    def iteration(self, shared: dict[Node, Any], width: int) -> Iterate:
        """Return an iteration as a function of the problems' points, counts, states and data."""
        p, tape = self.program, self.tape
        own = [node for node, is_own in zip(p.data, p.is_own, strict=True) if is_own]
        constants = {node: value for node, value in shared.items() if node.op is CONSTANT}
        others = {node: value for node, value in shared.items() if node not in constants}
        inputs = (p.x, p.count, *p.state, *own, *others)
        flags = tuple([node in tape.own for node in p.outputs])

        def iterate(*tensors: Any) -> Sequence[Any]:
            values = {**constants, **dict(zip(inputs, tensors, strict=True))}
            tape.run(values)
            return spread([values[node] for node in p.outputs], flags, len(tensors[0]))

        common = tuple(others.values())
        if not self.compiles:
            return lambda *tensors: iterate(*tensors, *common)

        def compiled(*tensors: Any) -> Sequence[Any]:
            if width not in self.compiled:
                found = compiled_function(iterate, (*tensors, *common))
                self.compiled[width] = iterate if found is None else found
            return self.compiled[width](*tensors, *common)

        return compiled

    def _solved(self, start: ManyStart, watch: Watch, width: int) -> ManyAnswers:
        total, p = len(start.x), self.program
        codes = np.full(total, NOT_STARTED, np.int64)
        values = [np.empty((total, *node.shape), node.dtype) for node in p.answer]
        tensor = self.arithmetic.from_array
        shared = {
            node: tensor(value)
            for node, value, is_own in zip(p.data, start.data, p.is_own, strict=True)
            if not is_own
        }
        width = min(width, total, _PART)
        if self.compiles:  # a power of two, so that other numbers of problems compile nothing
            width = 1 << (min(width, _WIDEST_COMPILED).bit_length() - 1)
        iterate = self.iteration(self.tape.shared(shared), width)
        for first in range(0, total, _PART):
            part = slice(first, min(first + _PART, total))
            own = [x[part] for x, is_own in zip(start.data, p.is_own, strict=True) if is_own]
            sources = [tensor(x) for x in (start.x[part], *own)]
            block = Block(self, iterate, sources, width)
            is_stopped = block.to_end(_behind(watch, first))
            codes[part] = self.arithmetic.to_array(block.codes)
            for array, answer in zip(values, block.answers, strict=True):
                array[part] = self.arithmetic.to_array(answer)
            if is_stopped:
                break
        watch(total)
        return ManyAnswers(codes, values)


def _behind(watch: Watch, number: int) -> Watch:
    """Return what watches a part of the problems; `number` were begun before it."""
    return lambda begun: watch(number + begun)


class Block:
    """The problems in work, and the answers of those that are over.

    Parameters
    ----------
    many, iterate
        What solves them, and one iteration of it.
    sources
        For each problem its start, then its own data.
    width
        Largest number of problems in work.
    """

    def __init__(
        self, many: ManyTorch, iterate: Iterate, sources: Sequence[Any], width: int
    ) -> None:
        self._many, self._iterate, self._sources = many, iterate, sources
        self._total = len(sources[0])
        torch, p = many.torch, many.program
        self.codes = torch.full((self._total,), NOT_STARTED, dtype=torch.int64, device=many.device)
        self.answers = [self._zeros(self._total, node) for node in p.answer]
        self._begun = begun = min(width, self._total)
        width = width if many.compiles else begun
        rows = torch.arange(width, device=many.device)
        self._numbers = torch.clamp(
            rows, max=begun - 1
        )  # places without a problem repeat the last
        self._given = [source[self._numbers] for source in sources]
        self._count = self._zeros(width, p.count)
        self._state = [self._zeros(width, node) for node in p.state]
        self._is_busy = np.arange(width) < begun

    def _zeros(self, number: int, node: Node) -> Any:
        torch = self._many.torch
        dtype = getattr(torch, node.dtype.name)
        return torch.zeros((number, *node.shape), dtype=dtype, device=self._many.device)

    def to_end(self, watch: Watch) -> bool:
        """Solve all problems; return whether `watch` ended this before."""
        torch, reported = self._many.torch, time.perf_counter()
        while self._is_busy.any():
            over, answer, following = self._computed()
            codes = self._many.arithmetic.to_array(over)  # the only wait for the device
            if time.perf_counter() - reported > _SECONDS:
                if watch(self._begun):
                    over = torch.where(over == 0, INTERRUPTED, over)
                    self._store(over, answer, np.flatnonzero(self._is_busy))
                    return True
                reported = time.perf_counter()
            self._take_over(over == 0, following)
            ended = self._is_busy & (codes != 0)
            if np.count_nonzero(ended) * _SHARE >= np.count_nonzero(self._is_busy):
                self._store(over, answer, np.flatnonzero(ended))
                self._fill_up(ended)
        return False

    def _computed(self) -> tuple[Any, Sequence[Any], Sequence[Any]]:
        """Return what one iteration computes: codes, answers, then points and states."""
        x, *data = self._given
        tensors = (x, self._count, *self._state, *data)
        over, *rest = self._iterate(*tensors)
        number = len(self._many.program.answer)
        return over.to(self._many.torch.int64), rest[:number], rest[number:]

    def _take_over(self, goes_on: Any, following: Sequence[Any]) -> None:
        """Update the problems that go on; the others stay as they are."""
        torch, before = self._many.torch, [self._given[0], *self._state]
        self._given[0], *self._state = [
            torch.where(behind(goes_on, old), new, old)
            for old, new in zip(before, following, strict=True)
        ]
        self._count = self._count + goes_on

    def _places(self, places: np.ndarray) -> Any:
        return self._many.arithmetic.from_array(places)

    def _store(self, over: Any, answer: Sequence[Any], places: np.ndarray) -> None:
        """Store codes and answers of the problems at some places."""
        at = self._places(places)
        numbers = self._numbers[at]
        self.codes[numbers] = over[at]
        for stored, values in zip(self.answers, answer, strict=True):
            stored[numbers] = values[at]

    def _fill_up(self, ended: np.ndarray) -> None:
        """Begin other problems in the places of those that ended."""
        torch, free = self._many.torch, np.flatnonzero(ended)
        begin, end = self._begun, min(self._begun + len(free), self._total)
        taken, idle = free[: end - begin], free[end - begin :]
        if len(taken):
            at = self._places(taken)
            numbers = torch.arange(begin, end, device=self._many.device)
            self._numbers = self._numbers.index_copy(0, at, numbers)
            self._given = [
                now.index_copy(0, at, source[begin:end])
                for now, source in zip(self._given, self._sources, strict=True)
            ]
            self._count = self._count.index_fill(0, at, 0)  # whatever the state is then
            self._begun = end
        self._is_busy[idle] = False
        if len(idle) and not self._many.compiles:
            self._keep(np.flatnonzero(self._is_busy))

    def _keep(self, places: np.ndarray) -> None:
        """Keep only the problems at some places."""
        at = self._places(places)
        self._numbers, self._count = self._numbers[at], self._count[at]
        self._given = [now[at] for now in self._given]
        self._state = [now[at] for now in self._state]
        self._is_busy = self._is_busy[places]


def many_in_torch(
    torch: Any, arithmetic: Arithmetic, device: str, program: ManyProgram, compiles: bool
) -> ManyTorch:
    """Return what solves many problems."""
    p = program
    mine = [node for node, is_own in zip(p.data, p.is_own, strict=True) if is_own]
    own = [p.x, p.count, *p.state, *mine]
    given = [p.x, p.count, *p.state, *p.data]
    tape = ManyTape(torch, arithmetic.from_array, p.outputs, given, own)
    return ManyTorch(torch, arithmetic, device, program, tape, compiles)
