"""The package's structure: imports run downward, heavy packages stay out, folders stay small."""

import ast
import graphlib
import importlib
import re
import subprocess
import sys
from collections import Counter

import pytest

from tests.support.paths import ROOT

pytestmark = pytest.mark.sampled(1)  # cheap: every case

PACKAGE = ROOT / "src" / "steepest"

# The pipeline, from the bottom up; a module may import from its own layer and below.
LAYERS = [
    ["errors", "version", "lazy", "presentation"],
    ["activity", "files", "cache"],
    ["array_files", "packing"],
    ["graph"],
    ["frames"],
    ["streams"],
    ["ops"],
    ["trace"],
    ["derivative"],
    ["rewrite"],
    ["engines"],
    ["check"],
    ["descent"],
    ["data", "show", "learn"],
    ["models", "exchange"],
    ["lesson"],
    ["play"],
    ["cli"],
]
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}
MODULES = sorted(
    path for path in PACKAGE.rglob("*.py") if path.parent != PACKAGE or path.stem in LEVEL
)


def module_name(path):
    dotted = ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)
    return dotted.removesuffix(".__init__")


NAMES = {module_name(path) for path in PACKAGE.rglob("*.py")}


def imported(path):
    """Yield the modules of steepest that a file imports, also inside functions."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in NAMES)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            for alias in node.names:
                name = f"{node.module}.{alias.name}"
                yield from {name if name in NAMES else node.module} & NAMES


IMPORTS = {module_name(path): set(imported(path)) for path in PACKAGE.rglob("*.py")}


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


# Parts of a folder, from the bottom up; a module in none of them is above them all.
PARTS = {
    "descent": ["settings", "problem", "stop_rules", "methods", "iteration", "results", "running"],
    "engines.native": [
        *("ir", "jit", "schedule", "codegen", "kernels", "runtime", "programs", "runs"),
    ],
    "trace": [
        *("recording", "patterns", "rerolling", "stable", "arrays", "following", "subgraph"),
        *("control_flow", "searching", "compositions", "functions"),
    ],
}


def part_level(name, folder):
    """Return the level of a module's part in its folder."""
    first = name.removeprefix(f"steepest.{folder}").lstrip(".").split(".")[0]
    return PARTS[folder].index(first) if first in PARTS[folder] else len(PARTS[folder])


@pytest.mark.parametrize("folder", PARTS)
def test_parts_of_a_folder_import_parts_below(folder):
    package = f"steepest.{folder}"
    inside = {name: seen for name, seen in IMPORTS.items() if name.startswith(package)}
    upward = {
        f"{name} imports {other}"
        for name, seen in inside.items()
        for other in seen & set(inside)
        if part_level(other, folder) > part_level(name, folder)
    }
    assert upward == set()


def test_imports_have_no_cycle():
    # Importing a module of a package does not count as importing what the package imports.
    order = graphlib.TopologicalSorter({name: seen - {name} for name, seen in IMPORTS.items()})
    order.prepare()  # raises CycleError


@pytest.mark.parametrize("folder", ["trace/functions", "engines/native/kernels"])
def test_modules_that_register_functions_are_imported(folder):
    for package in (PACKAGE / folder).rglob("__init__.py"):
        listed = IMPORTS[module_name(package)]
        inside = {module_name(p) for p in package.parent.glob("*.py") if p != package}
        inside |= {module_name(p) for p in package.parent.glob("*/__init__.py")}
        helpers = {name for name in inside if re.search(r"gemm_tile|gemv|registry", name)}
        if package.parent.name != "scipy":  # whose modules are imported when they are met
            assert inside - helpers <= listed, package


def test_every_module_that_records_scipy_is_imported_in_the_end():
    package = "steepest.trace.functions.scipy"
    code = f"""
import importlib, sys, steepest
importlib.import_module("{package}").register("")
print(*sys.modules)
"""
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    folder = PACKAGE / "trace" / "functions" / "scipy"
    inside = {path.stem for path in folder.iterdir() if path.stem[0] != "_"}
    assert {f"{package}.{name}" for name in inside} <= set(printed.stdout.split())


def test_folders_are_small():
    sizes = {
        str(folder.relative_to(PACKAGE)): len(list(folder.glob("*.py")))
        for folder in [PACKAGE, *PACKAGE.rglob("*")]
        if folder.is_dir()
    }
    assert {folder: size for folder, size in sizes.items() if size > 16} == {}


def test_no_module_is_reached_by_name_from_below():
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
    assert reaching == set()


TESTS = ROOT / "tests"
# Folders of tests that are no folders of the package: inputs, helpers, tests of the whole.
OF_TESTS_ALONE = {"cases", "support", "project", "fuzz"}


def test_tests_lie_in_the_folders_of_what_they_test():
    folders = {path.parent.relative_to(TESTS) for path in TESTS.rglob("*.py")}
    mirrored = {folder for folder in folders if not OF_TESTS_ALONE & set(folder.parts[:1])}
    assert [str(folder) for folder in mirrored if not (PACKAGE / folder).is_dir()] == []


def test_no_two_test_modules_have_one_name():
    names = Counter(path.name for path in TESTS.rglob("test_*.py"))
    assert [name for name, number in names.items() if number > 1] == []


HEAVY = (
    "torch",
    "onnx",
    "scipy",
    "sklearn",
    "matplotlib",
    "typer",
    "rich",
    "safetensors",
    "bokeh",
    "dask",
)


def test_import_steepest_loads_nothing_heavy():
    code = f"import steepest, sys; print([m for m in {HEAVY} if m in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.stdout.strip() == "[]", result.stderr


def test_what_records_scipy_is_imported_when_scipy_is_met():
    code = """
import steepest as st, sys, numpy as np
imported = lambda: {m for m in sys.modules if m.startswith("steepest.trace.functions.scipy.")}
st.minimize(lambda x: np.sum((np.exp(x) - 2) ** 2), np.ones(2))
before = imported()
import scipy.linalg
st.gradient(lambda x: np.sum(scipy.linalg.solve(np.eye(2), x)))(np.ones(2))
after = {m.removeprefix("steepest.trace.functions.scipy.") for m in imported()}
print(sorted(before), "linalg" in after, "stats" in after)
"""
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert printed.stdout.split() == [
        "['steepest.trace.functions.scipy.special']", "True", "False"
    ]  # fmt: skip


@pytest.mark.parametrize("package", ["torch", "matplotlib", "onnx"])
def test_optional_packages_are_imported_in_one_place(package):
    places = [
        str(path.relative_to(PACKAGE))
        for path in MODULES
        if re.search(rf'import(ed|_module)\(\s*"{package}', path.read_text())
        or f"import {package}" in path.read_text().replace(f"import_{package}", "")
    ]
    assert len(places) == 1, places


def test_scikit_learn_is_imported_by_the_estimators_and_the_lesson_alone():
    places = {
        layer(path) for path in MODULES if re.search("(import|from) sklearn", path.read_text())
    }
    assert places <= {"learn", "lesson", "exchange"}


def test_modules_that_docstrings_name_are_there():
    layers = "|".join(LEVEL)
    named = re.compile(rf"`~?((?:steepest\.)?(?:{layers})(?:\.\w+)+)`")
    stale = set()
    for path in MODULES:
        for name in named.findall(path.read_text()):
            parts = name.removeprefix("steepest.").split(".")
            prefixes = [".".join(["steepest", *parts[:i]]) for i in range(len(parts) + 1)]
            known = [i for i, prefix in enumerate(prefixes) if prefix in NAMES]
            rest = parts[max(known) :]
            place = PACKAGE.joinpath(*parts[: max(known)])
            file = place / "__init__.py" if place.is_dir() else place.with_suffix(".py")
            if rest and not re.search(rf"\b{rest[0]}\b", file.read_text()):
                stale.add(f"{path.name} names {name}")
    assert stale == set()


def names_of_steepest(tree):
    """Yield the names that a script imports, and the attributes that it reads of modules."""
    modules = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("steepest"):
            for alias in node.names:
                yield node.module, alias.name
                if f"{node.module}.{alias.name}" in NAMES:
                    modules[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            if node.value.id in modules:
                yield modules[node.value.id], node.attr


@pytest.mark.parametrize("folder", ["benchmarks", "examples", "tools", "docs"])
def test_scripts_use_names_that_exist(folder):
    root = PACKAGE.parents[1]
    missing = {
        f"{path.relative_to(root)}: {module}.{name}"
        for path in (root / folder).glob("*.py")
        for module, name in names_of_steepest(ast.parse(path.read_text()))
        if f"{module}.{name}" not in NAMES and not hasattr(importlib.import_module(module), name)
    }
    assert missing == set()
