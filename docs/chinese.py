"""What is different where ``make site`` builds the Chinese pages.

The catalogs are Sphinx's own business. Here: labels of figures that a page's own code writes,
a font for them, and a warning (which fails the build) for a page that is not translated whole.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import jieba
import translations
from docutils.nodes import TextElement, document
from matplotlib import font_manager
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.search.zh import SearchChinese
from sphinx.util import logging

FONTS = ("Noto Sans CJK SC", "WenQuanYi Zen Hei")
"""Debian's packages fonts-noto-cjk and fonts-wqy-zenhei."""

_logger = logging.getLogger(__name__)


class Words(SearchChinese):
    """Words for the search, in which those in Latin letters are reduced to English stems.

    Sphinx 9.0 names the stemmer in its script by the language, and there is none for Chinese.
    """

    language_name = "English"


def installed_fonts() -> list[str]:
    """Return the Chinese fonts that Matplotlib finds."""
    known = {font.name for font in font_manager.fontManager.ttflist}
    return [name for name in FONTS if name in known]


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect to the build, if it is the Chinese one."""
    app.connect("config-inited", _connect)
    return {"parallel_read_safe": True}


def _connect(app: Sphinx, _config: Config) -> None:
    if app.config.language != "zh_CN":
        return
    app.connect("doctree-read", _check_is_translated)
    app.add_search_language(Words)
    app.config.html_theme_options["search_bar_text"] = "搜索文档……"
    _find_terms(app)
    if "sphinx_gallery_conf" in app.config:  # the English site has just run the examples
        app.config.sphinx_gallery_conf["run_stale_examples"] = False
    fonts = installed_fonts()
    if not fonts:
        print(
            "Figures keep English labels: Matplotlib finds no font for Chinese (install Debian's "
            "fonts-noto-cjk or fonts-wqy-zenhei).",
            file=sys.stderr,
        )
        return
    settings = Path(app.doctreedir) / "matplotlibrc"
    settings.write_text(f"font.family: {', '.join(['DejaVu Sans', *fonts])}\n")
    os.environ["MATPLOTLIBRC"] = str(settings)  # which the kernels inherit
    app.connect("source-read", _label_in_chinese)


def _find_terms(app: Sphinx) -> None:
    """Let the search, whose words jieba splits, know the terms of docs/terms.md as words."""
    jieba.setLogLevel("WARNING")
    words = Path(app.doctreedir) / "terms.txt"
    words.parent.mkdir(parents=True, exist_ok=True)
    words.write_text("\n".join(translations.terms().values()))
    app.config.html_search_options = {"dict": str(words)}


def _label_in_chinese(_app: Sphinx, page: str, source: list[str]) -> None:
    for english, chinese in translations.LABELS.get(page, {}).items():
        source[0] = source[0].replace(english, chinese)


def _check_is_translated(app: Sphinx, doctree: document) -> None:
    page = app.env.docname
    if page not in translations.PAGES:
        return
    known = translations.translations(page)  # some translations are the same as their message
    for node in doctree.findall(lambda node: isinstance(node, TextElement)):
        message = " ".join(node.rawsource.split())
        if node.get("translated") is False and message not in known:
            _logger.warning("not translated: %s; run `make catalogs`", message, location=page)
