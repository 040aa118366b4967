"""What is drawn, without a browser."""

from dataclasses import replace

import numpy as np
import pytest
from bokeh.document import Document

from steepest.play import descents, drawing, wording
from steepest.play import state as states
from steepest.play.browser.frames import packed
from steepest.play.browser.look import map_colors
from steepest.play.browser.page import Page
from steepest.play.choices import CHOICES
from steepest.play.classics import CLASSICS
from steepest.play.descents import grid_size, losses_at
from steepest.play.picture import graph_at
from steepest.play.subject import of_function
from steepest.play.texts import text
from steepest.play.thinning import extremes, sparse, visible, within

SUBJECTS = {subject.name: subject for subject in CLASSICS}
UNIT = np.zeros(2), np.ones(2), (100, 100)


@pytest.fixture
def state():
    return states.opened(SUBJECTS["rosenbrock"])


def test_points_within_a_pixel_are_left_out():
    x = np.linspace(0, 1, 10_001)
    line = np.column_stack([x, x])
    kept = visible(line, *UNIT)
    assert len(kept) in (101, 102)
    assert (kept[0], kept[-1]) == (0, 10_000)
    assert len(visible(line[:0], *UNIT)) == 0
    assert len(sparse(100 * line[:5000], 10)) == 5


def test_a_path_that_leaves_ends_in_its_direction():
    low, high, _ = UNIT
    path = np.array([[0.5, 0.5], [0.6, 0.4], [-3e300, 2e300], [np.nan, 0]])
    cut = within(path, low, high)
    np.testing.assert_array_equal(cut[:2], path[:2])
    direction = cut[2] - cut[1]
    np.testing.assert_allclose(direction[1] / direction[0], -2 / 3)
    assert 10 < np.abs(direction).max() < 100
    path[2, 0] = np.inf
    assert len(within(path, low, high)) == 2
    np.testing.assert_array_equal(within(path[:2], low, high), path[:2])


def test_a_thinned_curve_keeps_its_extremes(random):
    values = random.normal(size=10_001)
    values[77] = np.nan
    kept = extremes(values, 100)
    assert len(kept) <= 202
    assert {0, 10_000, np.nanargmin(values), np.nanargmax(values)} <= set(kept)


def test_the_valley_is_visible(state):
    found = drawing.terrain_of(state)
    size = len(found.shades)
    bands = found.shades // drawing.SHADES
    x = np.linspace(-2, 2, size)
    floor = [
        bands[round((xi**2 + 1) / 4 * (size - 1)), i] for i, xi in enumerate(x) if abs(xi) < 1.2
    ]
    assert np.mean(floor) < 6
    assert bands.max() == drawing.BANDS - 1
    assert len(np.unique(bands)) == drawing.BANDS
    assert len(map_colors(drawing.BANDS, drawing.SHADES)) == drawing.NOWHERE


def test_where_the_function_has_no_value_is_no_color():
    subject = of_function(lambda x, y: np.log(x) ** 2 + y**2, [1.0, 1.0], 2)
    state = replace(states.opened(subject), window=states.Window(-1, 1, -1, 1))
    shades = drawing.terrain_of(state).shades
    middle = shades.shape[1] // 2
    assert (shades[:, : middle - 1] == drawing.NOWHERE).all()
    assert (shades[:, middle + 2 :] != drawing.NOWHERE).all()


def branching(x, y):
    return (x - 1) ** 2 + y**2 if x > 0 else 1.0 + y**2 - x


def test_a_function_with_branches_is_drawn_point_by_point():
    subject = of_function(branching, [-1.0, 1.0], 2)
    state = states.opened(subject)
    assert drawing.terrain_of(state).lowest < 0.01
    svg = graph_at(subject, (0.5, 1.0), "en")
    assert "otherwise: another path" in svg
    assert svg != graph_at(subject, (-0.5, 1.0), "en")


def raising(x, y):
    if x > 0.5:
        raise KeyError("no such entry")
    return (x - 1) ** 2 + y**2


def test_an_error_of_the_function_is_said_on_the_page():
    subject = of_function(raising, [0.1, 0.2], 2)
    page = Page(Document(), [subject], "en")
    shades = page.columns["image"]["image"][0]
    assert (shades[:, -1] == drawing.NOWHERE).all()
    assert (shades[:, 0] != drawing.NOWHERE).all()
    assert "the function raised KeyError: &#x27;no such entry&#x27;" in page.widgets.table.text
    outside = replace(page.state, start=(0.75, 0.0))
    assert np.isfinite(drawing.drawn(outside)["walked"]["xs"][0]).all()
    assert "cannot be recorded" in wording.graph(outside)


def test_slow_functions_get_few_points(monkeypatch):
    monkeypatch.setattr(descents, "_DRAWN", 0.0)
    subject = of_function(branching, [-1.0, 1.0], 2)
    assert grid_size(subject, 2) == 15
    shades = drawing.terrain_of(states.opened(subject)).shades
    assert (shades != drawing.NOWHERE).all()


def test_losses_are_computed_until_time_is_over(monkeypatch):
    monkeypatch.setattr(descents, "_LONGEST", 0.0)
    subject = of_function(branching, [-1.0, 1.0], 2)
    assert np.isfinite(losses_at(subject, np.ones((100, 2)))).sum() == 1


def test_paths_end_at_the_step_shown(state):
    at_five = states.at_step(state, 5)
    whole, part = drawing.paths_of(state), drawing.paths_of(at_five)
    for number, choice in enumerate(CHOICES):
        found = states.descents_of(state).get(choice.name)
        if found is None:
            assert len(whole["walked"]["xs"][number]) == 0
            assert np.isnan(whole["heads"]["x"][number])
            continue
        end = whole["walked"]["xs"][number][-1], whole["walked"]["ys"][number][-1]
        np.testing.assert_allclose(end, found.points[-1], rtol=1e-6)
        np.testing.assert_allclose(part["walked"]["ys"][number][-1], found.points[5, 1], rtol=1e-6)
        assert len(part["whole"]["xs"][number]) > len(part["walked"]["xs"][number])


def test_losses_are_drawn_above_the_least_one():
    state = states.opened(SUBJECTS["saddle"])
    assert drawing.least_loss(state) == -0.25
    curves = drawing.losses_of_paths(state)["losses"]
    heights = np.concatenate(curves["ys"])
    assert (heights[np.isfinite(heights)] > 0).all()
    assert drawing.least_loss(states.opened(SUBJECTS["rosenbrock"])) == 0


def test_a_descent_that_diverges_is_drawn(state):
    wild = states.with_step(state, "gradient_descent", 0.0)
    columns = drawing.drawn(wild)
    found = states.descents_of(wild)["gradient_descent"]
    assert wording.outcome(found) == "diverged"
    assert np.isfinite(columns["walked"]["xs"][0]).all()
    assert text("diverged", "zh") in wording.table(replace(wild, language="zh"))


def test_one_parameter_is_a_curve():
    state = states.opened(SUBJECTS["two_wells"])
    columns = drawing.drawn(state)
    assert columns["curve"]["y"].min() == pytest.approx(state.subject.lowest, abs=1e-2)
    assert columns["image"]["dw"] == [0]
    assert columns["start"] == {"x": [1.9], "y": [pytest.approx(1.9**4 - 3 * 1.9**2 + 1.9)]}


def test_only_changed_columns_are_sent(state):
    before = drawing.drawn(state)
    assert drawing.changed(before, drawing.drawn(state)) == {}
    after = drawing.drawn(states.with_step(state, "adam", -1.5))
    changes = drawing.changed(before, after)
    assert set(changes) == {"walked", "heads", "dots", "losses", "loss_heads"}
    assert set(changes["loss_heads"]) == {"x", "y"} - {"x"}
    places, numbers = packed(changes)
    assert numbers.dtype == np.float32
    at = 0
    for source, column, has_lines, lengths in places:
        values = changes[source][column] if has_lines else [changes[source][column]]
        for length, part in zip(lengths, values, strict=True):
            np.testing.assert_array_equal(numbers[at : at + length], np.asarray(part, np.float32))
            at += length
    assert at == len(numbers)


def test_the_graph_shows_values_and_gradients(state):
    subject = state.subject
    english, chinese = (graph_at(subject, (0.5, 0.5), language) for language in ("en", "zh"))
    assert "value 0.5" in english
    assert "gradient -51" in english
    assert "\u68af\u5ea6 -51" in chinese
    shown = replace(state, cursor=(0.5, 0.5))
    assert "x = 0.5, y = 0.5" in wording.graph_title(shown)
    other = graph_at(subject, (-1.25, 1e-9), "en")
    boxes = [svg.split("<rect")[1:4] for svg in (english, other)]
    assert [b.split(">")[0] for b in boxes[0]] == [b.split(">")[0] for b in boxes[1]]


def test_texts_are_escaped():
    subject = replace(SUBJECTS["bowl"], names=("<script>", "y"))
    title = wording.graph_title(states.opened(subject))
    assert "<script>" not in title
