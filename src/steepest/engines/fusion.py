"""A descent in two parts as one in one graph."""

from __future__ import annotations

from dataclasses import replace

from steepest.engines.program import Iteration, Program
from steepest.graph import Graph, Guard, substitute
from steepest.ops import input_node
from steepest.rewrite import simplify_guarded


def fused(program: Program) -> Program:
    """Return a descent in two parts as one in one graph, with the same values in every bit."""
    step = program.full
    paths = tuple([_whole(step, evaluation) for evaluation in program.evaluations])
    return replace(program, paths=paths, evaluations=())


def _whole(step: Iteration, evaluation: Graph) -> Iteration:
    """Return an iteration that computes its own data."""
    before = (step.x, step.count, *step.state, *evaluation.inputs[1:])
    inputs = [input_node(i, node.shape, node.dtype) for i, node in enumerate(before)]
    x, count, *rest = inputs
    state, data = rest[: len(step.state)], rest[len(step.state) :]
    sources = dict(evaluation.sources)
    conditions = [guard.condition for guard in evaluation.guards]
    values = substitute(
        [*evaluation.outputs, *conditions],
        dict(zip(evaluation.inputs, (x, *data), strict=True)),
        sources,
    )
    number = len(evaluation.outputs)
    given = {step.x: x, step.count: count}
    given |= dict(zip(step.state, state, strict=True))
    given |= dict(zip(step.data, values[:number], strict=True))
    guards = [
        Guard(condition, guard.value, guard.source)
        for condition, guard in zip(values[number:], evaluation.guards, strict=True)
    ]
    (variable, *outputs), guards_of_path = simplify_guarded(
        substitute((step.variable, *step.outputs), given), guards, sources
    )
    whole = replace(
        step,
        x=x,
        variable=variable,
        count=count,
        state=tuple(state),
        data=tuple(data),
        guards=guards_of_path,
        sources=sources,
    )
    return whole.with_outputs(outputs)
