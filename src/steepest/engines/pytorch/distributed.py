"""Minibatches in several processes: each has rows of its own, and all make the same updates.

In each iteration, every process computes loss and gradient of a batch of its own rows. They are
gathered and averaged in the order of the processes, so that all of them have the same bits. For a
loss that is the mean over the rows of a batch, the average is the loss of all these rows.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Collection, Sequence
from typing import Any

import numpy as np

from steepest.engines.program import Iteration, Program
from steepest.engines.protocol import Start
from steepest.engines.pytorch.library import import_torch
from steepest.engines.stepwise import Arithmetic
from steepest.errors import InputError, SettingError
from steepest.graph import Node, order

_WHAT = "st.engines.Torch(..., distributed=True)"


def check_group() -> None:
    """Raise SettingError unless this process belongs to a group of torch.distributed."""
    distributed = import_torch("distributed")
    if not distributed.is_available() or not distributed.is_initialized():
        raise SettingError(
            f"{_WHAT} needs a process group, and there is none: start the program with torchrun, "
            "and call torch.distributed.init_process_group() before"
        )


def averaged(tensors: Sequence[Any]) -> list[Any]:
    """Return the mean of tensors of one dtype over all processes, with the same bits in each."""
    torch, distributed = import_torch(), import_torch("distributed")
    flat = torch.cat([tensor.reshape(-1) for tensor in tensors])
    gathered = _gathered(torch, distributed, flat)
    total, *others = gathered
    for other in others:  # in the order of the processes, whatever way the numbers came
        total = total + other
    parts = torch.split(total / len(gathered), [tensor.numel() for tensor in tensors])
    return [part.reshape(x.shape) for part, x in zip(parts, tensors, strict=True)]


def _gathered(torch: Any, distributed: Any, tensor: Any) -> list[Any]:
    """Return the tensors of all processes, in their order."""
    gathered = [torch.empty_like(tensor) for _ in range(distributed.get_world_size())]
    distributed.all_gather(gathered, tensor)
    return gathered


def data_parallel(arithmetic: Arithmetic) -> Arithmetic:
    """Return functions whose losses and gradients are averaged over all processes."""

    def differentiate(
        iteration: Iteration, known: Collection[Node]
    ) -> Callable[[dict[Node, Any]], None]:
        on_own_rows = arithmetic.differentiate(iteration, known)
        loss, gradient = iteration.loss, iteration.gradient

        def run(values: dict[Node, Any]) -> None:
            on_own_rows(values)
            own = [values[loss].to(values[gradient].dtype), values[gradient]]
            mean_loss, values[gradient] = averaged(own)
            values[loss] = mean_loss.to(values[loss].dtype)

        return run

    return dataclasses.replace(arithmetic, differentiate=differentiate)


def check_program(program: Program) -> None:
    """Raise InputError if averages of losses and gradients do not make a descent."""
    plan = program.batches
    if plan is None:
        raise InputError(
            f"{_WHAT} trains on batches of rows: give batches=st.Batches(size=...) to st.minimize"
        )
    if program.branches:
        raise InputError(
            f"{_WHAT} cannot run a loss that branches on values, since processes with other rows "
            "could take other branches: use np.where"
        )
    for it in program.iterations:
        if any(plan.is_batched(i) for i in _read_by_all(it)):
            raise InputError(
                f"{_WHAT} cannot run a method that computes more of the rows than the loss and "
                "its gradient: use st.Adam, st.Momentum or another method of first order"
            )


def _read_by_all(it: Iteration) -> list[int]:
    """Return which data inputs stop rule and update read, besides loss and gradient."""
    known = {it.x, it.count, *it.state, it.variable, it.loss, it.gradient}
    read = set(order(it.outputs, stop=known))
    return [i for i, node in enumerate(it.data) if node in read]


def check_start(program: Program, start: Start) -> None:
    """Raise InputError in all processes unless they begin at the same point with as many rows."""
    torch, distributed = import_torch(), import_torch("distributed")
    plan = program.batches
    assert plan is not None
    alike = [start.data[i] for i in _read_by_all(program.full)]  # bounds, arrays of the method
    content = b"".join(np.asarray(x).tobytes() for x in (start.x, *start.state, *alike))
    digest = int.from_bytes(hashlib.sha256(content).digest()[:7], "little")
    own = [plan.samples, plan.size, start.epochs, start.count, digest]
    mine = torch.tensor(own, dtype=torch.int64, device=_device_of_group())
    rows = [one.tolist() for one in _gathered(torch, distributed, mine)]
    names = ("rows", "rows of a batch", "epochs", "updates made before")
    for name, values in zip(names, zip(*rows, strict=True), strict=False):
        if len(set(values)) > 1:
            counts = ", ".join(map(str, values))
            raise InputError(
                f"{_WHAT} needs the same number of {name} in all processes, got {counts}"
            )
    if len({row[-1] for row in rows}) > 1:
        raise InputError(f"{_WHAT} needs the same start, bounds and method in all processes")


def _device_of_group() -> str:
    """Return the kind of device whose tensors the group exchanges."""
    backend: str = import_torch("distributed").get_backend()
    return "cuda" if backend == "nccl" else "cpu"
