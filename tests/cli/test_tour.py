"""The tour in Chinese: the same numbers, every text in both languages."""

import dataclasses
import re
import string

import pytest

import steepest as st
from steepest.cli import main, report
from steepest.cli.tour import run_tour
from steepest.cli.tour_texts import TEXTS, Texts, texts_in
from steepest.errors import InputError
from steepest.lesson import rosenbrock
from tests.support.paths import ROOT

pytestmark = pytest.mark.sampled(1)  # cheap: every case

ONLY_SOMETIMES = {"different", "no digits"}


class Recorded(Texts):
    """Texts, and a note of those that were used."""

    used = set()

    def __call__(self, key, **values):
        self.used.add(key)
        return super().__call__(key, **values)


def toured(language):
    with report.console.capture() as printed:
        run_tour(Recorded(language), ["native"])
    return printed.get()


@pytest.fixture(scope="module")
def tours():
    return {language: toured(language) for language in ("en", "zh")}


def numbers(line):
    """Return what looks like a number, but for durations, in any order."""
    return sorted(re.findall(r"[-+\d.e]*\d%?", re.sub(r"[\d.]+ ([mu]?s\b|秒)", "", line)))


def test_the_chinese_tour_has_the_numbers_of_the_english_one(tours):
    english, chinese = ([*map(numbers, tours[name].splitlines())] for name in ("en", "zh"))
    assert chinese == english
    assert sum(map(len, chinese)) > 100


def test_the_tour_uses_every_text(tours):
    assert Recorded.used | ONLY_SOMETIMES == set(TEXTS)


def test_columns_of_the_tours_tables_are_aligned(tours):
    tables = re.findall(r"^ *[┏┃┡│└].*$", tours["zh"], re.MULTILINE)
    widths = [report.console.render_str(line).cell_len for line in tables]
    assert len(set(widths)) == 2  # two tables


@pytest.mark.parametrize("key", TEXTS)
def test_a_text_has_the_same_fields_in_both_languages(key):
    english, chinese = (
        sorted(filter(None, (name for _, name, _, _ in string.Formatter().parse(text))))
        for text in TEXTS[key]
    )
    assert english == chinese
    has_words = re.search(r"[a-z]{2}", re.sub(r"{\w+}|torch|Rosenbrock", "", TEXTS[key][0]))
    assert bool(has_words) == bool(re.search("[一-鿿]", TEXTS[key][1]))


@pytest.mark.parametrize(
    ("variables", "language"),
    [
        ({}, "en"),
        ({"LANG": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "de_DE.UTF-8"}, "en"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": "C"}, "en"),
        ({"LANG": "en_US.UTF-8", "LC_MESSAGES": "zh_TW"}, "zh"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": ""}, "zh"),
    ],
)
def test_the_language_is_that_of_the_environment(variables, language, monkeypatch):
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert texts_in(None).language == language
    assert texts_in("zh").language == texts_in("zh_CN").language == "zh"
    assert texts_in("EN-us").language == "en"


@pytest.mark.parametrize("name", ["fr", "", "zhuang"])
def test_another_language_is_refused(name):
    with pytest.raises(InputError, match=rf"--language must be en or zh, got '{name}'"):
        texts_in(name)


def test_an_output_without_chinese_characters_gets_english(monkeypatch):
    monkeypatch.setenv("LC_ALL", "zh_CN")
    assert texts_in(None, "gb2312").language == "zh"
    assert texts_in(None, "latin-1").language == "en"
    with pytest.raises(InputError, match="the encoding of this one is latin-1: set PYTHONUTF8=1"):
        texts_in("zh", "latin-1")


def test_a_refusal_is_one_sentence_and_a_status(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["steepest", "tour", "--language", "fr"])
    with pytest.raises(SystemExit, match="1"):
        main()
    assert capsys.readouterr() == ("", "--language must be en or zh, got 'fr'\n")


def test_chapters_are_those_of_the_lesson():
    names = ("graph", "gradient", "start", "descent", "regression", "network")
    pages = [ROOT / "docs" / "tutorials" / "lesson" / f"{name}.md" for name in names]
    titles = [re.search(r"^# (.*)$", page.read_text(), re.MULTILINE)[1] for page in pages]
    assert titles == [f"{number}. {TEXTS[name][0]}" for number, name in enumerate(names, 1)]


def test_ctrl_c_in_a_descent_ends_the_tour(monkeypatch):
    """A descent ends where it is, and a script goes on; who reads a tour wants to leave it."""
    run = rosenbrock.descend()
    interrupted = dataclasses.replace(run, status=st.Status.INTERRUPTED)
    monkeypatch.setattr(rosenbrock, "descend", lambda engine: interrupted)
    with report.console.capture() as printed, pytest.raises(KeyboardInterrupt):
        run_tour(Texts("en"), ["native"])
    assert "4. Down the gradient" in printed.get()
    assert "5. Linear regression" not in printed.get()


def test_the_command_says_that_it_was_interrupted(monkeypatch, capsys):
    def interrupted(text):
        raise KeyboardInterrupt

    monkeypatch.setattr("steepest.cli.tour.run_tour", interrupted)
    monkeypatch.setattr("sys.argv", ["steepest", "tour"])
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 130
    assert capsys.readouterr().err == "Interrupted.\n"
