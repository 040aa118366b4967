"""Rehearse a release: check that all is ready, build it, and print the release notes.

Nothing is published, and no file of the source changes. What was built lies in ``dist``.

python tools/release.py
"""

from __future__ import annotations

import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
DIST = ROOT / "dist"


def version() -> str:
    """Return the version that would be released."""
    text = (ROOT / "src" / "steepest" / "version.py").read_text()
    found = re.search(r'__version__ = "(.*)"', text)
    assert found
    return found[1]


def notes(changelog: str, name: str) -> str:
    """Return a version's part of the changelog; what is unreleased, if it has none."""
    parts = re.split(r"^## \[(.+?)\].*$", changelog, flags=re.MULTILINE)
    by_name = dict(zip(parts[1::2], (part.strip() for part in parts[2::2]), strict=True))
    return by_name.get(name) or by_name["Unreleased"]


def problems() -> list[str]:
    """Return what stands in the way of a release."""
    cited = re.search(r"^version: (.*)$", (ROOT / "CITATION.cff").read_text(), re.MULTILINE)
    status = subprocess.run(
        ["git", "status", "--porcelain"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    found = {
        "CITATION.cff names another version": cited is None or cited[1] != version(),
        "files are not committed": bool(status.strip()),
        "the changelog says nothing": not notes((ROOT / "CHANGELOG.md").read_text(), version()),
    }
    return [sentence for sentence, is_so in found.items() if is_so]


def build() -> list[Path]:
    """Build a wheel and an archive of the source, and check what is in them."""
    subprocess.run([sys.executable, "-m", "build", "--outdir", DIST, ROOT], check=True)
    wheel = max(DIST.glob("*.whl"), key=lambda path: path.stat().st_mtime)
    source = max(DIST.glob("*.tar.gz"), key=lambda path: path.stat().st_mtime)
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert "steepest/py.typed" in names
    assert any(name.endswith("share/steepest/examples/adsorption.csv") for name in names)
    assert not any("tests" in Path(name).parts for name in names)
    with tarfile.open(source) as tar:
        assert any(name.endswith("src/steepest/__init__.py") for name in tar.getnames())
    subprocess.run([sys.executable, "-m", "twine", "check", "--strict", wheel, source], check=True)
    return [wheel, source]


if __name__ == "__main__":
    for path in build():
        print(f"{path.relative_to(ROOT)}  {path.stat().st_size / 1e6:.2f} MB")
    print(f"\nRelease notes of {version()}:\n")
    print(notes((ROOT / "CHANGELOG.md").read_text(), version()))
    found = problems()
    for sentence in found:
        print(f"not ready: {sentence}", file=sys.stderr)
    sys.exit(bool(found))
