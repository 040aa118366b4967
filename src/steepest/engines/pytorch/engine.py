"""The engine "torch": graphs and descents in PyTorch, on a CPU or a GPU."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any

import numpy as np

from steepest.activity import note
from steepest.engines.batch import ManyProgram, ManyStart, Watch
from steepest.engines.program import Iteration, Program
from steepest.engines.protocol import Run, Start
from steepest.engines.pytorch.ahead import AheadRun, Steps, most_ahead
from steepest.engines.pytorch.autograd import differentiate, value_and_gradient
from steepest.engines.pytorch.capture import capture, cuda_graphs
from steepest.engines.pytorch.chain import Step, can_run_ahead, step_of
from steepest.engines.pytorch.compiled import compiled
from steepest.engines.pytorch.distributed import (
    averaged,
    check_group,
    check_program,
    check_start,
    data_parallel,
)
from steepest.engines.pytorch.library import array_of, check_device, import_torch, tensor_of
from steepest.engines.pytorch.many import many_in_torch
from steepest.engines.pytorch.resolve import resolve
from steepest.engines.stepwise import Arithmetic, StepwiseEngine, loss_and_gradient
from steepest.errors import SettingError
from steepest.graph import Graph


@dataclass(frozen=True)
class Torch(StepwiseEngine):
    """Runs graphs in PyTorch.

    Parameters
    ----------
    device : str or torch.device, optional
        Device of all tensors, such as ``"cpu"``, ``"cuda"`` or ``"mps"``.
    check_every : int, optional
        Largest number of iterations between two looks at the stop rule's value. Results do not
        depend on it: what was computed beyond the end is discarded. A look waits for the device.
        Unless given, a run on the CPU looks at each iteration; on other devices it looks every
        some ten milliseconds. A loss that has several paths, that may raise, or whose loops
        depend on values is looked at in each iteration.
    autograd : bool, optional
        Whether gradients of descents come from ``torch.autograd`` instead of steepest's own rules.
        They are equal to rounding. A step with ``torch.autograd`` takes longer.
    compiled : bool, optional
        Whether ``torch.compile`` compiles iterations. It fuses operations and may round
        differently. Compilation takes seconds, and on a CPU a C++ compiler. What cannot be
        compiled runs as without it; the log says why.
    capture : bool, optional
        Whether iterations are captured as CUDA graphs, where the device is CUDA.
    distributed : bool, optional
        Whether the processes of a ``torch.distributed`` group train together. Each gives rows of
        its own to ``st.minimize(..., batches=...)``; in each iteration, loss and gradient are
        averaged over the processes. The loss must be a mean over the rows of a batch.

    Raises
    ------
    EngineUnavailableError
        If PyTorch is not installed, or has no such device.
    SettingError
        If `check_every` is not a positive integer, or if there is no process group.

    Examples
    --------
    >>> import steepest as st
    >>> run = st.minimize(lambda x: (x - 1) ** 2, 0.0, engine=st.engines.Torch(device="cpu"),
    ...                   method=st.GradientDescent(0.25), stop=st.LossBelow(1e-6))
    >>> run.converged
    True
    """

    device: str = "cpu"
    _: KW_ONLY
    check_every: int | None = None
    autograd: bool = False
    compiled: bool = False
    capture: bool = True
    distributed: bool = False
    name: str = "torch"
    takes_parts: bool = False
    takes_blocks: bool = False

    def __post_init__(self) -> None:
        k = self.check_every
        if k is not None and (isinstance(k, bool) or not isinstance(k, int) or k < 1):
            raise SettingError(
                f"st.engines.Torch: check_every must be a positive integer, got {k}"
            )
        object.__setattr__(self, "device", str(self.device))  # of a torch.device as well
        check_device(self.device)
        if self.distributed:
            check_group()
            if self.compiled or (k is not None and k > 1):
                raise SettingError(
                    "st.engines.Torch: distributed=True looks at each iteration and compiles "
                    "none: leave compiled= and check_every= out"
                )

    def value_and_gradient(self, graph: Graph) -> Callable[[Sequence[Any]], list[np.ndarray]]:
        """Return a loss and its gradient by the first input, from ``torch.autograd``."""
        return value_and_gradient(graph, self._arithmetic())

    def prepare(self, program: Program) -> Callable[[Start], Run]:
        """Return a function that starts the descent."""
        if self.distributed:
            return self._prepare_distributed(program)
        ahead = self._ahead(program)
        if not ahead:
            return super().prepare(program)
        torch, arithmetic, last = import_torch(), self._arithmetic(), program.tail
        full = self._step(program.full, program)
        tail = None if last is None else self._step(last, program)
        captures = None
        if self.capture and self._kind == "cuda":
            captures = functools.partial(capture, cuda_graphs(torch, self.device))
        steps = Steps(full, tail, ahead, arithmetic, captures)
        return lambda start: AheadRun(torch, program, start, steps)

    def _prepare_distributed(self, program: Program) -> Callable[[Start], Run]:
        """Return a function that starts the descent together with the other processes.

        All of them look at each iteration: they must make the same number of exchanges.
        """
        check_program(program)
        start_alone = super().prepare(program)

        def begin(start: Start) -> Run:
            check_start(program, start)
            return start_alone(start)

        return begin

    def averaged(self, arrays: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Return the means of arrays of one dtype over all processes that train together."""
        if not self.distributed:
            return list(arrays)
        to_tensor = functools.partial(tensor_of, device=self.device)
        return list(map(array_of, averaged(list(map(to_tensor, arrays)))))

    def prepare_many(self, program: ManyProgram) -> Callable[[ManyStart, Watch], Any]:
        """Return a function that solves many problems side by side."""
        arithmetic = self._arithmetic()
        return many_in_torch(import_torch(), arithmetic, self.device, program, self.compiled)

    def _ahead(self, program: Program) -> int:
        """Return the largest number of iterations between two looks.

        It is 0 if the run looks at each iteration before it computes the update.
        """
        is_wanted = self._kind != "cpu" if self.check_every is None else self.check_every > 1
        if not is_wanted and not self.compiled:
            return 0
        is_one_path = len(program.paths) == 1 and len(program.tail_paths) < 2
        if not is_one_path or not all(map(can_run_ahead, program.iterations)):
            if self.compiled:
                note("iterations are not compiled: their course depends on values")
            return 0
        most = min(map(most_ahead, program.iterations))
        return most if self.check_every is None else min(most, self.check_every)

    def _step(self, iteration: Iteration, program: Program) -> Step:
        step = step_of(import_torch(), iteration, self._arithmetic(), program.batches)
        return compiled(step) if self.compiled else step

    @property
    def _kind(self) -> str:
        return self.device.partition(":")[0]

    def _arithmetic(self) -> Arithmetic:
        resolved = functools.partial(resolve, import_torch())
        gradients = differentiate
        if not self.autograd:
            gradients = functools.partial(loss_and_gradient, resolved)
        to_tensor = functools.partial(tensor_of, device=self.device)
        own = Arithmetic(resolved, gradients, to_tensor, array_of, "torch")
        return data_parallel(own) if self.distributed else own
