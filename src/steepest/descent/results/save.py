"""Saved runs: arrays as safetensors, with settings as JSON in the header, written atomically.

The first setting is a checksum of the whole file, computed with zeros in its place.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from steepest.descent.iteration.problem import Problem
from steepest.descent.iteration.serialize import encode, encode_structure
from steepest.descent.problem.objective import Objective
from steepest.descent.problem.robust_loss import LOSSES
from steepest.engines import Snapshot
from steepest.errors import InputError
from steepest.files import write_atomically
from steepest.graph import Graph, Node, trees
from steepest.trace.tracing import is_array_like
from steepest.version import __version__

FORMAT = 2
"""Version of the file format; files of another version raise an error."""

KEY, CHECKSUM = "steepest", "sha256"
"""Keys of the settings in the metadata, and of the checksum in the settings. The metadata has one
key only, since safetensors writes several in varying order."""

_NO_CHECKSUM = b"0" * 64
_LENGTH = 8  # bytes at the start of the file that hold the length of the header


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
    from safetensors.numpy import save as to_bytes

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
        CHECKSUM: _NO_CHECKSUM.decode(),
        "format": FORMAT,
        "version": __version__,
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
        **more,
    }
    packed = {name: np.asarray(array, order="C") for name, array in arrays.items()}
    content = to_bytes(packed, metadata={KEY: json.dumps(settings)})
    checksum = hashlib.sha256(content).hexdigest()
    write_atomically(path, content.replace(_NO_CHECKSUM, checksum.encode(), 1))


def load(path: Any) -> Saved:
    """Return a run from a file.

    Raises
    ------
    InputError
        If there is no such file, or if it is damaged, not a saved run, or of another format.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load as from_bytes

    path = Path(path)
    if not path.is_file():
        raise InputError(f"there is no file {path}")
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from None
    try:
        header = _header(content)
        metadata = header.get("__metadata__", {})
        is_ours = KEY in metadata
    except (ValueError, AttributeError, TypeError, RecursionError):
        raise InputError(f"{path} is no saved run, or was cut short; save it again") from None
    if not is_ours:
        names = ", ".join(name for name in header if name != "__metadata__")
        raise InputError(f"{path} was not written by run.save: it holds {names or 'no arrays'}")
    damaged = InputError(f"{path} is damaged: it does not hold what was saved; save it again")
    try:
        settings = json.loads(metadata[KEY])
        written, version = settings["format"], settings["version"]
    except (ValueError, TypeError, KeyError, RecursionError):
        raise damaged from None
    if written != FORMAT:
        raise InputError(
            f"{path} is of format {written}, written by steepest {version}; this is steepest "
            f"{__version__}, which reads format {FORMAT}"
        )
    checksum = str(settings.get(CHECKSUM)).encode()
    if hashlib.sha256(content.replace(checksum, _NO_CHECKSUM, 1)).hexdigest().encode() != checksum:
        raise damaged
    try:
        return Saved(settings, from_bytes(content))
    except (SafetensorError, ValueError):
        raise damaged from None


def _header(content: bytes) -> dict[str, Any]:
    """Return the JSON header of a file of arrays."""
    length = int.from_bytes(content[:_LENGTH], "little")
    header = content[_LENGTH : _LENGTH + length]
    if len(header) < length or len(content) < _LENGTH:
        raise ValueError("cut short")
    settings: dict[str, Any] = json.loads(header)
    return settings


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
    if not is_array_like(leaf):
        return repr(leaf)
    array = np.ascontiguousarray(leaf)
    digest = hashlib.sha256(array.tobytes()).hexdigest()
    return f"{array.dtype.name} {array.shape} {digest}"
