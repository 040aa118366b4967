"""The documentation is true: its code runs, its tables are up to date, its links work."""

import os
import re
import runpy
import subprocess
import sys

import pytest
from typer.testing import CliRunner

import steepest as st
from steepest.cli.app import COMMANDS, app
from steepest.ops.elementwise.elementary import ULP
from tests.support.paths import ROOT

pytestmark = pytest.mark.sampled(1)  # cheap: every case

DOCS = ROOT / "docs"
MADE = ("reference/api", "reference/commands", "reference/generated", "gallery")
"""What the build of the site makes."""

PAGES = {
    str(path.relative_to(ROOT)): path.read_text()
    for path in (ROOT / "README.md", *sorted(DOCS.rglob("*.md")))
    if not str(path.relative_to(DOCS.parent)).startswith(tuple(f"docs/{name}" for name in MADE))
}
ELSEWHERE = ("docs/scientific_python.md", "docs/tutorials/")
"""Pages whose code is run by other tests, or by the build of the site."""


def blocks(name):
    return re.findall(r"```python\n(.*?)```", PAGES[name], re.DOTALL)


def without_code(text):
    return re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)


def rows_of(text):
    """Yield the cells of the rows of a page's tables."""
    for row in re.findall(r"^\| (.*) \|$", text, re.MULTILINE):
        yield row.split(" | ")


@pytest.mark.filterwarnings("ignore::steepest.TraceWarning")  # which docs/state.md shows
@pytest.mark.parametrize(
    "page", [name for name in PAGES if blocks(name) and not name.startswith(ELSEWHERE)]
)
def test_code_blocks_print_what_the_page_says(page, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    namespace = {}
    for block in blocks(page):
        source = compile(block, ROOT / page, "exec")
        exec(source, namespace)
        printed = capsys.readouterr().out
        for promised in re.findall(r"^ *(?:print\(.*)?\)  # (.*)$", block, re.MULTILINE):
            assert promised.removeprefix("... ") in printed
    if page.startswith("docs/coming_from/"):
        for cells in rows_of(PAGES[page]):
            for typed_here in re.findall("`([^`]+)`", cells[1]):
                exec(compile(typed_here, f"{page}: {typed_here}", "exec"), namespace)


@pytest.mark.parametrize("page", PAGES)
def test_a_page_has_one_title_and_says_what_it_is_for(page):
    if page == "docs/contributing.md":  # which includes another one
        return
    text = without_code(PAGES[page]).removeprefix("---\nfile_format: mystnb")
    assert len(re.findall("^# .", text, re.MULTILINE)) == 1
    first = text.partition("\n# ")[2].partition("\n\n")[2] or text.partition("\n\n")[2]
    assert re.match(r"\S.*\.", first, re.DOTALL)


def test_messages_in_troubleshooting_are_the_codes():
    code = "\n".join(path.read_text() for path in (ROOT / "src").rglob("*.py"))
    texts = re.sub(r"""["']\s*\n\s*f?["']""", "", code)  # literals that follow one another
    sections = PAGES["docs/troubleshooting.md"].split("\n## ")
    tables = [section for section in sections if "\n| message |" in section]
    quotes = [row[0] for section in tables for row in rows_of(section) if row[0][0] == "`"]
    assert len(quotes) > 100
    for quote in quotes:
        parts = quote.strip("`").replace("\\|", "|").split("...")
        pattern = r"[^\n]*".join(re.escape(part) for part in parts if part.strip())
        assert re.search(pattern, texts), quote


def test_the_reference_of_commands_has_every_option():
    page = runpy.run_path(str(DOCS / "commands.py"))["page"]()
    sections = {section.split("\n")[0]: section for section in page.split("\n## ")[1:]}
    for command in COMMANDS:
        helped = CliRunner().invoke(app, [command.__name__, "--help"]).output
        options = re.findall(r"^ .*?(--[a-z-]+)", helped.partition("Options:")[2], re.MULTILINE)
        assert set(options) - {"--help"} <= set(
            re.findall(r"(--[a-z-]+)", sections[command.__name__])
        )


def test_the_bounds_of_elementary_functions_are_the_codes():
    rows = re.findall(r"^\| (`.*) \| (\d) \|$", PAGES["docs/speed.md"], re.MULTILINE)
    said = {name: int(bound) for names, bound in rows for name in re.findall("`(\\w+)`", names)}
    assert {name: said[name] for name in ULP} == ULP


@pytest.mark.parametrize("name", ["ops", "coverage"])
def test_pages_made_from_the_code_are_up_to_date(name):
    code = f"import runpy; print(runpy.run_path('docs/make.py')['{name}_page'](), end='')"
    page = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert page == (ROOT / "docs" / f"{name}.md").read_text(), "run `make docs`"


@pytest.mark.parametrize("page", [*PAGES, "CONTRIBUTING.md", "README.zh.md"])
def test_links_have_targets(page):
    text = without_code(PAGES.get(page) or (ROOT / page).read_text())
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text):
        path = os.path.relpath((ROOT / page).parent / target, ROOT)
        is_made = path.startswith(tuple(f"docs/{name}" for name in MADE))
        assert is_made or (ROOT / path).exists(), target


# What dask warns of is not ours.
WARNINGS = {"cluster.py": "error::UserWarning"}


@pytest.mark.parametrize("example", ["rosenbrock.py", "fruit.py", "digits.py", "cluster.py"])
def test_examples_run_alone(example):
    result = subprocess.run(
        [sys.executable, f"examples/{example}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONWARNINGS": WARNINGS.get(example, "error")},
    )
    assert result.stdout
    assert not result.stderr
    assert result.returncode == 0


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
