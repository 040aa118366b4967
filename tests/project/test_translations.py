"""The Chinese pages say what the English ones say now, in the terms of docs/terms.md."""

import re
import runpy
from collections import Counter
from types import SimpleNamespace

import pytest

from steepest.cli.tour_texts import TEXTS
from tests.support.paths import ROOT

translations = SimpleNamespace(**runpy.run_path(str(ROOT / "docs" / "translations.py")))
PAGES = [*translations.PAGES, "README"]


def messages(page):
    return dict.fromkeys(translations.messages(translations.source(page).read_text()))


def codes(text):
    return Counter(re.findall("`[^`]+`", text))


def targets(text):
    """Return where the links of a message lead, but for those to a page in other languages."""
    return Counter(re.findall(r"\]\(([^)]+)\)", text)) - Counter(["README.md", "README.zh.md"])


@pytest.mark.parametrize("page", PAGES)
def test_every_message_is_translated(page):
    known = translations.translations(page)
    assert [m for m in messages(page) if m not in known] == [], "run `make catalogs`"
    assert set(known) == set(messages(page)), "run `make catalogs`"


@pytest.mark.parametrize("page", PAGES)
def test_translations_keep_code_and_links(page):
    for message, chinese in translations.translations(page).items():
        assert codes(message) <= codes(chinese), chinese
        assert targets(message) == targets(chinese), chinese


@pytest.mark.parametrize("page", [*PAGES, "tour"])
def test_translations_are_in_the_terms_of_the_table(page):
    texts = dict(TEXTS.values()) if page == "tour" else translations.translations(page)
    terms = translations.terms()
    assert len(terms) > 50
    for message, chinese in texts.items():
        prose = re.sub(r"`[^`]*`|\]\([^)]*\)", "", message).lower()
        for english, term in terms.items():
            if re.search(rf"\b{english.lower()}s?\b", prose):
                assert term in chinese, f"{english} is {term}: {chinese}"


def test_the_readme_in_chinese_is_up_to_date():
    english, chinese = ((ROOT / name).read_text() for name in ("README.md", "README.zh.md"))
    assert chinese == translations.chinese_readme(), "run `make catalogs`"
    code = re.compile(r"^```.*?^```|^    .*?$", re.DOTALL | re.MULTILINE)
    assert code.findall(chinese) == code.findall(english)
    assert re.findall("^#+ ", chinese, re.MULTILINE) == re.findall("^#+ ", english, re.MULTILINE)


@pytest.mark.parametrize("page", translations.LABELS)
def test_labels_of_figures_are_those_of_the_pages_code(page):
    text = translations.source(page).read_text()
    for label in translations.LABELS[page]:
        assert text.count(label) == 1, label


PAGE = """# One

A *new*
sentence. [Here](a.md)

- item

| a | `b` |
| --- | --- |
| c | 3 |

    code
"""
MYST = """:::{grid-item-card} Card
:link: a

Text.
:::

```{toctree}
Short <a>
b
```
"""


def test_messages_of_markdown_are_found_and_replaced():
    found = ["One", "A *new* sentence. [Here](a.md)", "item", "a", "`b`", "c", "3"]
    assert translations.messages(PAGE + MYST) == ["Short", *found, "Card", "Text."]
    in_chinese = translations.translated(PAGE, {message: f"<{message}>" for message in found})
    assert in_chinese.splitlines() == [
        *("# <One>", "", "<A *new* sentence. [Here](a.md)>", "", "- <item>", ""),
        *("| <a> | <`b`> |", "| --- | --- |", "| <c> | <3> |", "", "    code"),
    ]
