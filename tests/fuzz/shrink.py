"""A smaller case with the same fault: statements and parts of expressions are left out."""

import ast
import copy
import dataclasses
import time

from .case import Case, is_python

SECONDS = 4.0


def shrink(case, is_same, seconds=SECONDS):
    """Return the smallest case found of which ``is_same`` still holds."""
    until = time.monotonic() + seconds
    is_smaller = True
    while is_smaller:
        is_smaller = False
        for candidate in _smaller(case):
            if time.monotonic() > until:
                return case
            if is_same(candidate):
                case, is_smaller = candidate, True
                break
    return case


def _smaller(case: Case):
    if len(case.calls) > 1:
        for i in range(len(case.calls)):
            yield dataclasses.replace(case, calls=case.calls[:i] + case.calls[i + 1 :])
    for i, call in enumerate(case.calls):
        for before in _without_lines(call.before):
            changed = dataclasses.replace(call, before=before)
            yield dataclasses.replace(case, calls=(*case.calls[:i], changed, *case.calls[i + 1 :]))
    for source in _smaller_sources(case.source):
        yield dataclasses.replace(case, source=source)


def _without_lines(text):
    lines = text.splitlines()
    for i in range(len(lines)):
        shorter = "\n".join(lines[:i] + lines[i + 1 :])
        if is_python(shorter):
            yield shorter


def _smaller_sources(source):
    tree = ast.parse(source)
    places = [
        (number, field, i)
        for number, node in enumerate(ast.walk(tree))
        for field in ("body", "orelse", "handlers", "finalbody", "keywords", "decorator_list")
        if isinstance(getattr(node, field, None), list)
        for i in range(len(getattr(node, field)))
    ]
    for number, field, i in sorted(places):
        changed = copy.deepcopy(tree)
        node = list(ast.walk(changed))[number]
        items = getattr(node, field)
        nested = getattr(items[i], "body", None)
        for instead in ([], nested if isinstance(nested, list) else None):
            if instead is not None:
                yield from _text(changed, node, field, [*items[:i], *instead, *items[i + 1 :]])
    count = len(list(ast.walk(tree)))
    for number in range(count):
        changed = copy.deepcopy(tree)
        parent = list(ast.walk(changed))[number]
        for field, child in ast.iter_fields(parent):
            if isinstance(child, ast.BinOp):
                yield from _text(changed, parent, field, child.left)
                yield from _text(changed, parent, field, child.right)
            elif isinstance(child, ast.IfExp):
                yield from _text(changed, parent, field, child.body)


def _text(tree, node, field, value):
    """Yield the source of a tree in which a field of a node has another value, if it has one."""
    before = getattr(node, field)
    setattr(node, field, value)
    try:
        text = ast.unparse(ast.fix_missing_locations(tree))
        if is_python(text):
            yield text
    except (ValueError, AttributeError, TypeError):
        pass
    finally:
        setattr(node, field, before)
