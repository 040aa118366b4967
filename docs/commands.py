"""The reference of the ``steepest`` command, made from the commands' signatures.

``docs/conf.py`` writes the page at each build.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import Any, get_args

from typer.models import ArgumentInfo

from steepest.cli.app import COMMANDS

_HEAD = """# The command line

The command `steepest` does from a terminal what the library does from Python. Functions are named
as `FILE:FUNCTION`: a Python file, and a function in it that is written in NumPy. This page is made
from the commands; `steepest COMMAND --help` prints the same.

Results are printed for people, and `--json` prints them for programs. The exit status is 0 only on
success. Progress and warnings go to stderr. Bad input is one sentence there.
"""


def page() -> str:
    """Return the page as Markdown: each command with its arguments and options."""
    return "\n".join([_HEAD, *map(_section, COMMANDS)])


def _section(command: Callable[..., Any]) -> str:
    text, _, example = inspect.cleandoc(command.__doc__ or "").partition("Example:")
    parameters = inspect.signature(command, eval_str=True).parameters.values()
    taken = [(p, get_args(p.annotation)) for p in parameters]
    arguments = [(p, info) for p, (_, info) in taken if isinstance(info, ArgumentInfo)]
    options = [(p, k, info) for p, (k, info) in taken if not isinstance(info, ArgumentInfo)]
    usage = ["steepest", command.__name__, *(_metavar(p, info) for p, info in arguments)]
    rows = [(_metavar(p, info), info.help) for p, info in arguments]
    rows += [(_names(p, kind, info), _meaning(p, info)) for p, kind, info in options]
    parts = [f"## {command.__name__}", re.sub(r"(--[a-z-]+)", r"`\1`", text.strip())]
    parts.append(_code(" ".join([*usage, *(["[OPTIONS]"] if options else [])])))
    if rows:
        lines = [f"| `{left}` | {_escaped(right)} |" for left, right in rows]
        parts.append("\n".join(["| argument or option | meaning |", "| --- | --- |", *lines]))
    parts += ["Example:", _code(re.sub(r"\s*\n\s*", " \\\n    ", example.strip()))]
    return "\n\n".join(parts) + "\n"


def _code(text: str) -> str:
    return f"```text\n{text}\n```"


def _metavar(parameter: inspect.Parameter, info: Any) -> str:
    return info.metavar or parameter.name.upper()


def _names(parameter: inspect.Parameter, kind: Any, info: Any) -> str:
    given = [info.default, *info.param_decls]  # typer takes the first name for a default
    names = [name for name in given if isinstance(name, str) and name.startswith("-")]
    names = names or [f"--{parameter.name.replace('_', '-')}"]
    first = get_args(kind)[0] if get_args(kind) else kind
    if first is bool:
        return ", ".join(names)
    name = {"str": "TEXT", "float": "NUMBER", "int": "NUMBER", "Path": "FILE"}[first.__name__]
    return f"{', '.join(names)} {info.metavar or name}"


def _meaning(parameter: inspect.Parameter, info: Any) -> str:
    if parameter.default is inspect.Parameter.empty:
        return f"{info.help} Required."
    is_shown = parameter.default not in (None, False)
    return f"{info.help} Default: {parameter.default}." if is_shown else str(info.help)


def _escaped(text: str) -> str:
    text = re.sub(r"(--[a-z-]+)", r"`\1`", text)
    return text.replace("|", "\\|").replace("<", "\\<").replace("*", "\\*")
