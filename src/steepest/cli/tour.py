"""``steepest tour``: the lesson, from the graph of a function to a small network."""

from __future__ import annotations

import importlib.util
import time
from typing import Any

import numpy as np
from rich.rule import Rule

from steepest.check import check_gradient
from steepest.cli import report
from steepest.cli.compare import installed_engines
from steepest.cli.load import Spread, SpreadGradient
from steepest.derivative import value_and_gradient
from steepest.descent import (
    GradientDescent,
    LossBelow,
    MaxIterations,
    Result,
    minimize,
)
from steepest.lesson import fruit, rosenbrock
from steepest.trace import trace

_LESSON_X = "[0.96840495 0.9376793 ]"
_LESSON_LOSS = 0.0009999075991282626
_LESSON_UPDATES = 5771

say = report.console.print


def _chapter(number: str, title: str) -> None:
    say()
    say(Rule(f"{number}  {title}", align="left"))


def _compare(name: str, lesson: Any, computed: Any) -> None:
    mark = "same" if str(lesson) == str(computed) else "DIFFERENT"
    say(f"  {name}: lesson {lesson}, here {computed} ({mark})", markup=False)


def run_tour() -> None:
    """Walk through the lesson's exercises."""
    engines = installed_engines()
    times: dict[str, dict[str, Result]] = {"Rosenbrock": {}, "fruit": {}, "digits": {}}
    started = time.perf_counter()
    say("steepest: gradient descent for NumPy code. Engines here: " + ", ".join(engines))
    _graph()
    _descents(engines, times["Rosenbrock"])
    _starts()
    _gradients()
    _updates()
    _fruit(engines, times["fruit"])
    _digits(engines, times["digits"])
    _times(times, time.perf_counter() - started)


def _graph() -> None:
    _chapter("L0", "Set up the computation graph and have it computed")
    say("  def rosenbrock(x, y): return (1 - x) ** 2 + 100 * (y - x**2) ** 2")
    graph = trace(rosenbrock.rosenbrock, 0.5, 0.5)
    for line in str(graph).splitlines():
        say("  " + line.split("  #")[0].rstrip(), markup=False)
    say(f"  its value at (0.5, 0.5) is {float(graph(0.5, 0.5))}", markup=False)


def _descents(engines: list[str], runs: dict[str, Result]) -> None:
    _chapter("L1", "Gradient descent, the same on every engine")
    for engine in engines:
        run = runs[engine] = rosenbrock.descend(engine)
        say(f"  engine {engine}: {report.seconds(run.timings.run)}")
        _compare("updates", _LESSON_UPDATES, run.iterations)
        _compare("last loss", _LESSON_LOSS, run.loss)
        _compare("x", _LESSON_X, run.x)
    say("  The last three lines of the log:")
    for number, loss in report.log_lines(runs[engines[0]], 3):
        say(f"  iter_count:  {number} the loss: {loss}")


def _starts() -> None:
    _chapter("L2", "Set the initial values: any start, any structure, any precision")
    stop = LossBelow(1e-3) | MaxIterations(100_000)

    def of_dict(p: Any) -> Any:
        return rosenbrock.rosenbrock(p["x"], p["y"])

    for start in ({"x": 0.0, "y": 0.0}, {"x": -1.0, "y": np.float32(1.0)}):
        run = minimize(of_dict, start, method=GradientDescent(0.001), stop=stop)
        say(f"  from {_plain(start)} to {_plain(run.x)} in {run.iterations} updates", markup=False)


def _plain(point: dict[str, Any]) -> dict[str, float]:
    return {name: round(float(value), 6) for name, value in point.items()}


def _gradients() -> None:
    _chapter("L3", "Obtain the gradient, checked against the hand-written one")
    check = check_gradient(
        Spread(rosenbrock.rosenbrock),
        np.array([0.5, 0.5]),
        SpreadGradient(rosenbrock.rosenbrock_gradient),
    )
    for line in str(check).splitlines():
        say("  " + line, markup=False)


def _updates() -> None:
    _chapter("L4", "Update the parameters along the gradient")
    say("  the rule, in NumPy: x - step_size * gradient")
    x = np.zeros(2)
    loss_and_gradient = value_and_gradient(Spread(rosenbrock.rosenbrock))
    for count in range(3):
        loss, gradient = loss_and_gradient(x)
        say(f"  update {count}: x {x}, loss {loss:.9f}, gradient {gradient}", markup=False)
        x = x - 0.001 * gradient


def _fruit(engines: list[str], runs: dict[str, Result]) -> None:
    _chapter("L5", "Linear regression: apples and oranges from the weather")
    model, data = fruit.start(), (fruit.WEATHER, fruit.YIELDS)
    loss_and_gradient = value_and_gradient(fruit.loss)
    _show("predictions before training", fruit.predict(model, fruit.WEATHER))
    loss, gradient = loss_and_gradient(model, *data)
    say(f"  loss before training {loss:.4f}")
    _show("gradient of w", gradient["w"])
    gradient = {name: np.zeros_like(value) for name, value in gradient.items()}
    _show("gradients zeroed: w", gradient["w"])
    _show("predictions once more", fruit.predict(model, fruit.WEATHER))
    loss, gradient = loss_and_gradient(model, *data)
    say(f"  loss once more {loss:.4f}")
    _show("gradient of w once more", gradient["w"])
    step = np.float32(1e-5)
    model = {name: model[name] - step * gradient[name] for name in model}
    _show("w after one update", model["w"])
    _show("b after one update", model["b"])
    say(f"  loss after one update, smaller: {loss_and_gradient(model, *data)[0]:.4f}")
    for engine in engines:
        run = runs[engine] = fruit.train(engine)
        say(f"  loss after {run.iterations} epochs on {engine}: {run.loss:.6f}")
    _show("predictions", fruit.predict(runs[engines[0]].x, fruit.WEATHER))
    _show("targets", fruit.YIELDS)


def _show(name: str, array: np.ndarray) -> None:
    text = np.array2string(array, precision=4, suppress_small=True)
    say(f"  {name}:\n    " + text.replace("\n", "\n    "), markup=False)


def _digits(engines: list[str], runs: dict[str, Result]) -> None:
    _chapter("L6", "A simple neural network: handwritten digits")
    if importlib.util.find_spec("sklearn") is None:
        say(
            "  skipped: the digits come with scikit-learn, pip install 'steepest[learn]'",
            markup=False,
        )
        return
    from steepest.lesson import digits

    for engine in engines:
        run, share = digits.train(engine)
        runs[engine] = run
        say(
            f"  engine {engine}: {run.iterations} minibatches, loss {run.loss:.4f}, "
            f"{share:.1%} of the held-out images right (the lesson asks for 95%)"
        )


def _times(times: dict[str, dict[str, Result]], total: float) -> None:
    _chapter("", "Engine times")
    table = report.table("exercise", "engine", "trace", "compile", "run", "per iteration")
    for exercise, runs in times.items():
        for engine, run in runs.items():
            t = run.timings
            each = t.run / max(run.iterations, 1)
            table.add_row(
                exercise, engine, *map(report.seconds, (t.trace, t.compile, t.run, each))
            )
    say(table)
    say(f"The tour took {total:.1f} s.")
