"""What a release is made of agrees with itself."""

import importlib.util
import re

import steepest as st
from tests.support.paths import ROOT

_SPECIFICATION = importlib.util.spec_from_file_location("release", ROOT / "tools" / "release.py")
release = importlib.util.module_from_spec(_SPECIFICATION)
_SPECIFICATION.loader.exec_module(release)

CHANGELOG = "# C\n\n## [Unreleased]\n\nnew\n\n## [1.0.0] - 2030-01-01\n\n### Added\n\n- first\n"


def test_release_notes_are_a_versions_part_of_the_changelog():
    assert release.notes(CHANGELOG, "1.0.0") == "### Added\n\n- first"
    assert release.notes(CHANGELOG, "2.0.0") == "new"


def test_every_file_that_names_the_version_names_this_one():
    assert release.version() == st.__version__
    assert f"\nversion: {st.__version__}\n" in (ROOT / "CITATION.cff").read_text()


def test_workflows_call_targets_of_the_makefile():
    targets = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    for workflow in (ROOT / ".github" / "workflows").glob("*.yml"):
        called = re.findall(r"run: make (.*)", workflow.read_text())
        assert called
        assert {target for line in called for target in line.split()} <= set(targets)
