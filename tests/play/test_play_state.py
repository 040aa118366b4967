"""What is chosen on the page, without a browser."""

import math
import string
from dataclasses import replace

import numpy as np
import pytest

from steepest.descent import Status
from steepest.errors import InputError
from steepest.play import drawing, wording
from steepest.play import state as states
from steepest.play.choices import AT_FIRST, CHOICES
from steepest.play.classics import CLASSICS, rosenbrock
from steepest.play.descents import losses_at
from steepest.play.subject import of_function
from steepest.play.texts import BOX_WORDS, LANGUAGES, TEXTS

SUBJECTS = {subject.name: subject for subject in CLASSICS}


@pytest.fixture
def state():
    return states.opened(SUBJECTS["rosenbrock"])


@pytest.mark.sampled(8)
@pytest.mark.parametrize("name", SUBJECTS)
def test_every_method_descends_on_every_classic_function(name):
    state = states.opened(SUBJECTS[name])
    state = replace(state, chosen=tuple(choice.name for choice in CHOICES), limit=100)
    for method, found in states.descents_of(state).items():
        assert found.status is not Status.DIVERGED, method
        assert found.losses[-1] < found.losses[0], method
        np.testing.assert_allclose(found.points[0], state.start)
        np.testing.assert_allclose(losses_at(state.subject, found.points), found.losses)


@pytest.mark.parametrize("name", SUBJECTS)
def test_the_least_values_of_classic_functions(name, random):
    subject = SUBJECTS[name]
    low, high = np.array(subject.box).T
    losses = losses_at(subject, random.uniform(low, high, (20_000, subject.size)))
    span = losses.max() - losses.min()
    assert subject.lowest <= losses.min() < subject.lowest + 0.01 * span


def test_a_step_size_changes_one_descent(state):
    other = states.with_step(state, "momentum", -4.0)
    before, after = states.descents_of(state), states.descents_of(other)
    assert other.settings["momentum"].step == pytest.approx(1e-4)
    assert after["momentum"] is not before["momentum"]
    assert after["adam"] is before["adam"]
    assert states.with_step(state, "momentum", 50.0).settings["momentum"].step < 1
    assert states.with_momentum(state, "adam", 7.0).settings["adam"].momentum == 0.999


def test_methods_keep_the_order_of_the_page(state):
    more = states.with_chosen(state, "bfgs", True)
    assert more.chosen == (*AT_FIRST, "bfgs")
    fewer = states.with_chosen(more, "gradient_descent", False)
    assert fewer.chosen == ("momentum", "adam", "bfgs")
    assert fewer.followed == "momentum"


def test_a_click_moves_the_start(state):
    moved = states.moved_start(state, 0.5, -0.25)
    assert moved.start == (0.5, -0.25)
    assert states.descents_of(moved)["adam"].losses[0] == rosenbrock(0.5, -0.25)
    assert states.moved_start(state, math.nan, 0.0) is state


def test_a_start_that_moves_starts_the_animation_anew():
    playing = states.advanced(states.played(states.opened(SUBJECTS["valley"])))
    assert playing.now > 0
    assert states.moved_start(playing, 0.5, 0.5).now == 0
    assert states.moved_along(playing, 2, 0.5).now == 0
    paused = states.at_step(playing, 5)
    assert states.moved_start(paused, 0.5, 0.5).now is None
    assert states.moved_along(paused, 2, 0.5).now is None


def test_the_animation_runs_to_its_end_and_starts_anew(state):
    playing = states.played(replace(state, limit=100))
    assert playing.is_playing
    assert playing.now == 0
    steps = []
    while playing.is_playing:
        steps.append(states.shown_step(playing))
        playing = states.advanced(playing)
    assert steps == sorted(set(steps))
    assert states.shown_step(playing) == 100
    assert states.advanced(playing) is playing
    paused = states.played(states.advanced(states.played(playing)))
    assert (paused.is_playing, paused.now) == (False, 1)
    assert states.at_step(playing, 7).now == 7


def test_slices_of_three_parameters():
    state = states.opened(SUBJECTS["valley"])
    other = states.with_axes(state, 2, 0)
    assert (other.axes, other.window[:2]) == ((2, 0), state.subject.box[2])
    assert states.with_axes(state, 1, 1) is state
    assert states.with_axes(state, 0, 7) is state
    moved = states.moved_along(other, 1, 0.25)
    assert states.moved_start(moved, 0.75, -0.5).start == (-0.5, 0.25, 0.75)


def test_the_graph_is_shown_at_the_cursor_or_along_a_path(state):
    assert states.graph_point(replace(state, cursor=(0.5, 0.25))) == (0.5, 0.25)
    found = states.descents_of(state)["adam"]
    followed = states.at_step(replace(state, followed="adam"), 5)
    assert states.graph_point(followed) == tuple(found.points[5])
    assert states.graph_point(replace(state, chosen=())) == state.start


def test_texts_are_complete_in_both_languages():
    names = [choice.name for choice in CHOICES] + [subject.title for subject in CLASSICS]
    assert set(names) <= set(TEXTS)
    for key, texts in TEXTS.items():
        assert list(texts) == list(LANGUAGES), key
        assert all(texts.values()), key
        assert set(texts["en"]) - set("\u2715\u25b6\u275a") < set(string.printable), key
        assert any("\u4e00" <= letter <= "\u9fff" for letter in texts["zh"]), key
        assert texts["en"].count("{") == texts["zh"].count("{"), key
    assert all("\u4e00" <= word[0] <= "\u9fff" for word in BOX_WORDS.values())


def of_vector(x):
    return np.sum((x - np.arange(3.0)) ** 2)


def of_number(x):
    return (x - 2.0) ** 2 if x > 0 else 4.0 - x


def of_four(a, b, c, d):
    return (a - 1) ** 2 + (b - 2) ** 2 + np.exp(c) - 2 * c + d**2


def two_results(x, y):
    return x, y


def test_a_users_function_is_explored():
    vector = of_function(of_vector, None, 1)
    assert (vector.names, vector.is_spread) == (("x[0]", "x[1]", "x[2]"), False)
    assert vector.step == 0.25  # half the reciprocal of the curvature
    number = of_function(of_number, [1.0], 1)
    assert (number.names, number.is_spread, number.start) == (("x",), True, (1.0,))
    four = of_function(of_four, None, 4)
    assert four.names == ("a", "b", "c", "d")
    for (low, high), minimum in zip(four.box, (1, 2, np.log(2), 0), strict=True):
        assert low < minimum < high


def plane(x, y):
    return x + y


def test_a_value_far_below_all_others_is_no_least_value():
    subject = of_function(plane, None, 2)
    assert subject.lowest is None
    shades = drawing.terrain_of(states.opened(subject)).shades
    assert len(np.unique(shades // drawing.SHADES)) > drawing.BANDS // 2
    assert of_function(of_vector, None, 1).lowest == pytest.approx(0, abs=1e-9)


def step(x, y):
    return x**2 + y**2


def test_a_users_function_has_its_own_name():
    copy = of_function(rosenbrock, [0.0, 0.0], 2)
    titles = [wording.name_of(subject, "en") for subject in (copy, *CLASSICS)]
    assert titles[0] == "rosenbrock"
    assert len(set(titles)) == len(titles)
    assert wording.name_of(of_function(step, [1.0, 1.0], 2), "zh") == "step"


def test_a_function_that_cannot_be_played_with_is_refused():
    with pytest.raises(InputError, match="two_results must return one real number"):
        of_function(two_results, None, 2)
    with pytest.raises(InputError, match="of_four takes 4 numbers, got 2"):
        of_function(of_four, [1, 2], 4)
    with pytest.raises(InputError, match="takes no parameter"):
        of_function(lambda: 1.0, None, 0)
    with pytest.raises(InputError, match=r"of_vector cannot be recorded.*--start 1,1"):
        of_function(_named(lambda x: x[:20] @ np.arange(20.0), "of_vector"), None, 1)


def _named(function, name):
    function.__name__ = name
    return function
