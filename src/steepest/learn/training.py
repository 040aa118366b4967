"""Training: an objective is minimized on all samples at once, or on minibatches."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np

from steepest.descent.iteration.problem import Problem
from steepest.descent.methods import Search
from steepest.descent.methods.base import Driven
from steepest.descent.methods.registry import default_method
from steepest.descent.problem.bounds import box_of_pairs
from steepest.descent.problem.differencing import with_differences
from steepest.descent.problem.objective import Objective as DescentObjective
from steepest.descent.problem.parameters import as_x0, check_finite, ravel_parameters
from steepest.descent.problem.transforms import split_transforms
from steepest.descent.results.status import Status
from steepest.descent.running.compile import (
    CompiledProblem,
    compile_problem,
    continue_run,
    extend,
    start_again,
    start_of,
    step_in_numpy,
)
from steepest.descent.running.solve import solve
from steepest.descent.stop_rules import GradientNormBelow, MaxIterations, StopRule
from steepest.engines import BatchPlan, Outcome, Run, Snapshot, get_engine
from steepest.errors import InputError
from steepest.learn.objective import Data, Objective
from steepest.learn.rows import compiled_rows, filled, is_row_wise
from steepest.streams import Source

_NEVER = MaxIterations(1 << 62)
_MAX_PATHS = 16

Watch = Callable[[int, float, Any], bool]
"""Called with the number of an epoch, its loss and the parameters; returns whether to stop."""


class Settings(NamedTuple):
    """How to train.

    Attributes
    ----------
    method
        A descent method, its name, or None for the default.
    epochs
        Largest number of iterations, or with batches of passes over the samples.
    tolerance
        Without batches, the norm of the gradient at which to stop. With batches, the least
        decrease of the loss that counts. None: all epochs are made.
    batch_size
        Samples of a batch; None for all.
    patience
        With batches, how many epochs without a decrease end the training.
    is_shuffled, seed
        Whether samples are shuffled in each epoch, and by which seed.
    engine
        Where it runs.
    bounds
        Bounds of the parameters, or None.
    """

    method: Any = None
    epochs: int = 200
    tolerance: float | None = 1e-4
    batch_size: int | None = None
    patience: int = 10
    is_shuffled: bool = True
    seed: int = 0
    engine: Any = "native"
    bounds: Any = None


@dataclass(frozen=True)
class Trained:
    """The outcome of a training.

    Attributes
    ----------
    parameters
        The parameters reached.
    losses
        The loss of each iteration, or the mean loss of each epoch.
    epochs
        Number of iterations, or of epochs.
    has_converged
        Whether it ended before the limit.
    message
        How it ended, as a sentence.
    snapshot
        The state of the method, from which more epochs can be made; None without batches.
    """

    parameters: Any
    losses: list[float]
    epochs: int
    has_converged: bool
    message: str
    snapshot: Snapshot | None = None


def problem_of(
    objective: Objective, start: Any, data: Data, settings: Settings, stop: StopRule
) -> tuple[Problem, np.ndarray, str]:
    """Return the problem of a training, its start as a vector, and why its method was chosen."""
    free, expand = split_transforms(as_x0(start))
    layout, vector = ravel_parameters(free)
    bounds = settings.bounds
    if bounds is not None and expand is not None:
        bounds = expand.free_bounds(bounds, (None, None))
    box = box_of_pairs(bounds, free, layout)
    has_batches = settings.batch_size is not None
    method, reason = default_method(settings.method, vector.size, has_batches, box is not None)
    if isinstance(method, Search):
        if has_batches:
            raise InputError(
                f"{type(method).__name__} compares losses of successive points, but each batch "
                "has its own loss: use method=st.Adam(), or batch_size=None"
            )
        method = method if box is None else method.bounded()
    if isinstance(method, Driven):
        raise InputError(f"{type(method).__name__} is for constraints, which estimators lack")
    problem = Problem(
        DescentObjective(objective, expand=expand),
        layout,
        tuple(data),
        method,
        stop,
        dtype=layout.dtype,
        engine=get_engine(settings.engine),
        max_paths=_MAX_PATHS,
        record_every=1,
        box=box,
    )
    if box is not None:
        vector = np.clip(vector, box.lower, box.upper)
    return problem, vector, reason


def starting_point(start: Any) -> Any:
    """Return start values as the model sees them: marked ones are replaced by their values.

    Raises
    ------
    InputError
        If they are not finite real numbers.
    """
    free, expand = split_transforms(as_x0(start))
    ravel_parameters(free)
    values = free if expand is None else expand(free)
    check_finite(values, "start")
    return values


def train(
    objective: Objective,
    start: Any,
    data: Data,
    settings: Settings,
    watch: Watch | None = None,
    before: Snapshot | None = None,
) -> Trained:
    """Return the parameters that minimize an objective.

    Parameters
    ----------
    objective, start, data, settings
        What is minimized, from where, on which samples, and how.
    watch
        Called after each epoch.
    before
        The state of an earlier training on batches to go on from.
    """
    if settings.batch_size is None:
        return _on_all(objective, start, data, settings, watch)
    return _Batched(objective, start, data, settings, before).train(watch)


def _key(problem: Problem, data: Data) -> Any:
    shapes = data.X.shape[1:], data.X.dtype, data.y.shape[1:], data.y.dtype
    return problem._replace(args=()).key(), shapes


def _on_all(
    objective: Objective, start: Any, data: Data, settings: Settings, watch: Watch | None
) -> Trained:
    """Minimize the loss of all samples by a method that may compare losses."""
    limit = MaxIterations(settings.epochs)
    tolerance = settings.tolerance
    stop = limit if tolerance is None else GradientNormBelow(tolerance) | limit
    problem, vector, reason = problem_of(objective, start, data, settings, stop)
    rows = data.rows
    is_in_memory = not isinstance(data.X, Source)
    if is_in_memory and is_row_wise(objective.model, starting_point(start), data.X):
        rows = compiled_rows(_key(problem, data), rows)
    problem = problem._replace(args=tuple(filled(data, rows)))
    callback = None
    if watch is not None:
        callback = lambda state: watch(state.iteration, state.loss, state.x)
    run = solve(problem, vector, callback, False, reason)
    is_done = run.converged or tolerance is None or run.status is Status.CALLBACK
    losses = [float(loss) for loss in run.history.loss]
    curve = losses[1:]  # without that of the start
    if len(curve) < run.iterations or not curve:
        curve.append(float(run.loss))
    return Trained(run.x, curve, max(1, run.iterations), is_done, run.message)


@dataclass(frozen=True)
class _Steps:
    """The rows of each step, in the form of :class:`~steepest.descent.problem.batches.Batches`.

    Each step is an epoch of one batch to the engine, so that the compiled code does not depend on
    the number of samples.

    Attributes
    ----------
    rows, size
        Number of samples, and of those in a batch.
    epochs, first
        Numbers of the steps at which the training ends and begins.
    is_shuffled, seed
        Whether samples are shuffled in each epoch, and by which seed.
    """

    rows: int
    size: int
    epochs: int
    first: int
    is_shuffled: bool
    seed: int
    _latest: dict[int, np.ndarray] = field(default_factory=dict)

    @property
    def per_epoch(self) -> int:
        """Batches of an epoch."""
        return -(-self.rows // self.size)

    def order(self, samples: int, step: int) -> np.ndarray:
        """Return the rows of a step."""
        epoch, number = divmod(step - self.first, self.per_epoch)
        order = self.of_epoch(epoch)
        return order[number * self.size : (number + 1) * self.size]

    def pieces(self, samples: int, step: int) -> tuple[np.ndarray, ...]:
        """Return the rows of a step as one piece."""
        return (self.order(samples, step),)

    def of_epoch(self, epoch: int) -> np.ndarray:
        """Return the rows of all steps of an epoch; the last step is filled up by row `rows`."""
        if epoch not in self._latest:
            order = np.full(self.per_epoch * self.size, self.rows)
            rows = np.arange(self.rows)
            if self.is_shuffled:
                seed = [self.seed, self.first // self.per_epoch + epoch]
                rows = np.random.default_rng(seed).permutation(self.rows)
            order[: self.rows] = rows
            self._latest.clear()
            self._latest[epoch] = order
        return self._latest[epoch]


class _Batched:
    """A training on minibatches."""

    def __init__(
        self,
        objective: Objective,
        start: Any,
        data: Data,
        settings: Settings,
        before: Snapshot | None,
    ) -> None:
        self.settings = settings
        problem, vector, _ = problem_of(objective, start, data, settings, _NEVER)
        assert settings.batch_size is not None
        size = settings.batch_size
        is_single = data.rows <= size
        if is_single or data.rows % size:  # rows are filled up
            by_row = is_row_wise(objective.model, starting_point(start), data.X)
            if is_single:
                size = compiled_rows(_key(problem, data), data.rows) if by_row else data.rows
            elif not by_row:
                raise InputError(
                    f"{objective.__name__} looks across rows, so that the last batch of "
                    f"{data.rows % size} rows cannot be filled up to {size}: take a batch_size "
                    f"that divides {data.rows} samples, or None"
                )
        first = 0 if before is None else before.count
        per_epoch, is_shuffled = -(-data.rows // size), settings.is_shuffled and data.rows > size
        last = first + settings.epochs * per_epoch
        steps: Any = _Steps(data.rows, size, last, first, is_shuffled, settings.seed)
        self.steps: _Steps = steps
        self.weights = np.append(data.weights, 0)
        if data.rows % size:  # the row that fills the last batch
            data = filled(data, data.rows + 1)
        plan = BatchPlan(size, size, (True, True, True, False))
        self.problem = problem._replace(args=tuple(data), batches=steps, plan=plan)
        # What is compiled depends on the size of a batch, not on the number of samples.
        first_rows = data.take(np.zeros(size, np.int64))
        template = self.problem._replace(args=tuple(first_rows))
        self.prepared: CompiledProblem
        self.prepared, *_ = compile_problem(template, vector)
        if before is None:
            begin = start_of(self.problem, self.prepared, vector)
        else:
            begin = start_again(self.problem, self.prepared, before)
        self.run: Run = self.prepared.start(begin)

    def train(self, watch: Watch | None) -> Trained:
        """Make epochs until the loss falls no more, or the watch wants to stop."""
        settings, losses = self.settings, list[float]()
        best, waited = np.inf, 0
        message, has_converged = "", False
        objective = self.problem.objective
        while len(losses) < settings.epochs:
            outcome = with_differences(objective.subject, self._advance)
            if outcome is Outcome.DIVERGED:
                message = (
                    f"the loss is not finite after {len(losses)} epochs: scale the features, or "
                    "take a smaller step size"
                )
                break
            losses.append(self._epoch_loss(len(losses)))
            if watch is not None and watch(len(losses), losses[-1], self._parameters()):
                message, has_converged = "the callback or early stopping ended the training", True
                break
            if settings.tolerance is None:
                continue
            waited = waited + 1 if losses[-1] > best - settings.tolerance else 0
            best = min(best, losses[-1])
            if waited > settings.patience:
                message, has_converged = f"the loss fell no more in {waited} epochs", True
                break
        else:
            has_converged = settings.tolerance is None
            message = f"all {settings.epochs} epochs were made"
        parameters, snapshot = self._parameters(), self.run.snapshot()()
        self.run.release()
        # Numbers among the settings are not kept: other ones may follow.
        settings_first = len(self.problem.split.state)
        snapshot = replace(snapshot, state=snapshot.state[settings_first:])
        losses = losses or [float("nan")]
        return Trained(parameters, losses, len(losses), has_converged, message, snapshot)

    def _parameters(self) -> Any:
        return self.problem.parameters(np.array(self.run.x))

    def _advance(self) -> Outcome:
        """Make one epoch; paths through the objective that are new are compiled on the way."""
        done = self.run.count - self.steps.first
        end = self.run.count + self.steps.per_epoch - done % self.steps.per_epoch
        while self.run.count < end:
            outcome = self.run.advance(end - self.run.count)
            if outcome is Outcome.PAUSED:
                continue
            if outcome is not Outcome.NEW_PATH:
                return outcome
            if not np.isfinite(self.run.x).all():
                return Outcome.DIVERGED
            stepped = step_in_numpy(self.problem, self.prepared, self.run)
            if stepped is None:
                self.prepared, *_ = extend(self.problem, self.prepared, self.run)
                self.run = continue_run(self.problem, self.prepared, self.run)
                continue
            self.run.release()
            self.run, outcome = stepped
            if outcome is not Outcome.PAUSED:
                return outcome
            self.run = continue_run(self.problem, self.prepared, self.run)
        return Outcome.PAUSED

    def _epoch_loss(self, epoch: int) -> float:
        """Return the mean of the losses of the steps of an epoch, weighted as their samples."""
        pieces = [columns[0] for columns in self.run.recording.columns]
        self.run.recording.columns.clear()
        order = self.steps.of_epoch(epoch).reshape(-1, self.steps.size)
        return float(np.average(np.concatenate(pieces), weights=self.weights[order].sum(axis=1)))
