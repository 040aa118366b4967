"""How the page looks: its colors, its style sheet, and where its parts lie."""

from __future__ import annotations

INK, QUIET, LINE, PAPER, ACCENT = "#1d2733", "#5c6b7a", "#d9e0e7", "#ffffff", "#0b5fa5"

_LOW, _HIGH = (0x8F, 0xAF, 0xD1), (0xF8, 0xFA, 0xFC)
"""Colors of the lowest and the highest losses. Both are pale, so that paths stand out."""


_CONTOUR = (0xFF, 0xFF, 0xFF)

Color = tuple[int, int, int]


def map_colors(count: int, shades: int) -> list[str]:
    """Return the colors of the map, from low to high, each in shades toward that of contours."""
    bands = [_mixed(_LOW, _HIGH, (i / max(count - 1, 1)) ** 0.8) for i in range(count)]
    mixed = [_mixed(band, _CONTOUR, i / (shades - 1)) for band in bands for i in range(shades)]
    return ["#{:02x}{:02x}{:02x}".format(*color) for color in mixed]


def _mixed(one: Color, other: Color, share: float) -> Color:
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return red, green, blue


FONT = "system-ui, 'Segoe UI', 'Noto Sans', 'Noto Sans CJK SC', 'PingFang SC', sans-serif"

WIDGET_CSS = f"""
:host {{ font-family: {FONT}; color: {INK}; font-size: 13px; }}
.bk-input {{ border-radius: 6px; border-color: {LINE}; color: {INK}; min-height: 34px; }}
.bk-btn {{ border-radius: 6px; font-weight: 600; min-height: 34px; }}
.bk-btn-default {{ background: {PAPER}; border-color: {LINE}; color: {INK}; }}
.bk-slider-title {{ font-variant-numeric: tabular-nums; }}
.noUi-handle {{ touch-action: none; }}
"""
"""Style of every widget."""

GROUP_CSS = f"""
.bk-btn-group {{ border-radius: 6px; }}
.bk-btn.bk-active {{ background: {INK} !important; color: white !important; }}
"""


def chip_css(color: str) -> str:
    """Return the style of the button of a method: filled with its color where it is chosen."""
    return f"""
.bk-btn {{ border: 2px solid {color} !important; background: {PAPER} !important;
  color: {INK} !important; border-radius: 17px !important; padding: 3px 12px !important;
  opacity: 1 !important; box-shadow: none !important; white-space: nowrap; }}
.bk-btn.bk-active {{ background: {color} !important; color: white !important; }}
.bk-btn:focus-visible {{ outline: 2px solid {INK}; outline-offset: 2px; }}
"""


DIV_CSS = f"""
:host {{ font-family: {FONT}; color: {INK}; font-size: 13px; line-height: 1.45; }}
h1 {{ font-size: 20px; margin: 0; letter-spacing: -0.01em; }}
h2 {{ font-size: 14px; margin: 0; }}
p {{ margin: 0; color: {QUIET}; }}
.bk-clearfix {{ width: 100%; }}
table {{ border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }}
th {{ text-align: left; font-weight: 500; color: {QUIET}; }}
td, th {{ padding: 3px 8px 3px 0; border-bottom: 1px solid {LINE}; }}
td.number, th.number {{ text-align: right; }}
svg.mark {{ width: 34px; height: 12px; vertical-align: -1px; margin-right: 6px; }}
svg:not(.mark) {{ display: block; width: 100%; max-height: 62vh; }}
"""
"""Style of texts, of the table, and of the computation graph."""

ICON = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E"
    "%3Cpath d='M1 2 Q5 14 9 12 T15 13' fill='none' stroke='%23D55E00' stroke-width='2.4'/%3E"
    "%3C/svg%3E"
)

_PAGE_CSS = f"""
:root {{ color-scheme: light; }}
html, body {{ height: auto; }}
body {{ background: #f2f5f8; font-family: {FONT}; color: {INK}; }}
.page {{ max-width: 1640px; margin: 0 auto; padding: 14px 18px 20px; display: grid; gap: 12px;
  grid-template-columns: 290px minmax(380px, 1fr) minmax(330px, 440px);
  grid-template-rows: auto auto 1fr;
  grid-template-areas: "head head head" "tools map side" "tools map side"; }}
.head {{ grid-area: head; display: flex; align-items: center; gap: 16px; }}
.head .words {{ flex: 1; min-width: 0; }}
.card {{ background: {PAPER}; border: 1px solid {LINE}; border-radius: 12px; padding: 12px; }}
.tools {{ grid-area: tools; }}
.center {{ grid-area: map; display: flex; flex-direction: column; gap: 12px; min-width: 0; }}
.side {{ grid-area: side; display: flex; flex-direction: column; gap: 12px; min-width: 0; }}
.map {{ height: min(62vh, 620px); min-height: 360px; }}
.loss {{ height: 230px; }}
.part {{ min-width: 0; }}
@media (max-width: 1120px) {{
  .page {{ grid-template-columns: 280px minmax(0, 1fr);
    grid-template-areas: "head head" "tools map" "side side"; grid-template-rows: auto; }}
}}
@media (max-width: 720px) {{
  .page {{ display: flex; flex-direction: column; padding: 8px; gap: 8px; }}
  .center {{ display: contents; }}
  .head {{ order: 0; }} .first {{ order: 1; }} .tools {{ order: 2; }} .table {{ order: 3; }}
  .side {{ order: 4; gap: 8px; }}
  .card {{ padding: 8px; border-radius: 10px; }}
  .first {{ position: sticky; top: 0; z-index: 2; box-shadow: 0 2px 8px #0002; }}
  .map {{ height: min(44vh, 330px); min-height: 0; }}
  .head {{ padding: 2px 4px; }}
}}
@media (max-height: 600px) {{ .first {{ position: static; }} }}
"""

TEMPLATE = f"""
{{% block title %}}steepest{{% endblock %}}
{{% block postamble %}}
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="{ICON}">
<style>{_PAGE_CSS}</style>
{{% endblock %}}
{{% block contents %}}
<div class="page">
  <header class="head"><div class="words">{{{{ embed(roots.lead) }}}}</div>
    {{{{ embed(roots.language) }}}}</header>
  <section class="tools card">{{{{ embed(roots.tools) }}}}</section>
  <main class="center">
    <div class="card first"><div class="map part">{{{{ embed(roots.map) }}}}</div>
      {{{{ embed(roots.player) }}}}</div>
    <div class="card part table">{{{{ embed(roots.table) }}}}</div>
  </main>
  <aside class="side">
    <div class="card"><div class="loss part">{{{{ embed(roots.losses) }}}}</div></div>
    <div class="card part">{{{{ embed(roots.graph) }}}}</div>
  </aside>
</div>
{{% endblock %}}
"""
"""The page; its parts are drawn by Bokeh."""
