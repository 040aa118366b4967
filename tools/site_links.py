"""Check the links of a built site: their files and anchors must be there.

Links to other sites are listed, not followed: a build needs no network.

python tools/site_links.py [--site build/site] [--others build/links.txt]
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

ROOT = Path(__file__).parent.parent

MADE_LATER = "versions.js"
"""What lies above a site only where it is beside other versions."""

_ATTRIBUTES = ("href", "src")


class Page(HTMLParser):
    """The anchors of a page, and what it links to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the anchor and the links of a tag."""
        found = dict(attrs)
        self.anchors |= {value for name in ("id", "name") if (value := found.get(name))}
        self.links += [value for name in _ATTRIBUTES if (value := found.get(name))]


def checked(site: Path) -> tuple[list[str], dict[str, str]]:
    """Return sentences on links that lead nowhere, and links to others with a page of each."""
    files = [path for path in sorted(site.rglob("*.html")) if "_static" not in path.parts]
    pages = {path.resolve(): Page(path.read_text()) for path in files}
    wrong, others = [], dict[str, str]()
    for path, page in pages.items():
        name = str(path.relative_to(site.resolve()))
        for link in dict.fromkeys(page.links):
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                if parts.scheme not in ("data", "mailto", "javascript"):
                    others.setdefault(link, name)
            else:
                wrong += [f"{name}: {link} {what}" for what in _flaws(path, parts, pages)]
    return wrong, others


def _flaws(path: Path, parts: SplitResult, pages: dict[Path, Page]) -> Iterator[str]:
    """Yield what is wrong with a link to this site."""
    where, anchor = unquote(parts.path), unquote(parts.fragment)
    target = (path.parent / where).resolve() if where else path
    if target.name == MADE_LATER:
        return
    if target.is_dir():
        target = target / "index.html"
    if not target.is_file():
        yield "is no file"
    elif anchor and target in pages and anchor not in pages[target].anchors:
        yield "has no such anchor"


def main() -> None:
    """Read the command line, check, and list links to other sites."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--site", type=Path, default=ROOT / "build" / "site")
    parser.add_argument("--others", type=Path, default=ROOT / "build" / "links.txt")
    given = parser.parse_args()
    if not (given.site / "index.html").is_file():
        sys.exit(f"{given.site} has no index.html: run make site first")
    wrong, others = checked(given.site)
    given.others.write_text("".join(f"{link}  ({page})\n" for link, page in others.items()))
    print(f"{len(others)} links to other sites are listed in {given.others}")
    for sentence in wrong:
        print(sentence, file=sys.stderr)
    sys.exit(f"{len(wrong)} links lead nowhere" if wrong else 0)


if __name__ == "__main__":
    main()
