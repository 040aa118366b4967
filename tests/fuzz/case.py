"""A case: the text of a module that defines ``f``, and calls of it.

Everything is text, so that a case can be printed, made smaller, and run by hand.
"""

import ast
import functools
import itertools
import linecache
import re
import sys
import types
from dataclasses import dataclass

FILE = "/fuzz/case.py"
"""What errors call the file of a case; it exists in `linecache` alone."""


@dataclass(frozen=True)
class Call:
    """Statements that run in the module first, and the arguments as text of a tuple."""

    arguments: str
    before: str = ""


@dataclass(frozen=True)
class Case:
    """A module that defines ``f``, what is tried in it, and its calls, one after another."""

    name: str
    source: str
    calls: tuple[Call, ...]

    def text(self):
        """Return the case as a program."""
        lines = [self.source.strip()]
        for call in self.calls:
            lines += [call.before.strip()] if call.before.strip() else []
            lines.append(f"f(*{call.arguments})")
        return "\n".join(lines)


_numbers = itertools.count()


def load(case):
    """Return the names of a fresh module made of a case's source."""
    module = types.ModuleType("fuzz_case")
    module.__file__ = FILE
    sys.modules["fuzz_case"] = module  # where dataclasses and enumerations look
    file = f"{FILE[:-3]}_{next(_numbers) % 64}.py"
    linecache.cache[file] = (len(case.source), None, case.source.splitlines(True), file)
    exec(compile(case.source, file, "exec"), vars(module))
    return vars(module)


def run_before(names, call):
    """Run the statements before a call in the module."""
    exec(compile(call.before, "/fuzz/between.py", "exec"), names)


def arguments_of(names, call):
    """Return the arguments of a call, made anew."""
    return eval(compile(call.arguments, "/fuzz/between.py", "eval"), names)


def is_python(text):
    """Whether a text is a module of Python."""
    try:
        compile(ast.parse(text), FILE, "exec")
    except (SyntaxError, ValueError):
        return False
    return True


def with_needed(definitions, text, also=""):
    """Return a text after those of the definitions that it, and another text, need."""
    known = _definitions(definitions)
    needed, seen = _names(f"{text} {also}"), set()
    while new := {name for name in needed & set(known) if name not in seen}:
        seen |= new
        needed = needed.union(*(_names(known[name]) for name in new))
    chosen = dict.fromkeys(part for name, part in known.items() if name in seen)
    return "\n\n".join([*chosen, text.strip()]) + "\n"


@functools.cache
def _definitions(text):
    """Return the text of each definition at the top of a module, by the name it defines."""
    found = {}
    for node in ast.parse(text).body:
        first = min([node.lineno, *(x.lineno for x in getattr(node, "decorator_list", ()))])
        part = "\n".join(text.splitlines()[first - 1 : node.end_lineno])
        if isinstance(node, ast.Import):
            names = [(item.asname or item.name).partition(".")[0] for item in node.names]
        elif isinstance(node, ast.Assign):
            names = [target.id for target in node.targets]
        else:
            names = [node.name]
        for name in names:  # "scipy" stands for all of its submodules that are imported
            found[name] = f"{found[name]}\n{part}" if name in found else part
    return found


def _names(text):
    return set(re.findall(r"[A-Za-z_]\w*", text))
