"""Iterations compiled by ``torch.compile``: operations are fused, so fewer kernels run."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

from steepest.activity import doing, note
from steepest.engines.pytorch.chain import Made, Point, Step
from steepest.engines.pytorch.library import import_torch
from steepest.graph import trees

BACKEND = "inductor"
"""The compiler of ``torch.compile``. On a CPU it calls a C++ compiler, on a GPU Triton."""


def compiled(step: Step) -> Step:
    """Return an iteration that is compiled when it is first computed.

    If it cannot be compiled, the log says why, and it stays as it is.
    """
    function: Callable[[Point], Made] | None = None

    def compute(point: Point) -> Made:
        nonlocal function
        if function is None:
            function = _compiled(step.compute, point)
        return function(point)

    return dataclasses.replace(step, compute=compute)


def _compiled(compute: Callable[[Point], Made], example: Point) -> Callable[[Point], Made]:
    nesting = trees.structure(compute(example))
    flat = compiled_function(
        lambda *tensors: trees.leaves(compute(_point(tensors, example))), _tensors(example)
    )
    if flat is None:
        return compute

    def made(point: Point) -> Made:
        found: Made = trees.unflatten(nesting, flat(*_tensors(point)))
        return found

    return made


def compiled_function(
    function: Callable[..., Sequence[Any]], tensors: Sequence[Any]
) -> Callable[..., Sequence[Any]] | None:
    """Return a compiled function of tensors, like the given ones in shape; None if it cannot be.

    The log says why it cannot be compiled.
    """
    torch, proxies = import_torch(), import_torch("fx.experimental.proxy_tensor")
    try:
        with doing("compiling an iteration with torch.compile"):
            # The operations as one flat list: torch.compile need not read steepest's own code.
            graph = proxies.make_fx(function)(*tensors)
            made: Callable[..., Sequence[Any]] = torch.compile(
                graph, backend=BACKEND, dynamic=False, fullgraph=True
            )
            made(*tensors)
    except RuntimeError as error:
        reason = str(error).splitlines()[0]
        note("iterations are not compiled: torch.compile refuses them (%s)", reason)
        return None
    return made


def _tensors(point: Point) -> list[Any]:
    rows = [] if point.rows is None else [point.rows]
    return [point.x, point.count, *point.state, *point.data, *rows]


def _point(tensors: Sequence[Any], like: Point) -> Point:
    x, count, *rest = tensors
    rows = None if like.rows is None else rest.pop()
    number = len(like.state)
    return Point(x, count, tuple(rest[:number]), rest[number:], rows)
