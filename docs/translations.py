"""The Chinese pages: their messages, their catalogs, and README.zh.md.

    make catalogs

A message is a title, a paragraph, an item of a list or a cell of a table. The catalogs are
gettext's, one for each page, and Sphinx reads them (``docs/conf.py``). This module finds the
messages in the Markdown itself, in a second: Sphinx would read every page of the site first.
The Chinese site is built with warnings as errors, and warns where Sphinx finds a message
that has no translation.
"""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from babel.messages import Catalog, Message
from babel.messages.pofile import read_po, write_po
from markdown_it import MarkdownIt
from markdown_it.token import Token

from steepest.files import write_atomically

DOCS = Path(__file__).parent
ROOT = DOCS.parent
CATALOGS = DOCS / "locale" / "zh_CN" / "LC_MESSAGES"
LESSON = ("index", "graph", "gradient", "start", "descent", "regression", "network")
PAGES = (
    "index",
    "glossary",
    *(f"tutorials/{name}" for name in ("index", "first_fit", "first_descent", "network")),
    *(f"tutorials/lesson/{name}" for name in LESSON),
)
"""The pages of the site that are translated. README is a file of its own."""

_FONTS = """plt.rcParams["font.sans-serif"] = [
    "Microsoft YaHei", "PingFang SC", "Noto Sans CJK SC", "WenQuanYi Zen Hei"
]"""
"""Fonts for Chinese of Windows, macOS and Linux, for readers who run a page's code."""

_LAST_IMPORT = "from sklearn.model_selection import train_test_split"

LABELS = {
    "index": {
        "# NumPy, SciPy and LLVM come with it": "# 同时装好 NumPy、SciPy 和 LLVM",
        "# and PyTorch, scikit-learn, matplotlib": "# 另加 PyTorch、scikit-learn、matplotlib",
    },
    "tutorials/first_fit": {
        '"time (s)"': '"时间 (s)"',
        '"counts"': '"计数"',
        "import matplotlib.pyplot as plt": f"import matplotlib.pyplot as plt\n\n{_FONTS}",
    },
    "tutorials/network": {
        'label="training"': 'label="训练集"',
        'label="validation"': 'label="验证集"',
        'xlabel("epoch")': 'xlabel("轮次")',
        'ylabel("loss")': 'ylabel("损失")',
        _LAST_IMPORT: f"{_LAST_IMPORT}\n\n{_FONTS}",
    },
    "tutorials/lesson/network": {
        r"{answers[i]},\nnot {test_labels[i]}": r"认成 {answers[i]}\n应为 {test_labels[i]}",
        _LAST_IMPORT: f"{_LAST_IMPORT}\n\n{_FONTS}",
    },
}
"""Labels, imports and comments in the code of a page, and what stands there in Chinese."""

_MARKDOWN = MarkdownIt("commonmark").enable("table")
_FIGURE = re.compile(r"(\w+ )?[\d.,]+( \w{1,2})?")
"""What is the same in every language: a number, with a library's name or a unit."""

_HEADER = r"""msgid ""
msgstr ""
"Language: zh_CN\n"
"Content-Type: text/plain; charset=utf-8\n"

"""


def source(page: str) -> Path:
    """Return the Markdown file of a page, or of README."""
    return ROOT / "README.md" if page == "README" else DOCS / f"{page}.md"


def content(page: str) -> str:
    """Return the Markdown of a page, or of README."""
    return source(page).read_text(encoding="utf-8")


def messages(text: str) -> list[str]:
    """Return the messages of a page of Markdown, as Sphinx finds them."""
    return [*_titles_in_toctree(text), *(_one_line(t.content) for t in _inline(_plain(text)))]


def _one_line(text: str) -> str:
    return re.sub(r"\s*\n\s*", " ", text).strip()


def _titles_in_toctree(text: str) -> Iterator[str]:
    for toctree in re.findall(r"^```\{toctree\}\n(.*?)^```", text, re.DOTALL | re.MULTILINE):
        yield from re.findall(r"^(.+) <[\w/]+>$", toctree, re.MULTILINE)


def _plain(text: str) -> str:
    """Return a page without what MyST adds to Markdown; titles of cards become paragraphs."""
    text = re.sub(r"\A---\n.*?\n---\n", "", text, flags=re.DOTALL)
    text = re.sub(r"^:::+\{grid-item-card\} (.*)$", r"\n\1\n", text, flags=re.MULTILINE)
    return re.sub(r"^:.*$", "", text, flags=re.MULTILINE)


def _inline(text: str) -> Iterator[Token]:
    return (token for token in _MARKDOWN.parse(text) if token.type == "inline" and token.content)


def terms() -> dict[str, str]:
    """Return the English terms of docs/terms.md, and the Chinese ones."""
    rows = re.findall(r"^\| (\w[\w -]*) \| ([^ |]+) \|$", content("terms"), re.MULTILINE)
    return {english: chinese for english, chinese in rows if english != "English"}


def catalog(page: str) -> Catalog:
    """Return the catalog of a page, or an empty one."""
    path = CATALOGS / f"{page}.po"
    if not path.exists():
        return Catalog()
    with path.open("rb") as file:
        return read_po(file)


def translations(page: str) -> dict[str, str]:
    """Return the messages of a page that are translated, and their translations."""
    entries: list[Message] = [entry for entry in catalog(page) if entry.id]
    return {entry.id: entry.string for entry in entries if entry.string and not entry.fuzzy}


def update(page: str) -> None:
    """Bring a catalog up to its page: new messages are empty, changed ones marked fuzzy."""
    template, known = Catalog(), catalog(page)
    for message in messages(content(page)):
        template.add(message)
    known.update(template)
    for entry in known:
        if _FIGURE.fullmatch(entry.id):
            entry.string = entry.id
            entry.flags.discard("fuzzy")
    entries = io.BytesIO()
    write_po(entries, known, width=99, omit_header=True, ignore_obsolete=True)
    write_atomically(CATALOGS / f"{page}.po", _HEADER + entries.getvalue().decode())


def translated(text: str, strings: dict[str, str]) -> str:
    """Return Markdown with its messages replaced by their translations, and its code as it is."""
    starts = [0, *(match.end() for match in re.finditer("\n", text))]
    pieces, position = [], 0
    for token in _inline(text):
        assert token.map is not None
        words = r"\s+".join(map(re.escape, token.content.split()))
        found = re.compile(words).search(text, max(position, starts[token.map[0]]))
        assert found is not None, token.content
        pieces += [text[position : found.start()], strings[_one_line(token.content)]]
        position = found.end()
    return "".join([*pieces, text[position:]])


def chinese_readme() -> str:
    """Return README.zh.md, made from README.md and its catalog."""
    return translated(content("README"), translations("README"))


def main() -> None:
    """Update the catalogs, print what is to be translated, and write README.zh.md."""
    missing = []
    for page in (*PAGES, "README"):
        update(page)
        known = translations(page)
        path = (CATALOGS / f"{page}.po").relative_to(ROOT)
        missing += [f"{path}: {m}" for m in messages(content(page)) if m not in known]
    if missing:
        sys.exit("To be translated, in these catalogs:\n" + "\n".join(missing))
    write_atomically(ROOT / "README.zh.md", chinese_readme())


if __name__ == "__main__":
    main()
