"""The texts of the page for a state, as HTML."""

from __future__ import annotations

import math
from html import escape

from steepest.descent import Status
from steepest.play.choices import BY_NAME, Choice
from steepest.play.descents import Descent
from steepest.play.picture import graph_at
from steepest.play.state import State, descents_of, graph_point, shown_step
from steepest.play.subject import Subject
from steepest.play.texts import text

_CONVERGED = (Status.CONVERGED, Status.PRECISION, Status.NOISE, Status.FLAT)
_LIMITS = (Status.ITERATION_LIMIT, Status.TIME_LIMIT, Status.LIMIT, Status.INTERRUPTED)


def outcome(found: Descent) -> str:
    """Return the key of the text that says how a descent ended."""
    if found.status is None:
        return "raised" if found.error else "undefined"
    if found.status in (Status.DIVERGED, Status.UNBOUNDED):
        return "diverged"
    if found.status in _CONVERGED:
        return "converged"
    return "not_converged" if found.status in _LIMITS else "stuck"


def outcome_of(found: Descent, language: str) -> str:
    """Return how a descent ended, in words."""
    return text(outcome(found), language).format(error=found.error)


def name_of(subject: Subject, language: str) -> str:
    """Return what a function is called on the page."""
    return text(subject.title, language) if subject.title else subject.name


def lead(state: State) -> str:
    """Return the head of the page."""
    title, line = (escape(text(key, state.language)) for key in ("title", "lead"))
    return f"<h1>{title}</h1><p>{line}</p>"


def number(value: float) -> str:
    """Return a number as it is read most easily, with four digits."""
    return f"{value:.4g}".replace("-", "\u2212") if math.isfinite(value) else "\u2013"


def mark(choice: Choice) -> str:
    """Return the sign of a method: its line in its color."""
    dashes = "" if choice.dash == "solid" else f' stroke-dasharray="{choice.dash}"'
    return (
        f'<svg class="mark" viewBox="0 0 34 12"><path d="M1 6H33" stroke="{choice.color}" '
        f'stroke-width="3"{dashes}/></svg>'
    )


def table(state: State) -> str:
    """Return the table of the chosen methods: where they stand, and how they end."""
    language, now = state.language, shown_step(state)
    descents = descents_of(state)
    if not descents:
        return f"<p>{escape(text('none_chosen', language))}</p>"
    head = "".join(
        f'<th class="{kind}">{escape(text(key, language))}</th>'
        for key, kind in (("method", ""), ("iteration", "number"), ("loss", "number"),
                          ("outcome", ""))
    )  # fmt: skip
    rows = []
    for name, found in descents.items():
        step = min(now, found.last)
        end = outcome_of(found, language) if step == found.last else "\u2026"
        rows.append(
            f"<tr><td>{mark(BY_NAME[name])}{escape(text(name, language))}</td>"
            f'<td class="number">{step}</td><td class="number">{number(found.losses[step])}</td>'
            f"<td>{escape(end)}</td></tr>"
        )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"


def where(state: State) -> str:
    """Return which point the graph is shown at, in words."""
    language = state.language
    if state.cursor is not None:
        return text("at_cursor", language)
    if state.followed not in state.chosen:
        return text("at_start", language)
    step = min(shown_step(state), descents_of(state)[state.followed].last)
    method = text(state.followed, language)
    return text("at_step", language).format(method=method, step=step)


def graph_title(state: State) -> str:
    """Return the title of the graph, with the point that it is shown at."""
    pairs = zip(state.subject.names, graph_point(state), strict=True)
    point = ", ".join(f"{name} = {number(value)}" for name, value in list(pairs)[:6])
    title, place = text("graph", state.language), where(state)
    return f"<h2>{escape(title)}</h2><p>{escape(place)}: {escape(point)}</p>"


def graph(state: State) -> str:
    """Return the computation graph as SVG, or why there is none."""
    svg = graph_at(state.subject, graph_point(state), state.language)
    return svg or f"<p>{escape(text('no_graph', state.language))}</p>"


def note(state: State) -> str:
    """Return the note below the map."""
    if state.subject.size == 1:
        return ""
    parts = [text("map_note", state.language)]
    if state.subject.size > 2:
        parts.append(text("projected", state.language))
    return f"<p>{escape('; '.join(parts))}</p>"
