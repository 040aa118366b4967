"""The parts of a model that is a sum."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from steepest.descent.inference.fitted_data import FittedData
from steepest.descent.problem.joint_model import OneOfJoint
from steepest.descent.problem.model import Model
from steepest.errors import InputError
from steepest.graph import Graph, Node, evaluate
from steepest.graph.source import Source
from steepest.trace import trace

_MOST = 8
"""Largest number of parts that a plot shows without being asked."""


def given_components(
    fit: FittedData, components: Mapping[str, Callable[..., Any]], x: np.ndarray
) -> dict[str, np.ndarray]:
    """Return the values at x of functions of x and of some of the fit's parameters, by name."""
    values, found = dict(zip(fit.fit.names, fit.fit.values, strict=True)), {}
    for name, function in components.items():
        arguments = list(inspect.signature(function).parameters)[1:]
        for argument in arguments:
            if argument not in values:
                raise InputError(
                    f"the component {name!r} takes {argument}, which is no parameter of the "
                    f"model: they are {', '.join(fit.fit.names)}"
                )
        part = function(x, *[values[argument] for argument in arguments])
        found[name] = np.broadcast_to(np.asarray(part, np.float64), x.shape)
    return found


def own_components(fit: FittedData, x: np.ndarray) -> dict[str, np.ndarray]:
    """Return the values at x of what a model adds up, if other functions of the user return it.

    Their names are those of these functions, numbered where one is called several times.
    """
    model, parameters = fit.data.model, fit.fit.x
    code = getattr(getattr(model, "model", None), "__code__", None)
    if not isinstance(model, Model | OneOfJoint) or code is None:
        return {}
    graph = trace(model, x, parameters)
    own = graph.sources.get(graph.outputs[0])
    if graph.guards or own is None or own.file != code.co_filename:
        return {}
    terms = _terms(graph, graph.outputs[0], own)
    sources = [graph.sources.get(term) for term in terms]
    names = [source.function for source in sources if source is not None]
    if not 2 <= len(names) == len(terms) <= _MOST or own.function in names:
        return {}
    counted = [
        f"{name} {names[: i + 1].count(name)}" if names.count(name) > 1 else name
        for i, name in enumerate(names)
    ]
    known = graph.bind(graph.flatten((x, parameters)))
    values = evaluate(terms, known)
    return {
        name: np.broadcast_to(value, x.shape) for name, value in zip(counted, values, strict=True)
    }


def _terms(graph: Graph, node: Node, own: Source) -> list[Node]:
    """Return what the model itself adds up to a node, from left to right."""
    terms, rest = [], [node]
    while rest:
        node = rest.pop()
        source = graph.sources.get(node)
        if node.op.name != "add" or source is None or source.function != own.function:
            terms.append(node)
        else:
            rest.extend(reversed(node.operands))
    return terms
