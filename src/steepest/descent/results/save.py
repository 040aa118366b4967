"""Saved runs: what a file of arrays holds of a run."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from steepest.array_files import Kind
from steepest.descent.iteration.problem import Problem
from steepest.descent.iteration.serialize import decode_structure, encode, encode_structure
from steepest.descent.problem.constrained import ConstrainedObjective
from steepest.descent.problem.differencing import with_differences
from steepest.descent.problem.model import NegativeLogLikelihood
from steepest.descent.problem.objective import Objective
from steepest.descent.problem.parameters import ParameterLayout, as_plain_dict
from steepest.descent.problem.robust_loss import LOSSES
from steepest.engines import Snapshot
from steepest.errors import InputError
from steepest.graph import Graph, Node, trees
from steepest.streams import Source
from steepest.trace import trace_function
from steepest.trace.tracing import is_array_like

RUN = Kind("steepest", 2, "saved run", "run.save")


class Saved(NamedTuple):
    """A run loaded from a file.

    Attributes
    ----------
    settings
        Settings of the run, from JSON.
    arrays
        Its arrays, by name.
    """

    settings: dict[str, Any]
    arrays: dict[str, np.ndarray]


def save(
    path: Any,
    problem: Problem,
    snapshot: Snapshot,
    columns: Sequence[np.ndarray],
    xs: np.ndarray | None,
    more: dict[str, Any],
) -> None:
    """Write a run to a file.

    Parameters
    ----------
    path
        File to write.
    problem
        The problem.
    snapshot
        The point and the method's state.
    columns, xs
        The history so far, as the engine recorded it.
    more
        Further settings.
    """
    if snapshot.count == 0:  # before the first update nothing is kept of an earlier point
        snapshot = replace(snapshot, previous_x=snapshot.x, previous_loss=float("nan"))
    arrays = {"x": snapshot.x, "previous_x": snapshot.previous_x}
    arrays |= {f"state{i}": value for i, value in enumerate(snapshot.state)}
    arrays |= {f"history{i}": column for i, column in enumerate(columns)}
    if xs is not None:
        arrays["xs"] = xs
    if problem.box is not None:
        arrays |= {"lower": problem.box.lower, "upper": problem.box.upper}
    layout, batches = problem.layout, problem.batches
    objective = problem.objective
    settings = {
        "count": snapshot.count,
        "previous_loss": snapshot.previous_loss,
        "method": encode(problem.method),
        "stop": encode(problem.stop),
        "structure": encode_structure(layout.structure),
        "shapes": layout.shapes,
        "dtypes": [dtype.name for dtype in layout.dtypes],
        "is_array": layout.is_array,
        "dtype": problem.dtype.name,
        "batches": None if batches is None else vars(batches),
        "record_every": problem.record_every,
        "record_x": problem.record_x,
        "engine": problem.engine.name,
        "max_paths": problem.max_paths,
        "fast": problem.fast,
        "of_residuals": objective.of_residuals,
        "loss": next((n for n, rho in LOSSES.items() if rho is objective.rho), None),
        "f_scale": objective.scale,
        "marks": marks(objective),
        "data": fingerprints(problem.args),
        "constraints": constraints_of(problem, snapshot.x),
        "likelihood": _likelihood(objective.function),
        **more,
    }
    RUN.write(path, arrays, settings)


def _likelihood(function: Any) -> dict[str, Any] | None:
    """Return what a likelihood is made of besides the log-density; None for any other function."""
    if not isinstance(function, NegativeLogLikelihood):
        return None
    return {"is_named": function.model.is_named, "names": function.names}


def load(path: Any) -> Saved:
    """Return a run from a file.

    Raises
    ------
    InputError
        If there is no such file, or if it is damaged, not a saved run, or of another format.
    """
    return Saved(*RUN.read(path))


def saved_parameters(path: Any) -> Any:
    """Return the parameters that a saved run has reached.

    They are in the structure of the start values; those of a curve fit are a dict by name.

    Raises
    ------
    InputError
        As :func:`load`, and if the parameters are made by code, which the file does not hold.
    """
    settings, arrays = load(path)
    if settings["marks"] is not None or settings["structure"] is None:
        what = "marked" if settings["marks"] is not None else "named tuples or dataclasses"
        raise InputError(
            f"the start values of the run in {path} are {what}, and the file holds no code: write "
            "st.resume(path, function, args, like=x0).x"
        )
    structure = decode_structure(settings["structure"])
    shapes = tuple(map(tuple, settings["shapes"]))
    dtypes = tuple(map(np.dtype, settings.get("own_dtypes", settings["dtypes"])))
    x = ParameterLayout(structure, shapes, dtypes, settings["is_array"]).unpack(arrays["x"])
    if settings.get("model") is None or not settings["is_array"]:
        return as_plain_dict(x)
    return dict(zip(settings["names"], np.reshape(x, -1).tolist(), strict=True))


def digest(graph: Graph) -> str | None:
    """Return a hash of a function's graph; None if the graph is one of several paths."""
    if graph.guards:
        return None
    total = hashlib.sha256()
    numbers: dict[Node, int] = {}
    inputs = {node: {"input": number} for number, node in enumerate(graph.inputs)}
    for node in graph.nodes:
        numbers[node] = len(numbers)
        operands = [numbers[operand] for operand in node.operands]
        attributes = inputs.get(node, node.attributes)
        attributes = {k: v for k, v in attributes.items() if not isinstance(v, Graph)}
        text = f"{node.op.name} {operands} {node.shape} {node.dtype} {attributes!r}"
        total.update(text.encode())
        for step in node.attributes.values():
            if isinstance(step, Graph):
                total.update((digest(step) or "").encode())
    return total.hexdigest()


def constraints_of(problem: Problem, x: np.ndarray) -> dict[str, Any] | None:
    """Return the number of constraints and a hash of their graph; None if there are none."""
    objective = problem.objective
    if not isinstance(objective, ConstrainedObjective):
        return None

    def values(vector: Any, *args: Any) -> Any:
        return objective(vector, problem.layout, args).constraints

    def traced() -> Graph:
        at_x = np.asarray(x, problem.dtype)
        graph: Graph = trace_function(values, (at_x, *problem.args)).graph
        return graph

    graph = with_differences(objective.subject, traced)
    return {"number": len(objective.constraints), "graph": digest(graph)}


def marks(objective: Objective) -> list[str] | None:
    """Return a description of the marked start values; None if there are none."""
    if objective.expand is None:
        return None
    keys = [None if m is None else m.key for m in objective.expand.markers]
    names = [getattr(key, "__qualname__", None) or repr(key) for key in keys]
    kinds = [type(marker).__name__ for marker in objective.expand.markers]
    return [f"{kind} {name}" for kind, name in zip(kinds, names, strict=True)]


def fingerprints(args: Sequence[Any]) -> list[str]:
    """Return hashes of the arguments, to compare them with those of another run."""
    return [_fingerprint(leaf) for leaf in trees.leaves(tuple(args))]


def _fingerprint(leaf: Any) -> str:
    if isinstance(leaf, Source):
        if type(leaf.origin) is not np.ndarray:
            return leaf.fingerprint()
        leaf = leaf.origin  # its rows were divided among machines
    if not is_array_like(leaf):
        return repr(leaf)
    array = np.ascontiguousarray(leaf)
    digest = hashlib.sha256(array.tobytes()).hexdigest()
    return f"{array.dtype.name} {array.shape} {digest}"
