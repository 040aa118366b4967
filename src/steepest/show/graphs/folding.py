"""Boxes for several operations: those of a line, of a function, or of a loop."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any

from steepest.graph import Node
from steepest.graph.source import Source
from steepest.show.graphs.boxes import Box, Wording, boxes_of_nodes, shortened
from steepest.show.text import type_of

MOST_BOXES = 40
"""Largest number of boxes of a picture in which each operation has its own."""

_MOST_NOTED = 40


def boxes_of(wording: Wording) -> list[Box]:
    """Return the boxes of a graph, operands first.

    If there are too many operations, those of a line of the user's that follow one another share
    a box; if these are too many, those of a function do. What repeats becomes one box, a loop.
    At last, the parts of one argument do.
    """
    boxes = boxes_of_nodes(wording)
    if len(boxes) <= MOST_BOXES:
        return boxes
    sources = _sources(wording, boxes)
    own = _own_function(wording)
    for group in (_by_line, _by_function(own)):
        for merge in (_in_a_row, _in_a_cycle):
            folded = _folded(wording, boxes, merge(boxes, sources, group))
            if len(folded) <= MOST_BOXES:
                return folded
    return _folded(wording, boxes, merge(boxes, sources, group) | _inputs(boxes))


def _sources(wording: Wording, boxes: Sequence[Box]) -> dict[Hashable, Source | None]:
    """Return the user's line of each operation; of one without, that of a neighbor."""
    found: dict[Hashable, Source | None] = {}
    for box in boxes:
        if box.kind in ("operation", "result") and isinstance(box.key, Node):
            inherited = [found.get(one) for one in box.operands]
            known = next((one for one in inherited if one is not None), None)
            found[box.key] = wording.graph.sources.get(box.key) or known
    for box in reversed(boxes):
        for one in box.operands:
            if one in found and found[one] is None:
                found[one] = found.get(box.key)
    return found


def _own_function(wording: Wording) -> tuple[str, str] | None:
    """Return file and name of the function that was traced, as far as is known."""
    sources = [wording.graph.sources.get(node) for node in wording.graph.outputs]
    source = next((one for one in sources if one is not None), None)
    return None if source is None else (source.file, source.function)


def _by_line(source: Source) -> Hashable:
    return source.file, source.line


def _by_function(own: tuple[str, str] | None) -> Callable[[Source], Hashable]:
    """Return the group of a line: its function, or the line itself in the traced function."""

    def group(source: Source) -> Hashable:
        function = source.file, source.function
        return (source.file, source.line) if function == own else function

    return group


Groups = dict[Hashable, Hashable]
"""For each operation the box that it is folded into."""


def _in_a_row(
    boxes: Sequence[Box],
    sources: dict[Hashable, Source | None],
    group: Callable[[Source], Hashable],
) -> Groups:
    """Fold operations of one group that no other group lies between.

    The depth of an operation is how often the group changes on the way to it. Edges between
    operations of one group and depth stay within a box, all others lead to a greater depth.
    """
    depth: dict[Hashable, int] = {}
    groups: Groups = {}
    kinds: dict[Hashable, Hashable] = {}
    for box in boxes:
        source = sources.get(box.key)
        if source is None:
            depth[box.key], kinds[box.key] = 0, box.key
            if box.operands:
                depth[box.key] = 1 + max(depth[one] for one in box.operands)
            continue
        kind = kinds[box.key] = group(source)
        steps = [depth[one] + (kinds[one] != kind) for one in box.operands]
        depth[box.key] = max(steps, default=0)
        groups[box.key] = kind, depth[box.key]
    return groups


def _in_a_cycle(
    boxes: Sequence[Box],
    sources: dict[Hashable, Source | None],
    group: Callable[[Source], Hashable],
) -> Groups:
    """Fold all operations of a group, and groups that need one another: the lines of a loop."""
    groups = {key: group(source) for key, source in sources.items() if source is not None}
    edges: dict[Hashable, set[Hashable]] = {}
    for box in boxes:
        end = groups.get(box.key, box.key)
        edges.setdefault(end, set())
        for one in box.operands:
            start = groups.get(one, one)
            if start != end:
                edges.setdefault(start, set()).add(end)
    component = _components(edges)
    return {key: component[kind] for key, kind in groups.items()}


def _components(edges: dict[Hashable, set[Hashable]]) -> dict[Hashable, int]:
    """Return the number of the strongly connected component of each vertex (Kosaraju)."""
    order: list[Hashable] = []
    seen: set[Hashable] = set()
    for start in edges:
        stack: list[tuple[Hashable, bool]] = [(start, False)]
        while stack:
            vertex, is_done = stack.pop()
            if is_done:
                order.append(vertex)
            elif vertex not in seen:
                seen.add(vertex)
                stack += [(vertex, True), *[(one, False) for one in edges[vertex]]]
    back: dict[Hashable, list[Hashable]] = {vertex: [] for vertex in edges}
    for start, ends in edges.items():
        for end in ends:
            back[end].append(start)
    component: dict[Hashable, int] = {}
    for number, root in enumerate(reversed(order)):
        waiting = [root]
        while waiting:
            vertex = waiting.pop()
            if vertex not in component:
                component[vertex] = number
                waiting += back[vertex]
    return component


def _inputs(boxes: Sequence[Box]) -> Groups:
    """Fold the inputs that are parts of one argument."""
    return {
        box.key: (box.kind, box.lines[0].partition("[")[0])
        for box in boxes
        if box.kind in ("parameter", "data")
    }


def _folded(wording: Wording, boxes: Sequence[Box], groups: Groups) -> list[Box]:
    """Return boxes of which those in one group are one, operands first."""
    members: dict[Hashable, list[Box]] = {}
    for box in boxes:
        members.setdefault(groups.get(box.key, box.key), []).append(box)
    key_of = {box.key: key for key, inside in members.items() for box in inside}
    used = {one for box in boxes for one in box.operands if key_of[box.key] != key_of[one]}
    result = {key: _one_box(wording, key, inside, key_of, used) for key, inside in members.items()}
    return _sorted(result)


def _one_box(
    wording: Wording,
    key: Hashable,
    inside: Sequence[Box],
    key_of: dict[Hashable, Hashable],
    used: set[Hashable],
) -> Box:
    """Return the box of a group."""
    outside = dict.fromkeys(key_of[one] for box in inside for one in box.operands)
    operands = tuple(one for one in outside if one != key)
    if len(inside) == 1:
        (box,) = inside
        return Box(key, box.lines, box.kind, operands, box.note)
    if inside[0].kind in ("parameter", "data"):
        title = f"{inside[0].lines[0]} to {inside[-1].lines[0]}"
        lines = [title, f"{len(inside)} times {inside[0].kind}"]
        return Box(key, shortened(lines), inside[0].kind)
    nodes: list[Any] = [box.key for box in inside]
    sources = [wording.graph.sources.get(node) for node in nodes]
    places = sorted({source for source in sources if source is not None})
    results = [node for node in nodes if node in used or node in wording.graph.outputs]
    lines = [*_title(places), f"{len(nodes)} operations"]
    if len(results) == 1:
        lines[-1] += f", gives {type_of(results[0])}"
        lines += wording.numbers(results[0])
    elif results:
        lines[-1] += f", {len(results)} results"
    noted = [box.lines[0] for box in inside[:_MOST_NOTED]]
    noted += ["..."] if len(inside) > _MOST_NOTED else []
    heads = [f"{source}  {source.text}" for source in places]
    is_result = any(node in wording.graph.outputs for node in nodes)
    kind = "result" if is_result else "folded"
    return Box(key, shortened(lines), kind, operands, "\n".join([*heads, "", *noted]))


def _title(places: Sequence[Source]) -> list[str]:
    """Return what a box of several operations is called: its line, its function, its lines."""
    if not places:
        return ["operations"]
    functions = list(dict.fromkeys((place.file, place.function) for place in places))
    if len({(place.file, place.line) for place in places}) == 1:
        return [places[0].text or str(places[0])]
    names = [name for _, name in functions]
    if len(names) == 1:
        lines = [place.line for place in places]
        file = str(places[0]).rpartition(":")[0]
        return [names[0], f"{file}:{min(lines)} to {max(lines)}"]
    few = names if len(names) <= 3 else [*names[:2], f"{len(names) - 2} more"]
    return [", ".join(few)]


def _sorted(boxes: dict[Hashable, Box]) -> list[Box]:
    """Return boxes so that operands come first."""
    result: list[Box] = []
    seen: set[Hashable] = set()
    for start in boxes:
        stack: list[tuple[Hashable, bool]] = [(start, False)]
        while stack:
            key, is_done = stack.pop()
            if is_done:
                result.append(boxes[key])
            elif key not in seen:
                seen.add(key)
                stack.append((key, True))
                stack += [(one, False) for one in reversed(boxes[key].operands)]
    return result
