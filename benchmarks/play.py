"""How the playground keeps up with a slider: frames a second, and delays.

The page runs in Chromium without a window (Debian's packages chromium and chromium-driver, and
pip install selenium). Its slider is dragged by mouse events, one for each frame of the browser.
A frame counts when the browser has drawn it.

python benchmarks/play.py --seconds 4
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.support.browser import chromium, opened, playground

DRAG = """
const [name, seconds, done] = [arguments[0], arguments[1], arguments[2]];
const page = Bokeh.documents[0];
const frames = page.get_model_by_name('map').tags[0];
const slider = page.get_model_by_name(name);
const handle = Bokeh.index.find_one(slider).shadow_el.querySelector('.noUi-handle');
const track = handle.closest('.noUi-base').getBoundingClientRect();
const knob = handle.getBoundingClientRect(), y = knob.y + knob.height / 2;
const mouse = (kind, x) => handle.dispatchEvent(new MouseEvent(
  kind, {clientX: x, clientY: y, bubbles: true, composed: true, buttons: 1}));
const at = time => {  // to the left and back, a third of the track in 1.2 seconds
  const share = 1 - Math.abs((time / 1200) % 2 - 1);
  return knob.x + knob.width / 2 - track.width * share / 3;
};
const drawn = [];
let moves = 0;
frames.properties.drawn.change.connect(() => drawn.push(performance.now()));
mouse('mousedown', at(0));
const began = performance.now();
const move = now => {
  if (now - began > 1000 * seconds) {
    mouse('mouseup', at(0));
    done({began, drawn, moves});
    return;
  }
  mouse('mousemove', at(now - began)); moves += 1;
  requestAnimationFrame(move);
};
requestAnimationFrame(move);
"""

SINGLE = """
const [name, count, done] = [arguments[0], arguments[1], arguments[2]];
const page = Bokeh.documents[0];
const frames = page.get_model_by_name('map').tags[0];
const slider = page.get_model_by_name(name);
const delays = [];
let since = 0, number = 0;
const middle = (slider.start + slider.end) / 2, step = (slider.end - slider.start) / 300;
const move = () => {
  number += 1; since = performance.now();
  slider.value = middle + step * (number % 100);
};
frames.properties.drawn.change.connect(() => {
  if (!since) return;
  delays.push(performance.now() - since); since = 0;
  if (delays.length == count) done(delays); else setTimeout(move, 20);
});
move();
"""


def measured(driver, slider, seconds):
    """Return frames a second while a slider is dragged, and delays of single moves in ms."""
    driver.set_script_timeout(60)
    dragged = driver.execute_async_script(DRAG, slider, seconds)
    times = np.array(dragged["drawn"])
    gaps = np.diff(times)
    delays = np.array(driver.execute_async_script(SINGLE, slider, 60))
    return {
        "slider": slider,
        "moves_per_second": dragged["moves"] / seconds,
        "frames_per_second": len(times) / seconds,
        "gap_ms": dict(zip(("p50", "p95", "p99"), np.percentile(gaps, [50, 95, 99]), strict=True)),
        "delay_ms": dict(
            zip(("p50", "p95", "p99"), np.percentile(delays, [50, 95, 99]), strict=True)
        ),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    rows = []
    with playground() as (_, url), chromium(1440, 900) as driver:
        opened(driver, url)
        for slider in ("step-gradient_descent", "step-adam", "momentum-momentum"):
            rows.append(measured(driver, slider, given.seconds))
            row = rows[-1]
            gap, delay = row["gap_ms"], row["delay_ms"]
            print(
                f"{slider}: {row['frames_per_second']:.0f} frames/s "
                f"({row['moves_per_second']:.0f} moves/s), gap p50 {gap['p50']:.0f} ms, "
                f"p95 {gap['p95']:.0f}, p99 {gap['p99']:.0f}; delay of one move p50 "
                f"{delay['p50']:.0f} ms, p95 {delay['p95']:.0f}, p99 {delay['p99']:.0f}"
            )
    if given.json:
        given.json.write_text(json.dumps(rows, indent=2))


if __name__ == "__main__":
    main()
