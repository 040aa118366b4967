"""The gradient checker: compare a gradient with other computations of it."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from steepest.derivative import nonfinite_origin, value_and_gradient
from steepest.engines import Torch
from steepest.errors import InputError
from steepest.frames import hides_frames
from steepest.graph import Graph, trees
from steepest.trace import current, trace_function
from steepest.trace.tracing import call_traced

_ENTRIES = 1000
"""Most entries that are checked."""

_TOLERANCES = {"hand-written": 1e-8, "torch": 1e-8, "finite differences": 1e-5}

_ROUNDINGS = 10.0
"""Rounding errors of a loss, in units of its last place, that differences may carry."""

# Coefficients of the fourth-order central difference at -2h, -h, h, 2h (Fornberg 1988).
_OFFSETS, _WEIGHTS = (-2.0, -1.0, 1.0, 2.0), (1 / 12, -2 / 3, 2 / 3, -1 / 12)


@dataclass(frozen=True)
class Disagreement:
    """The entry where a witness differs most.

    Attributes
    ----------
    witness
        Name of the witness.
    entry
        Name of the entry, such as ``x[0]``.
    ours, theirs
        The two values.
    error
        Their difference, beyond what rounding explains, as a share of the larger of the two,
        or of a thousandth of the largest entry where that is more.
    """

    witness: str
    entry: str
    ours: float
    theirs: float
    error: float


@dataclass(frozen=True, repr=False)
class GradientCheck:
    """Outcome of :func:`check_gradient`.

    Attributes
    ----------
    entries : tuple of str
        Names of the entries that were checked.
    gradient : ndarray
        Our gradient at these entries.
    witnesses : dict of str to ndarray
        For each witness, its gradient at these entries.
    worst : dict
        For each witness, where it differs most.
    verdict : str
        One sentence.
    agrees : bool
        Whether every witness agrees.

    Examples
    --------
    >>> import numpy as np, steepest as st
    >>> check = st.check_gradient(lambda x: np.sum(np.sin(x)), np.array([0.1, 0.2]))
    >>> check.agrees, check.entries
    (True, ('x[0]', 'x[1]'))
    """

    entries: tuple[str, ...]
    gradient: np.ndarray
    witnesses: dict[str, np.ndarray]
    worst: dict[str, Disagreement]
    verdict: str
    agrees: bool

    def __bool__(self) -> bool:
        return self.agrees

    def __repr__(self) -> str:
        return f"GradientCheck(agrees={self.agrees}, {len(self.entries)} entries)"

    def __str__(self) -> str:
        names = ["steepest", *self.witnesses]
        head = ["entry", *names]
        rows = [
            [entry, *(f"{column[i]:.12g}" for column in (self.gradient, *self.witnesses.values()))]
            for i, entry in enumerate(self.entries)
        ]
        shown = rows if len(rows) <= 20 else [*rows[:10], ["..."] * len(head), *rows[-10:]]
        widths = [max(len(row[i]) for row in [head, *shown]) for i in range(len(head))]
        lines = [
            "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True))
            for row in [head, *shown]
        ]
        return "\n".join([*lines, self.verdict])


@hides_frames
def check_gradient(
    function: Callable[..., Any],
    x: Any,
    gradient: Callable[..., Any] | None = None,
    args: Sequence[Any] = (),
) -> GradientCheck:
    """Compare a loss's gradient with independent witnesses, entry by entry.

    The witnesses are a hand-written gradient where one is given, finite differences of the
    plain function, and torch's autograd where torch is installed.

    Parameters
    ----------
    function : callable
        A loss written in NumPy: ``function(x, *args)``.
    x : array_like or nested parameters
        Where: an array, a number, or nested ones; computed in float64. Of more than 1,000
        entries, 1,000 are drawn (always the same).
    gradient : callable, optional
        The hand-written gradient: ``gradient(x, *args)``, of the structure of `x`.
    args : sequence, optional
        Further arguments.

    Returns
    -------
    GradientCheck
        True if all agree; ``print`` shows the entries, the verdict and the worst entry.

    Raises
    ------
    InputError
        If the hand-written gradient does not have the structure and shapes of `x`.

    Examples
    --------
    >>> import numpy as np, steepest as st
    >>> check = st.check_gradient(lambda x: np.sum(x**3), np.array([1.0, 2.0]),
    ...                           gradient=lambda x: 2 * x**2)
    >>> bool(check), check.worst["hand-written"].entry
    (False, 'x[0]')
    """
    x = trees.map_leaves(lambda leaf: np.asarray(leaf, np.float64)[()], x)
    leaves, structure = trees.flatten(x)
    names = _entry_names(x)
    chosen = np.arange(len(names))
    if len(names) > _ENTRIES:
        chosen = np.sort(np.random.default_rng(0).choice(len(names), _ENTRIES, replace=False))
    _, ours_tree = value_and_gradient(function)(x, *args)
    ours = _flat(ours_tree)[chosen]
    witnesses: dict[str, np.ndarray] = {}
    if gradient is not None:
        witnesses["hand-written"] = _hand_written(gradient, x, args)[chosen]
    if importlib.util.find_spec("torch"):
        witnesses["torch"] = _by_torch(function, leaves, structure, args)[chosen]
    witnesses["finite differences"], noise = _by_differences(function, x, args, chosen)
    entries = tuple(names[i] for i in chosen)
    worst = {
        w: _worst(w, entries, ours, theirs, noise if w == "finite differences" else 0.0)
        for w, theirs in witnesses.items()
    }
    failing = [d for w, d in worst.items() if not d.error <= _TOLERANCES[w]]
    verdict = _verdict(failing, list(witnesses), len(entries))
    if any(d.witness == "finite differences" for d in failing):
        verdict += _about_branches(function, (x, *args))
    if not np.isfinite(ours).all():
        origin = nonfinite_origin(value_and_gradient(function), (x, *args))
        verdict += f" It is not finite: first, {origin}." if origin else ""
    return GradientCheck(entries, ours, witnesses, worst, verdict, not failing)


def _about_branches(function: Callable[..., Any], arguments: Sequence[Any]) -> str:
    """Return a sentence on the branches taken, which decide the slope."""
    graph = trace_function(function, arguments).graph
    sources = [guard.source for guard in graph.guards]
    sources += [
        graph.sources.get(node)
        for node in graph.nodes
        if node.op.name == "where" and node.operands[0].op.name in ("equal", "not_equal")
    ]
    lines = dict.fromkeys(f"{source}: {source.text}" for source in sources if source)
    if not lines:
        return ""
    return (
        f" The slope is that of the side that was taken at {'; '.join(lines)}. A constant "
        "there that stands for a limit has slope 0."
    )


def _entry_names(x: Any) -> list[str]:
    names = []
    for leaf, name in zip(trees.leaves(x), trees.leaf_names(x, "x"), strict=True):
        names += [
            f"{name}[{', '.join(map(str, position))}]" if position else name
            for position in np.ndindex(*np.shape(leaf))
        ]
    return names


def _flat(tree: Any) -> np.ndarray:
    leaves = [np.ravel(np.asarray(leaf, np.float64)) for leaf in trees.leaves(tree)]
    return np.concatenate(leaves)


def _hand_written(gradient: Callable[..., Any], x: Any, args: Sequence[Any]) -> np.ndarray:
    theirs = gradient(x, *args)
    is_array = isinstance(x, np.ndarray)
    theirs = np.asarray(theirs, np.float64) if is_array else theirs
    expected, got = ([np.shape(leaf) for leaf in trees.leaves(tree)] for tree in (x, theirs))
    if expected != got:
        raise InputError(
            f"the hand-written gradient must have the shapes of x, {expected}, got {got}"
        )
    return _flat(theirs)


def _by_differences(
    function: Callable[..., Any], x: Any, args: Sequence[Any], chosen: np.ndarray
) -> tuple[np.ndarray, np.ndarray | float]:
    """Return finite differences, and the rounding error that each may have."""
    leaves, structure = trees.flatten(x)
    flat = _flat(x)
    splits = np.cumsum([np.size(leaf) for leaf in leaves])[:-1]

    def loss(vector: np.ndarray) -> float:
        pieces = np.split(vector, splits)
        shaped = [p.reshape(np.shape(q))[()] for p, q in zip(pieces, leaves, strict=True)]
        own = trees.map_leaves(_copied, tuple(args))  # the function may write to them
        return float(function(trees.unflatten(structure, shaped), *own))

    result, noise = np.empty(len(chosen)), np.empty(len(chosen))
    for number, i in enumerate(chosen):
        step = np.finfo(float).eps ** 0.2 * max(1.0, abs(flat[i]))
        losses = []
        for offset in _OFFSETS:
            moved = flat.copy()
            moved[i] += offset * step
            losses.append(loss(moved))
        result[number] = np.dot(_WEIGHTS, losses) / step
        noise[number] = _ROUNDINGS * np.finfo(float).eps * np.max(np.abs(losses)) / step
    return result, noise


def _copied(leaf: Any) -> Any:
    return leaf.copy() if isinstance(leaf, np.ndarray) else leaf


def _by_torch(
    function: Callable[..., Any], leaves: list[Any], structure: Any, args: Sequence[Any]
) -> np.ndarray:
    sizes = [np.size(leaf) for leaf in leaves]
    stops = np.cumsum(sizes)

    def of_vector(vector: Any, *rest: Any) -> Any:
        pieces = [
            np.reshape(vector[stop - size : stop], np.shape(leaf))
            for leaf, size, stop in zip(leaves, sizes, stops, strict=True)
        ]
        tree = trees.unflatten(structure, pieces)
        return call_traced(function, current(), (tree, *rest))

    of_vector.__name__ = getattr(function, "__name__", of_vector.__name__)  # for messages

    flat = np.concatenate([np.ravel(leaf) for leaf in leaves])
    trace = trace_function(of_vector, (flat, *args))
    graph: Graph = trace.graph
    values = [flat, *_array_leaves(args), *trace.captured_arrays()]
    return Torch().value_and_gradient(graph)(values)[1]


def _array_leaves(args: Sequence[Any]) -> list[np.ndarray]:
    leaves = trees.leaves(tuple(args))
    return [np.asarray(x) for x in leaves if isinstance(x, np.ndarray | np.generic | float)]


def _worst(
    witness: str,
    entries: Sequence[str],
    ours: np.ndarray,
    theirs: np.ndarray,
    noise: np.ndarray | float,
) -> Disagreement:
    largest = np.max(np.abs(np.concatenate([ours, theirs])), initial=0.0)
    scale = np.maximum(np.maximum(np.abs(ours), np.abs(theirs)), 1e-3 * largest)
    with np.errstate(all="ignore"):
        difference = np.maximum(np.abs(ours - theirs) - noise, 0.0)
        errors = np.where(ours == theirs, 0.0, difference / scale)
    errors = np.where(np.isnan(errors), np.inf, errors)
    i = int(np.argmax(errors))
    return Disagreement(witness, entries[i], float(ours[i]), float(theirs[i]), float(errors[i]))


def _verdict(failing: list[Disagreement], witnesses: list[str], count: int) -> str:
    if not failing:
        names = " and ".join(filter(None, [", ".join(witnesses[:-1]), witnesses[-1]]))
        return f"The gradient agrees with {names} in all {count} entries."
    worst = max(failing, key=lambda d: d.error)
    agreeing = [w for w in witnesses if w not in {d.witness for d in failing}]
    conclusion = ""
    if worst.witness == "hand-written" and agreeing:
        conclusion = (
            f"; {' and '.join(agreeing)} confirm steepest's, so the hand-written one is wrong"
        )
    return (
        f"The gradient differs from {worst.witness} most at {worst.entry}: "
        f"{worst.ours:.12g} against {worst.theirs:.12g}, an error of {worst.error:.1%}"
        f"{conclusion}."
    )
