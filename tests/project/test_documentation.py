"""The documentation is true: its code runs, its tables are up to date, its links work."""

import os
import re
import subprocess
import sys

import pytest

import steepest as st
from steepest.ops.elementwise.elementary import ULP
from tests.support.paths import ROOT


def blocks(name):
    return re.findall(r"```python\n(.*?)```", (ROOT / name).read_text(), re.DOTALL)


@pytest.mark.filterwarnings("ignore::steepest.TraceWarning")  # which docs/state.md shows
@pytest.mark.parametrize(
    "page",
    [
        "README.md",
        *[f"docs/{name}.md" for name in ("speed", "scipy", "state", "black_boxes")],
        *("docs/inference.md", "docs/constraints.md"),
    ],
)
def test_code_blocks_print_what_the_page_says(page, capsys):
    namespace = {}
    for block in blocks(page):
        source = compile(block, ROOT / page, "exec")
        exec(source, namespace)
        printed = capsys.readouterr().out
        for promised in re.findall(r"print\(.*\)  # (.*)", block):
            assert promised.removeprefix("... ") in printed


def test_the_bounds_of_elementary_functions_are_the_codes():
    rows = re.findall(r"^\| (`.*) \| (\d) \|$", (ROOT / "docs" / "speed.md").read_text(), re.M)
    said = {name: int(bound) for names, bound in rows for name in re.findall("`(\\w+)`", names)}
    assert {name: said[name] for name in ULP} == ULP


@pytest.mark.parametrize("name", ["ops", "coverage"])
def test_pages_made_from_the_code_are_up_to_date(name):
    code = f"import runpy; print(runpy.run_path('docs/make.py')['{name}_page'](), end='')"
    page = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert page == (ROOT / "docs" / f"{name}.md").read_text(), "run `make docs`"


def test_links_have_targets():
    for page in ("README.md", "CONTRIBUTING.md", "docs/architecture.md"):
        for target in re.findall(r"\]\(([^)#]+)\)", (ROOT / page).read_text()):
            assert ((ROOT / page).parent / target).exists(), target


# What dask warns of is not ours.
WARNINGS = {"cluster.py": "error::UserWarning"}


@pytest.mark.parametrize("example", ["rosenbrock.py", "fruit.py", "digits.py", "cluster.py"])
def test_examples_run_alone(example):
    result = subprocess.run(
        [sys.executable, f"examples/{example}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONWARNINGS": WARNINGS.get(example, "error")},
    )
    assert result.stdout
    assert not result.stderr


def test_every_public_name_is_documented():
    for name in st.__all__:
        if name.startswith("__") or name == "engines":
            continue
        value = getattr(st, name)
        assert value.__doc__, name
        assert "." in value.__doc__.splitlines()[0], name


def test_architecture_knows_every_folder():
    page = (ROOT / "docs" / "architecture.md").read_text()
    package = ROOT / "src" / "steepest"
    folders = [
        str(init.parent.relative_to(package))
        for init in package.rglob("__init__.py")
        if init.parent != package
    ]
    assert [folder for folder in folders if f"`{folder}`" not in page] == []
    for path in re.findall(r"`([\w/]+(?:\.py)?)`", page + (ROOT / "CONTRIBUTING.md").read_text()):
        if (package / path.split("/")[0]).is_dir() and "/" in path.rstrip("/"):
            assert (package / path).exists(), path
