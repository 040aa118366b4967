"""Put the pages that `make site` has built beside those of other versions.

A folder of all versions, to be put on any web server, has each version's pages under its name, the
newest release's also under ``latest``, and ``versions.js``, from which the pages make their menu.
It is a script and no JSON, because pages that are opened as files may load scripts only.

python tools/site_versions.py [--site build/site] [--into build/versions] [--name 1.2.0]
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
LATEST, LIST = "latest", "versions.js"

_FORWARD = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>steepest</title>
<meta http-equiv="refresh" content="0; url={0}/index.html"></head>
<body><a href="{0}/index.html">steepest</a></body></html>
"""


def numbers(name: str) -> tuple[int, ...] | None:
    """Return the numbers of a release, such as ``1.2.0``; None of another name, as ``dev``."""
    is_release = re.fullmatch(r"\d+(\.\d+)*", name)
    return tuple(map(int, name.split("."))) if is_release else None


def in_order(names: list[str]) -> list[str]:
    """Return names of versions: releases from the newest on, then others."""
    releases = [name for name in names if numbers(name)]
    others = sorted(name for name in names if not numbers(name))
    return [*sorted(releases, key=lambda name: numbers(name) or (), reverse=True), *others]


def put(site: Path, into: Path, name: str) -> list[str]:
    """Put a site's pages under the name of a version, and list all versions.

    Parameters
    ----------
    site
        The pages of this version.
    into
        The folder of all versions.
    name
        The version; pages that are there under this name are replaced.

    Returns
    -------
    list of str
        All versions, the newest first.
    """
    if not (site / "index.html").is_file():
        raise FileNotFoundError(f"{site} has no index.html: run make site first")
    if "/" in name or name in ("", ".", "..", LATEST):
        raise ValueError(f"a version cannot be called {name!r}")
    into.mkdir(parents=True, exist_ok=True)
    _copied(site, into / name)
    found = in_order([p.parent.name for p in into.glob("*/index.html") if p.parent.name != LATEST])
    if numbers(name) or not (into / LATEST).exists():
        _copied(into / found[0], into / LATEST)
    newest = f"{LATEST} ({found[0]})" if numbers(found[0]) else LATEST
    rows = [{"name": newest, "folder": LATEST}, *({"name": n, "folder": n} for n in found)]
    (into / LIST).write_text(f"window.SITE_VERSIONS = {json.dumps(rows)}\n")
    (into / "index.html").write_text(_FORWARD.format(LATEST))
    return found


def _copied(source: Path, target: Path) -> None:
    if target.exists():
        shutil.rmtree(target)
    shutil.copytree(source, target)


def main() -> None:
    """Read the command line, and put the pages."""
    sys.path.insert(0, str(ROOT / "tools"))
    from release import version

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--site", type=Path, default=ROOT / "build" / "site")
    parser.add_argument("--into", type=Path, default=ROOT / "build" / "versions")
    parser.add_argument("--name", default=version())
    given = parser.parse_args()
    try:
        found = put(given.site, given.into, given.name)
    except (FileNotFoundError, ValueError) as error:
        sys.exit(str(error))
    print(f"{given.into}: {', '.join(found)}")


if __name__ == "__main__":
    main()
