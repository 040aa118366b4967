"""How the pages of ``docs/`` become a site: ``make site``."""

import sys
from pathlib import Path

import steepest

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

import api  # noqa: E402 - from this folder
import commands  # noqa: E402
import translations  # noqa: E402

(HERE / "reference" / "api.md").write_text(api.page())
(HERE / "reference" / "commands.md").write_text(commands.page())

project = "steepest"
author = "the authors of steepest"
copyright = f"2026, {author}"
version = release = steepest.__version__

extensions = [
    "myst_nb",  # pages in Markdown; code cells are executed
    "numpydoc",  # docstrings
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",  # a page for each public name
    "sphinx_design",  # cards
]
exclude_patterns = ["build", "_templates"]

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
nb_execution_mode = "cache"  # which `make site` empties; the Chinese site takes outputs from it
nb_execution_cache_path = str(HERE.parent / "build" / "executed")
nb_execution_raise_on_error = True
nb_execution_timeout = 120
nb_execution_show_tb = True
nb_merge_streams = True

autosummary_generate = True
autodoc_typehints = "none"  # numpydoc's sections have the types
autodoc_member_order = "bysource"
numpydoc_show_class_members = False
numpydoc_validation_checks = set()

# The gallery: each script of examples/gallery is run, and becomes a page with its picture.
extensions += ["sphinx_gallery.gen_gallery"]
exclude_patterns += ["gallery/**.ipynb", "gallery/**.py", "gallery/**.json"]
sphinx_gallery_conf = {
    "examples_dirs": str(HERE.parent / "examples" / "gallery"),
    "gallery_dirs": "gallery",
    "filename_pattern": r"\.py$",
    "within_subsection_order": "ExampleTitleSortKey",
    "run_stale_examples": True,  # steepest may have changed since
    "abort_on_example_error": True,
    "capture_repr": (),  # what is printed is enough
    "download_all_examples": False,
    "write_computation_times": False,
    "min_reported_time": 1e9,
    "show_memory": False,
    "show_signature": False,
    "doc_module": ("steepest",),
    "backreferences_dir": "gallery/backreferences",  # a name's page shows its examples
    "image_srcset": ["2x"],
}

html_theme = "pydata_sphinx_theme"
html_title = "steepest"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sourcelink = False
html_theme_options = {
    "search_bar_text": "Search the docs ...",
    "navbar_persistent": ["search-button-field", "language-switcher"],
    "article_header_start": ["breadcrumbs", "untranslated"],
    "header_links_before_dropdown": 7,
    "navbar_start": ["navbar-logo", "versions"],
    "show_prev_next": True,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
templates_path = ["_templates"]
html_context = {"default_mode": "auto", "translated_pages": (*translations.PAGES, "terms")}

# The Chinese site: `make site` builds it with language=zh_CN.
extensions.append("chinese")
locale_dirs = ["locale"]
gettext_compact = False  # a catalog for each page


def setup(app):
    """Let links to CONTRIBUTING.md, which lies beside this folder, lead to its page.

    What estimators inherit from scikit-learn is documented there.
    """

    def lead_to_page(_app, _name, source):
        source[0] = source[0].replace("](../CONTRIBUTING.md)", "](contributing.md)")

    def leave_out_others(_app, _what, _name, member, _skip, _options):
        return True if (getattr(member, "__module__", None) or "").startswith("sklearn.") else None

    app.connect("source-read", lead_to_page)
    app.connect("autodoc-skip-member", leave_out_others)
