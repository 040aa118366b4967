"""A problem: the objective, the method, and everything else that a descent depends on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from steepest.descent.iteration.setting_numbers import SplitSettings, split_settings
from steepest.descent.iteration.step import first_state
from steepest.descent.problem.batches import Batches
from steepest.descent.problem.bounds import Box
from steepest.descent.problem.differencing import differenced_codes
from steepest.descent.problem.objective import Objective
from steepest.descent.problem.parameters import ParameterLayout
from steepest.descent.stop_rules import StopRule
from steepest.engines import BatchPlan, Engine
from steepest.graph import trees
from steepest.lazy import lazy
from steepest.trace.tracing import key_of


class _Fields(NamedTuple):
    """The fields of a problem.

    Attributes
    ----------
    objective, layout, args
        What is minimized, the layout of its parameters, and its other arguments.
    method, stop
        The descent method and the stop rule.
    dtype
        Precision of the arithmetic.
    engine
        Where it runs.
    max_paths
        How many paths through the loss are compiled.
    batches, plan
        How the data are cut into batches; None where each iteration uses all of them.
    record_every, record_x
        How often the history keeps the loss, and whether it keeps x too.
    fast
        Whether algebra may change how results are rounded.
    box
        Bounds on the parameters; None where there are none.
    """

    objective: Objective
    layout: ParameterLayout
    args: Sequence[Any]
    method: Any
    stop: StopRule
    dtype: np.dtype
    engine: Engine
    max_paths: int
    batches: Batches | None = None
    plan: BatchPlan | None = None
    record_every: int = 0
    record_x: bool = False
    fast: bool = False
    box: Box | None = None


class Problem(_Fields):
    """An objective, its parameters, and how to minimize it."""

    def _replace(self, **changes: Any) -> Problem:
        """Return a problem with other fields, whose settings are looked at anew if they change."""
        result = super()._replace(**changes)
        if not changes.keys() & {"method", "stop"}:
            result.__dict__["split"] = self.split
        return result

    def with_constants(self) -> Problem:
        """Return the same problem; the numbers of its settings are constants."""
        result = self._replace()
        result.__dict__["split"] = self.split.as_constants()
        return result

    def parameters(self, vector: np.ndarray) -> Any:
        """Return the parameters at a vector, in their own structure."""
        free = self.layout.unpack(vector)
        return free if self.objective.expand is None else self.objective.expand(free)

    def active(self, x: np.ndarray) -> Any:
        """Return -1 for parameters on their lower bound, 1 on their upper, 0 elsewhere."""
        if self.box is None:
            return None
        return self.layout.unpack(self.box.sides(x), np.dtype(np.int64))

    def first_state(self, vector: np.ndarray) -> Any:
        """Return the state of the first iteration, without the numbers of settings."""
        x = vector.astype(self.dtype, copy=False)
        return first_state(self.method, x, self.stop, self.record_every)

    @lazy
    def split(self) -> SplitSettings:
        """Method and stop rule, and their numbers, which are the first part of a run's state.

        They are looked at once, since the method may change in a run.
        """
        return split_settings(self.method, self.stop)

    def key(self) -> Any:
        """Return what compiled code depends on, except what the functions read from outside.

        What is asked about the numbers of settings is known only after a trace.
        """
        leaves, structure = trees.flatten(tuple(self.args)) if self.args else ((), None)
        layout = self.layout
        layout_key = (layout.structure, layout.shapes, layout.dtypes)
        settings = (self.split.key(), self.dtype, self.plan, self.record_every)
        engine = (self.record_x, self.engine, self.max_paths, self.fast, self.box is None)
        differenced = differenced_codes(self.objective.subject)
        return (
            self.objective,
            differenced,
            *layout_key,
            structure,
            *map(key_of, leaves),
            *settings,
            *engine,
        )
