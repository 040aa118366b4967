"""``steepest tour``: the lesson's six chapters, from the graph of a function to a network."""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
from rich.padding import Padding
from rich.rule import Rule

from steepest.check import check_gradient
from steepest.cli import report
from steepest.cli.compare import installed_engines
from steepest.cli.load import Spread, SpreadGradient
from steepest.cli.tour_texts import Texts
from steepest.derivative import value_and_gradient
from steepest.descent import (
    GradientDescent,
    LossBelow,
    MaxIterations,
    Result,
    Status,
    minimize,
)
from steepest.lesson import fruit, rosenbrock
from steepest.trace import trace

_LESSON_X = "[0.96840495 0.9376793 ]"
_LESSON_LOSS = 0.0009999075991282626
_LESSON_UPDATES = 5771


def run_tour(text: Texts, engines: Sequence[str] | None = None) -> None:
    """Walk through the lesson's chapters, on these engines or on all that are installed."""
    engines = installed_engines() if engines is None else engines
    times: dict[str, dict[str, Result]] = {"Rosenbrock": {}, "fruit": {}, "digits": {}}
    started = time.perf_counter()
    _print(text("opening", engines=", ".join(engines)))
    _graph(text)
    _gradient(text)
    _start(text)
    _descent(text, engines, times["Rosenbrock"])
    _regression(text, engines, times["fruit"])
    _network(text, engines, times["digits"])
    _times(text, times, time.perf_counter() - started)


def _print(line: str) -> None:
    """Print a line as it is."""
    report.console.print(line, markup=False)


def _say(line: str) -> None:
    _print("  " + line)


def _chapter(title: str) -> None:
    report.console.print()
    report.console.print(Rule(title, align="left"))


def _graph(text: Texts) -> None:
    _chapter("1. " + text("graph"))
    _say(text("the graph"))
    _say("  def rosenbrock(x, y): return (1 - x) ** 2 + 100 * (y - x**2) ** 2")
    half = np.array(0.5)
    graph = trace(rosenbrock.rosenbrock, half, half)
    for line in str(graph).splitlines():
        _say("  " + line.split("  #")[0].rstrip())
    _say(text("computed", value=float(graph(half, half))))


def _gradient(text: Texts) -> None:
    _chapter("2. " + text("gradient"))
    check = check_gradient(
        Spread(rosenbrock.rosenbrock),
        np.array([0.5, 0.5]),
        SpreadGradient(rosenbrock.rosenbrock_gradient),
    )
    _say(text("at half"))
    table = report.table(text("entry"), "steepest", *map(text, check.witnesses))
    for row in zip(check.entries, check.gradient, *check.witnesses.values(), strict=True):
        table.add_row(row[0], *(f"{number:.12g}" for number in row[1:]))
    report.console.print(Padding.indent(table, 2))
    _say(text("agrees", count=len(check.entries)) if check.agrees else check.verdict)


def _start(text: Texts) -> None:
    _chapter("3. " + text("start"))
    _say(text("any start"))
    stop = LossBelow(1e-3) | MaxIterations(100_000)

    def of_dict(p: Any) -> Any:
        return rosenbrock.rosenbrock(p["x"], p["y"])

    for start in ({"x": 0.0, "y": 0.0}, {"x": -1.0, "y": np.float32(1.0)}):
        run = _to_its_end(minimize(of_dict, start, method=GradientDescent(0.001), stop=stop))
        _say(text("from to", start=_plain(start), end=_plain(run.x), updates=run.iterations))


def _to_its_end(run: Result) -> Result:
    """Return a run; Ctrl-C, which has ended it, ends the tour, too."""
    if run.status is Status.INTERRUPTED:
        raise KeyboardInterrupt
    return run


def _plain(point: dict[str, Any]) -> dict[str, float]:
    return {name: round(float(value), 6) for name, value in point.items()}


def _descent(text: Texts, engines: Sequence[str], runs: dict[str, Result]) -> None:
    _chapter("4. " + text("descent"))
    _say(text("rule", rule="x - step_size * gradient"))
    x = np.zeros(2)
    loss_and_gradient = value_and_gradient(Spread(rosenbrock.rosenbrock))
    for count in range(3):
        loss, gradient = loss_and_gradient(x)
        _say(text("update", count=count, x=x, loss=f"{loss:.9f}", gradient=gradient))
        x = x - 0.001 * gradient
    _say(text("on every engine"))
    for engine in engines:
        run = runs[engine] = _to_its_end(rosenbrock.descend(engine))
        _say(text("engine", engine=engine, seconds=report.seconds(run.timings.run)))
        _compare(text, "updates", _LESSON_UPDATES, run.iterations)
        _compare(text, "last loss", _LESSON_LOSS, run.loss)
        _compare(text, "x", _LESSON_X, run.x)
    _say(text("log"))
    for number, loss in report.log_lines(runs[engines[0]], 3):
        _say(f"  iter_count:  {number} the loss: {loss}")


def _compare(text: Texts, name: str, lesson: Any, computed: Any) -> None:
    outcome = "same" if str(lesson) == str(computed) else "different"
    _say("  " + text(outcome, name=text(name), lesson=lesson, computed=computed))


def _regression(text: Texts, engines: Sequence[str], runs: dict[str, Result]) -> None:
    _chapter("5. " + text("regression"))
    _say(text("fruit data"))
    model, data = fruit.start(), (fruit.WEATHER, fruit.YIELDS)
    loss_and_gradient = value_and_gradient(fruit.loss)
    _show(text("predictions before"), fruit.predict(model, fruit.WEATHER))
    loss, gradient = loss_and_gradient(model, *data)
    _say(text("loss before", loss=f"{loss:.4f}"))
    _show(text("gradient of w"), gradient["w"])
    gradient = {name: np.zeros_like(value) for name, value in gradient.items()}
    _show(text("zeroed"), gradient["w"])
    _show(text("predictions once more"), fruit.predict(model, fruit.WEATHER))
    loss, gradient = loss_and_gradient(model, *data)
    _say(text("loss once more", loss=f"{loss:.4f}"))
    _show(text("gradient once more"), gradient["w"])
    step = np.float32(1e-5)
    model = {name: model[name] - step * gradient[name] for name in model}
    _show(text("w updated"), model["w"])
    _show(text("b updated"), model["b"])
    _say(text("loss updated", loss=f"{loss_and_gradient(model, *data)[0]:.4f}"))
    for engine in engines:
        run = runs[engine] = _to_its_end(fruit.train(engine))
        _say(text("trained", epochs=run.iterations, engine=engine, loss=f"{run.loss:.6f}"))
    _show(text("predictions"), fruit.predict(runs[engines[0]].x, fruit.WEATHER))
    _show(text("targets"), fruit.YIELDS)


def _show(name: str, array: np.ndarray) -> None:
    _say(name)
    for line in np.array2string(array, precision=4, suppress_small=True).splitlines():
        _say("  " + line)


def _network(text: Texts, engines: Sequence[str], runs: dict[str, Result]) -> None:
    _chapter("6. " + text("network"))
    if importlib.util.find_spec("sklearn") is None:
        _say(text("no digits"))
        return
    from steepest.lesson import digits

    _say(text("digits data"))
    for engine in engines:
        run, share = digits.train(engine)
        runs[engine] = _to_its_end(run)
        figures = {"updates": run.iterations, "loss": f"{run.loss:.4f}", "share": f"{share:.1%}"}
        _say(text("digits", engine=engine, **figures))


def _times(text: Texts, times: dict[str, dict[str, Result]], total: float) -> None:
    _chapter(text("times"))
    columns = ("exercise", "engine", "trace", "compile", "run", "iteration")
    table = report.table(*(text("column " + name) for name in columns))
    for exercise, runs in times.items():
        for engine, run in runs.items():
            t = run.timings
            each = t.run / max(run.iterations, 1)
            seconds = map(report.seconds, (t.trace, t.compile, t.run, each))
            table.add_row(text("row " + exercise), engine, *seconds)
    report.console.print(table)
    _print(text("closing", seconds=f"{total:.1f}"))
