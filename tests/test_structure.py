"""The walls: imports run downward, heavy packages stay out, modules stay small."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "src" / "steepest"

# The pipeline, from the bottom up; a module may import from its own layer and below.
LAYERS = [
    ["errors", "version"],
    ["files", "cache"],
    ["graph"],
    ["frames"],
    ["ops"],
    ["trace"],
    ["derivative"],
    ["rewrite"],
    ["engines"],
    ["check"],
    ["descent"],
    ["data", "show"],
    ["lesson"],
    ["cli"],
]
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}
MODULES = sorted(
    path for path in PACKAGE.rglob("*.py") if path.parent != PACKAGE or path.stem in LEVEL
)


def layer(path):
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported_layers(path):
    """Yield the layers of steepest that a file imports, also inside functions."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            package, _, rest = name.partition(".")
            if package == "steepest":
                yield rest.split(".")[0]


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_run_downward(path):
    for name in imported_layers(path):
        if layer(path) == "lesson" and name == "":
            continue  # the lesson is a user's code: it imports steepest whole
        assert LEVEL[name] <= LEVEL[layer(path)], f"{layer(path)} imports {name}, above it"


def test_every_folder_has_its_layer():
    folders = {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").exists()}
    assert folders <= set(LEVEL)


def test_presentation_is_reached_by_name_only_from_graph_and_descent():
    reaching = {
        (str(path.relative_to(PACKAGE)), call.args[0].value)
        for path in MODULES
        for call in ast.walk(ast.parse(path.read_text()))
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and call.func.attr == "import_module"
        and isinstance(call.args[0], ast.Constant)
        and call.args[0].value.startswith("steepest")
    }
    assert reaching == {
        ("graph/graph.py", "steepest.show.picture"),
        ("descent/solve.py", "steepest.show.progress"),
        ("descent/many.py", "steepest.show.progress"),
        ("descent/fit.py", "steepest.show.plot"),
        ("descent/fit.py", "steepest.show.report"),
        ("descent/result.py", "steepest.show.plot"),
        ("descent/scipy_names.py", "steepest.show.progress"),
    }


HEAVY = ("torch", "scipy", "sklearn", "matplotlib", "igraph", "typer", "rich", "safetensors")


def test_import_steepest_loads_nothing_heavy():
    code = f"import steepest, sys; print([m for m in {HEAVY} if m in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.stdout.strip() == "[]", result.stderr


@pytest.mark.parametrize("package", ["torch", "igraph", "matplotlib"])
def test_optional_packages_are_imported_in_one_place(package):
    places = [
        str(path.relative_to(PACKAGE))
        for path in MODULES
        if f'import_module("{package}' in path.read_text()
        or f"import {package}" in path.read_text().replace(f"import_{package}", "")
    ]
    assert len(places) == 1, places
