"""The page in Chromium: clicks, sliders, choices, languages, the animation."""

import pytest

from tests.support.browser import IS_INSTALLED, chromium, opened, playground, wait_for

pytest.importorskip("selenium", reason="the page is tested through selenium")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not IS_INSTALLED, reason="chromium and chromedriver are not installed"),
]

HELPERS = """
const page = Bokeh.documents[0]
const model = (name) => page.get_model_by_name(name)
const columns = (name) => model(name + "-columns").data
const inside = (name, what) => Bokeh.index.find_one(model(name)).shadow_el.querySelector(what)
"""


def ask(driver, script, *arguments):
    return driver.execute_script(HELPERS + script, *arguments)


def length(driver, number, source="walked"):
    """Return how many points the path of a method has."""
    return ask(driver, "return columns(arguments[0]).xs[arguments[1]].length", source, number)


def end(driver, number):
    """Return the last point of a path."""
    script = "const c = columns('heads'); return [c.x[arguments[0]], c.y[arguments[0]]]"
    return ask(driver, script, number)


def click(driver, name, what):
    driver.execute_script(
        "arguments[0].scrollIntoView({block: 'center'})", _part(driver, name, what)
    )
    _part(driver, name, what).click()


def _part(driver, name, what):
    return ask(driver, "return inside(arguments[0], arguments[1])", name, what)


def shown(driver, name):
    return ask(driver, "return model(arguments[0]).text", name)


def press_on_map(driver, x, y, kind="click"):
    """Click or rest the pointer on a point of the map."""
    from selenium.webdriver import ActionChains

    place = """
    const view = Bokeh.index.find_one(model("map"))
    const box = view.el.getBoundingClientRect()
    return [box.width / 2, box.height / 2, view.frame.x_scale.compute(arguments[0]),
            view.frame.y_scale.compute(arguments[1])]
    """
    middle_x, middle_y, at_x, at_y = ask(driver, place, x, y)
    element = ask(driver, "return Bokeh.index.find_one(model('map')).el")
    driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", element)
    moves = ActionChains(driver, duration=0)
    moves.move_to_element_with_offset(element, round(at_x - middle_x), round(at_y - middle_y))
    (moves.click() if kind == "click" else moves).perform()


def drag(driver, slider, pixels):
    from selenium.webdriver import ActionChains

    handle = _part(driver, slider, ".noUi-handle")
    driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", handle)
    moves = ActionChains(driver, duration=20).click_and_hold(handle)
    moves.move_by_offset(pixels // 2, 0).move_by_offset(
        pixels - pixels // 2, 0
    ).release().perform()


def errors_of(driver):
    return [line for line in driver.get_log("browser") if line["level"] == "SEVERE"]


def test_the_page(tmp_path):
    with playground() as (_, url), chromium(1440, 900) as driver:
        driver.get(url.split("?")[0])
        assert "403" in driver.page_source
        driver.get_log("browser")  # which names the refusal
        opened(driver, url)
        assert ask(driver, "return document.documentElement.lang") == "en"
        assert driver.title == "steepest playground"

        # a click is a new start
        press_on_map(driver, 1.5, -0.5)
        at = wait_for(lambda: _changed_start(driver, -0.7), "the start moved")
        assert at == pytest.approx([1.5, -0.5], abs=0.02)
        assert ask(driver, "return columns('walked').xs[0][0]") == pytest.approx(at[0])

        # a slider moves a path, and no other
        before = end(driver, 0), end(driver, 1)
        drag(driver, "step-gradient_descent", 30)
        wait_for(lambda: end(driver, 0) != before[0], "the path of gradient descent moved")
        assert end(driver, 1) == before[1]
        drag(driver, "momentum-momentum", -40)
        wait_for(lambda: end(driver, 1) != before[1], "the path of momentum moved")

        # methods come and go
        assert length(driver, 6) == 0
        click(driver, "chip-bfgs", "button")
        wait_for(lambda: length(driver, 6) > 1, "BFGS was drawn")
        assert end(driver, 6) == pytest.approx([1, 1], abs=1e-3)
        wait_for(lambda: "BFGS" in shown(driver, "table"), "BFGS was in the table")
        click(driver, "chip-adam", "button")
        wait_for(lambda: length(driver, 2) == 0, "Adam was taken away")
        assert not ask(driver, "return model('step-adam').visible")

        # the graph follows the cursor
        press_on_map(driver, 0.5, 1.0, kind="move")
        wait_for(lambda: "at the cursor" in shown(driver, "graph-title"), "the cursor was seen")
        wait_for(lambda: "x = 0.5" in shown(driver, "graph-title"), "the point was shown")
        assert shown(driver, "graph-svg").startswith("<svg")
        driver.save_screenshot(str(tmp_path / "page.png"))
        assert (tmp_path / "page.png").stat().st_size > 20_000

        # the animation runs, pauses, and goes on
        click(driver, "play", "button")
        first = wait_for(lambda: _step(driver) < 250 and _step(driver), "the animation ran")
        wait_for(lambda: _step(driver) > first, "the animation went on")
        assert ask(driver, "return model('play').label").endswith("Pause")
        click(driver, "play", "button")
        wait_for(lambda: ask(driver, "return model('play').label").endswith("Play"), "it paused")
        assert _step(driver) < 300
        click(driver, "reset", "button")
        wait_for(lambda: _changed_start(driver, 1.5), "the start was reset")

        # languages
        click(driver, "language", ".bk-btn:nth-child(2)")
        chinese = "\u68af\u5ea6\u4e0b\u964d"
        wait_for(lambda: chinese in shown(driver, "table"), "the table was Chinese")
        assert ask(driver, "return model('chip-gradient_descent').label") == chinese
        wait_for(lambda: "\u68af\u5ea6" in shown(driver, "graph-svg"), "the graph was Chinese")
        assert ask(driver, "return document.documentElement.lang") == "zh-CN"

        # another function, with a slice
        ask(driver, "model('function').value = '8'")
        wait_for(lambda: ask(driver, "return model('fixed-0').visible"), "there was a slice")
        before = ask(driver, "return Array.from(columns('image').image[0])")
        drag(driver, "fixed-0", 40)
        wait_for(
            lambda: ask(driver, "return Array.from(columns('image').image[0])") != before,
            "the map changed",
        )
        assert errors_of(driver) == []


def _changed_start(driver, before):
    at = ask(driver, "const c = columns('start'); return [c.x[0], c.y[0]]")
    return at if abs(at[0] - before) > 1e-6 else None


def _step(driver):
    return ask(driver, "return model('now').value")


def test_the_page_on_a_phone():
    with playground() as (_, url), chromium(390, 844, is_phone=True) as driver:
        opened(driver, url)
        assert driver.execute_script("return document.documentElement.scrollWidth") == 390
        boxes = ask(
            driver,
            "return ['map', 'table', 'losses', 'tools', 'graph'].map((name) => {"
            "const box = Bokeh.index.find_one(model(name)).el.getBoundingClientRect();"
            "return [box.left, box.right, box.height]})",
        )
        for left, right, height in boxes:
            assert 0 <= left < right <= 390
            assert height > 60
        # the map stays in view while sliders below it are dragged
        driver.execute_script("window.scrollTo(0, 500)")
        top = ask(
            driver, "return Bokeh.index.find_one(model('map')).el.getBoundingClientRect().top"
        )
        assert 0 <= top < 60
        assert errors_of(driver) == []
