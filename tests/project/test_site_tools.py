"""The built site: its links, and its place beside other versions."""

import importlib.util
import json

import pytest

from tests.support.paths import ROOT


def tool(name):
    specification = importlib.util.spec_from_file_location(name, ROOT / "tools" / f"{name}.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


links, versions = tool("site_links"), tool("site_versions")


@pytest.fixture
def site(tmp_path):
    folder = tmp_path / "site"
    (folder / "guides").mkdir(parents=True)
    (folder / "index.html").write_text(
        '<h1 id="top">T</h1> <a href="guides/fit.html#errors">f</a> <a href="#top">t</a>'
        '<a href="guides/">g</a> <a href="https://numpy.org/doc">n</a> <img src="data:,x">'
        '<script src="../versions.js"></script>'
    )
    (folder / "guides" / "index.html").write_text('<a href="../index.html">up</a>')
    (folder / "guides" / "fit.html").write_text(
        '<h2 id="errors">E</h2><a href="../index.html">i</a>'
    )
    (folder / "_static").mkdir()
    (folder / "_static" / "macros.html").write_text('<a href="{{ pathto(x) }}">template</a>')
    return folder


def test_links_that_lead_somewhere(site):
    assert links.checked(site) == ([], {"https://numpy.org/doc": "index.html"})


@pytest.mark.parametrize(
    ("link", "what"),
    [
        ("fits.html", "is no file"),
        ("fit.html#error", "has no such anchor"),
        ("#error", "has no such anchor"),
        ("../_static/none.css", "is no file"),
    ],
)
def test_links_that_lead_nowhere(site, link, what):
    (site / "guides" / "more.html").write_text(f'<a href="{link}">x</a>')
    assert links.checked(site)[0] == [f"guides/more.html: {link} {what}"]


def listed(folder):
    text = (folder / "versions.js").read_text()
    return json.loads(text.removeprefix("window.SITE_VERSIONS = "))


def test_versions_lie_beside_each_other(site, tmp_path):
    into = tmp_path / "all"
    page = site / "index.html"
    for name in ("1.9.0", "dev", "1.10.0", "1.2.0"):
        page.write_text(name)
        found = versions.put(site, into, name)
    assert found == ["1.10.0", "1.9.0", "1.2.0", "dev"]
    assert {name: (into / name / "index.html").read_text() for name in found} == {
        name: name for name in found
    }
    assert (into / "latest" / "index.html").read_text() == "1.10.0"
    names = [(row["name"], row["folder"]) for row in listed(into)]
    assert names == [("latest (1.10.0)", "latest"), *((name, name) for name in found)]
    page.write_text("mended")
    assert versions.put(site, into, "1.10.0") == found
    assert (into / "latest" / "index.html").read_text() == "mended"
    assert "latest/index.html" in (into / "index.html").read_text()


def test_what_is_no_version(site, tmp_path):
    for name in ("latest", "", "a/b", ".."):
        with pytest.raises(ValueError, match="a version cannot be called"):
            versions.put(site, tmp_path / "all", name)
    with pytest.raises(FileNotFoundError, match="run make site first"):
        versions.put(tmp_path, tmp_path / "all", "1.0.0")
