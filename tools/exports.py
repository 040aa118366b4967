"""Write the lists of what packages export, from what their modules say is public.

A module of descents says in its ``__all__`` what users see. The packages above name all of it
once more, because type checkers and readers look there: this writes those lists.

python tools/exports.py [--check] [--source src/steepest]
"""

from __future__ import annotations

import argparse
import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

PACKAGES = {
    "descent/methods/__init__.py": (
        "steepest.descent.methods.*",
        "steepest.descent.methods.constrained.augmented_lagrangian",
        "steepest.descent.methods.constrained.interior_point",
        "steepest.descent.methods.constrained.sqp",
    ),
    "descent/__init__.py": (
        "steepest.descent.compare",
        "steepest.descent.inference.*",
        "steepest.descent.constraints.forms",
        "steepest.descent.methods",
        "steepest.descent.methods.schedules",
        "steepest.descent.problem.transforms",
        "steepest.descent.results.result",
        "steepest.descent.starts.multistart_result",
        "steepest.descent.results.root_result",
        "steepest.descent.results.scalar_result",
        "steepest.descent.stop_rules",
    ),
    "__init__.py": ("steepest.descent",),
}
"""For each package, from the bottom up, the modules whose public names it exports."""


def exports(text: str) -> list[str]:
    """Return what a module's ``__all__`` says; nothing where there is none."""
    found: list[str] = []
    for statement in ast.parse(text).body:
        if isinstance(statement, ast.Assign | ast.AugAssign) and _target(statement) == "__all__":
            found += ast.literal_eval(statement.value)
    return found


def _target(statement: ast.Assign | ast.AugAssign) -> str:
    targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
    return ast.unparse(targets[0])


def modules(source: Path, pattern: str) -> Iterator[tuple[str, list[str]]]:
    """Yield the modules of a pattern, and what each exports."""
    parts = pattern.split(".")[1:]
    if parts[-1] == "*":
        files = sorted(source.joinpath(*parts[:-1]).glob("[!_]*.py"))
        schedules = [name for names in PACKAGES.values() for name in names]
        for file in files:
            name = f"{pattern[:-1]}{file.stem}"
            if name not in schedules:
                yield name, exports(file.read_text())
        return
    place = source.joinpath(*parts)
    file = place / "__init__.py" if place.is_dir() else place.with_suffix(".py")
    yield pattern, exports(file.read_text())


def rewritten(text: str, wanted: dict[str, list[str]]) -> str:
    """Return a package's text with the imports from some modules, and its ``__all__``, anew."""
    tree, lines = ast.parse(text), text.splitlines(keepends=True)
    public, gone = set(exports(text)), set[str]()
    spans: list[tuple[int, int]] = []
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.module in wanted:
            gone |= {alias.name for alias in node.names}
            spans.append((node.lineno - 1, node.end_lineno or node.lineno))
        if isinstance(node, ast.Assign) and _target(node) == "__all__":
            spans.append((node.lineno - 1, node.end_lineno or node.lineno))
    for start, stop in reversed(spans):
        del lines[start:stop]
    first = tree.body[0].end_lineno  # after the docstring
    lines[first:first] = [
        "\n",
        *(f"from {name} import {', '.join(names)}\n" for name, names in wanted.items()),
    ]
    everything = (public - gone).union(*wanted.values())
    return "".join(lines) + f"\n__all__ = {sorted(everything)!r}\n"


def formatted(text: str) -> str:
    """Return text as ruff sorts and formats it."""
    for command in (["check", "--fix", "--quiet", "--select", "I,RUF022"], ["format"]):
        name = ["--stdin-filename", "src/steepest/__init__.py", "-"]
        ruff = [sys.executable, "-m", "ruff", *command, *name]
        text = subprocess.run(ruff, input=text, capture_output=True, text=True, check=True).stdout
    return text


def main() -> None:
    """Write the packages' files; with ``--check`` only say which are not up to date."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--source", type=Path, default=Path("src/steepest"))
    arguments = parser.parse_args()
    stale = []
    for package, patterns in PACKAGES.items():
        file = arguments.source / package
        wanted = dict(pair for p in patterns for pair in modules(arguments.source, p))
        before = file.read_text()
        after = formatted(rewritten(before, {k: v for k, v in wanted.items() if v}))
        if after != before:
            stale.append(str(file))
            if not arguments.check:
                file.write_text(after)
    if stale and arguments.check:
        sys.exit(f"run tools/exports.py: {', '.join(stale)}")


if __name__ == "__main__":
    main()
