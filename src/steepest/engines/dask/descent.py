"""A descent whose rows are on the workers of a cluster.

The strips of each pass over the data (``rewrite/panels``) are divided into groups of neighbors. A
group's rows are sent to one worker, and stay there. In each pass, every worker adds up the strips
of its groups; the sums of all strips come back, and are added up here in the order of the strips.
"""

from __future__ import annotations

import dataclasses
import weakref
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from steepest.activity import doing, note, tell
from steepest.engines.dask import worker
from steepest.engines.dask.cluster import (
    Lost,
    Tasks,
    answering,
    check_client,
    check_workers,
)
from steepest.engines.dask.places import Divided, arrays_among
from steepest.engines.native import Native
from steepest.engines.native.programs.streamed import Pass
from steepest.engines.native.programs.strips import StripSums
from steepest.engines.native.programs.tiers import DescentTiers, compile_tiers
from steepest.engines.native.runs.streamed_run import StreamedRun
from steepest.engines.native.runs.streaming import (
    Evaluation,
    panels_of,
    pass_needs,
)
from steepest.engines.program import Program
from steepest.engines.protocol import Run, Start
from steepest.errors import ClusterError, InputError, UnsupportedError
from steepest.graph import Node
from steepest.streams import Source, opening
from steepest.streams.evaluation import InterruptedPassError

_INLINE = 1 << 16
"""Most bytes that are sent with each task; more are sent to each worker once."""

_ATTEMPTS = 5
"""How often in a row the rows of a group may be lost."""

_FACTORS = -1
"""Stands in the place of a group's number for the triangles of a pass."""

_SHARE = 0.5
"""The share of the workers' memory that rows may take; tables that need more are read again."""


@dataclasses.dataclass(frozen=True)
class ClusterStarter:
    """Starts descents whose rows are on a cluster.

    Attributes
    ----------
    client
        The client.
    tiers
        Machine code of the step.
    divided, content
        The evaluation and the step, and what workers are sent of them.
    needs_state
        Whether the evaluation needs the count and the state, and not only x.
    """

    client: Any
    tiers: DescentTiers
    divided: Divided
    content: bytes
    needs_state: bool

    def __call__(self, start: Start) -> StreamedRun:
        """Start a run."""
        check_client(self.client)
        code = _OnCluster(self.client, self.divided, self.content)
        return StreamedRun(self.tiers, self.divided.step, code, start, self.needs_state)


def prepare_descent(client: Any, program: Program) -> Callable[[Start], Run]:
    """Compile a descent in two parts, whose evaluation is divided among workers.

    Small data that cannot be divided are in memory here.
    """
    if not any(program.streamed):
        raise InputError(
            "the engine 'dask' divides the rows of data among machines, and this loss has none: "
            "use engine='native'"
        )
    in_rows = zip(program.data, program.streamed, strict=True)
    needed = sum([node.size * node.dtype.itemsize for node, is_read in in_rows if is_read])
    try:
        divided = Divided(program)
    except UnsupportedError as error:
        if needed <= opening.READ_WHOLE:
            note("the data are small and not divided: this machine computes with all of them")
            return _in_memory(program)
        raise UnsupportedError(
            f"st.engines.Dask divides the rows of data into blocks, on many machines, but {error}"
        ) from None
    return ClusterStarter(
        client, compile_tiers(divided.step), divided, divided.packed(), not program.evaluations
    )


def _in_memory(program: Program) -> Callable[[Start], Run]:
    """Compile a descent whose data are all read first."""
    starter = Native().prepare(dataclasses.replace(program, streamed=()))

    def start(given: Start) -> Run:
        data = [x.whole() if isinstance(x, Source) else x for x in given.data]
        return starter(dataclasses.replace(given, data=data))

    return start


class _OnCluster:
    """The evaluation of one descent, as :class:`StreamedRun` calls it."""

    def __init__(self, client: Any, divided: Divided, content: bytes) -> None:
        self._client, self._divided, self._content = client, divided, content
        self._groups: list[_Groups] = []
        self.graph = divided.code.graph

    def release(self) -> None:
        """Leave nothing on the cluster."""
        for groups in self._groups:
            groups.close()
        self._groups.clear()

    def on(
        self,
        data: Sequence[Any],
        is_over: Callable[[], bool],
        on_rows: Callable[[int, int], None],
    ) -> Evaluation:
        """Return the graph as a function of its first inputs, on data."""
        with answering(self._client):
            groups = _Groups(self._client, self._divided, self._content, data, is_over, on_rows)
        self._groups.append(groups)
        return self._divided.code.on(data, is_over, on_rows, groups.results)


class _Group(NamedTuple):
    """Neighboring strips, whose rows are on one worker.

    Attributes
    ----------
    number
        Its number.
    worker
        The address of the worker.
    rows
        For each input of which it needs rows: its place, the number of the first row, and a
        future of the rows.
    """

    number: int
    worker: str
    rows: list[tuple[int, int, Any]]

    def is_there(self) -> bool:
        """Whether the rows have not been lost."""
        return all(
            getattr(future, "status", "finished") in ("pending", "finished")
            for _, _, future in self.rows
        )


class _Link(NamedTuple):
    """What a triangle needs of a group: futures of its rows, and of the factor down to them."""

    computed: Any
    factors: Any


class _Groups:
    """The groups of strips of a descent, and its tasks."""

    def __init__(
        self,
        client: Any,
        divided: Divided,
        content: bytes,
        data: Sequence[Any],
        is_over: Callable[[], bool],
        on_rows: Callable[[int, int], None],
    ) -> None:
        self._client, self._divided, self._data = client, divided, data
        self._on_rows = on_rows
        self._tasks = Tasks(client, is_over)
        self._groups: dict[int, _Group] = {}
        self._fixed: dict[Node, Any] = {}
        self._attempts = 0
        self._content = self._tasks.persist(worker.identity, content)
        weakref.finalize(self, self._tasks.close)  # if an error ends the run
        threads = self._tasks.workers()
        if not threads:
            raise InterruptedPassError
        check_workers(client)
        strips = max(work.code.plan.strips for work in divided.passes)
        self._count = min(threads, strips)
        self._values_of = dict(zip(divided.code.once.inputs, data, strict=True))
        divided.add_rows(self._values_of)
        self._keeps_tables = self._has_room()
        self._constants = {*divided.code.once.inputs, *divided.code.constants}

    def close(self) -> None:
        """Leave nothing on the cluster."""
        self._tasks.close()

    def results(
        self, work: Pass, values: Mapping[Node, Any]
    ) -> tuple[StripSums, Mapping[int, np.ndarray]]:
        """Return the sums of all strips of a pass, and its triangles.

        Raises
        ------
        InterruptedPassError
            If the run is to end.
        ClusterError
            If workers are lost one after the other.
        """
        strips = {group: self._strips(work, group) for group in range(self._count)}
        strips = {group: (first, end) for group, (first, end) in strips.items() if first < end}
        total, plan, rows = work.code.new_sums(), work.code.plan, 0
        factors: Mapping[int, np.ndarray] = {}
        missing = {*strips, _FACTORS} if work.triangles else {*strips}
        links: dict[int, _Link] = {}
        shared: list[Any] = []
        self._attempts = 0
        try:
            while missing:
                with answering(self._client):
                    if not self._tasks.pending:
                        shared += self._submit(work, values, strips, missing, links)
                    arrived = self._next_results()
                for group, found in arrived:
                    if isinstance(found, Lost):
                        self._count_loss(found)
                        continue
                    missing.remove(group)
                    if group == _FACTORS:
                        factors = found
                        continue
                    first, end = strips[group]
                    _insert(total, slice(first, end), found)
                    rows += plan.rows * (end - first) // plan.strips
                self._on_rows(rows, plan.rows)
        finally:
            self._tasks.cancel()
            self._tasks.drop(shared)
        return total, factors

    def _next_results(self) -> list[tuple[int, Any]]:
        """Wait for tasks; return the groups of those that are done, and their results."""
        done = self._tasks.done()
        if done is None:
            raise InterruptedPassError
        return self._tasks.results(done)

    def _submit(
        self,
        work: Pass,
        values: Mapping[Node, Any],
        strips: Mapping[int, tuple[int, int]],
        missing: Collection[int],
        links: dict[int, _Link],
    ) -> list[Any]:
        """Give the tasks of missing groups to the cluster; return futures to drop after the pass.

        The factor of many rows is that of the first ones, with the next ones beneath. After a loss
        they go on from the last factor that is still there.
        """
        number, tasks = self._divided.passes.index(work), self._tasks
        given, fixed = self._values(work, values)
        shared = [value for value in given.values() if not isinstance(value, np.ndarray)]
        last, before = -1, None
        for group, link in links.items():
            if link.factors.status == "finished":
                last, before = group, link.factors
        for group, between in strips.items():
            is_beneath = _FACTORS in missing and group > last
            if group not in missing and not is_beneath:
                continue
            there = self._group(group)
            task = self._content, there.rows, fixed, given, number, between
            if not work.triangles:
                tasks.submit(group, worker.sums_of_strips, *task, near=there.worker)
                continue
            link = links.get(group, _Link(None, None))
            computed = link.computed
            if getattr(computed, "status", None) != "finished":
                computed = tasks.persist(worker.compute_strips, *task, near=there.worker)
            if group in missing:
                tasks.submit(group, worker.sums_of, computed, near=there.worker)
            if is_beneath:
                step = self._content, number, computed, before
                before = tasks.persist(worker.fold, *step, near=there.worker)
            links[group] = _Link(computed, before if is_beneath else link.factors)
            shared += links[group]
        if _FACTORS in missing:
            tasks.submit(_FACTORS, worker.factors_of, self._content, number, before)
        return shared

    def _strips(self, work: Pass, group: int) -> tuple[int, int]:
        """Return the first strip of a group in a pass, and the one after its last."""
        strips = work.code.plan.strips
        return strips * group // self._count, strips * (group + 1) // self._count

    def _group(self, number: int) -> _Group:
        """Return a group whose rows are on a worker, or on the way to it."""
        group = self._groups.get(number)
        if group is None or not group.is_there():
            workers = [a for a, n in sorted(self._client.nthreads().items()) for _ in range(n)]
            address = workers[number % len(workers)] if workers else ""
            group = _Group(number, address, self._placed(number, address))
            self._groups[number] = group
        return group

    def _placed(self, number: int, address: str) -> list[tuple[int, int, Any]]:
        """Send the rows of a group to a worker, or let it read them."""
        needed: dict[Source, tuple[int, int]] = {}
        for work in self._divided.passes:
            strips = self._strips(work, number)
            if strips[0] < strips[1]:
                there = {
                    root: self._values_of[root] for root in work.roots if root in self._values_of
                }
                pass_needs(work, there, panels_of(work.code.plan, strips), needed)
        placed = []
        for place, source in enumerate(self._data):
            if isinstance(source, Source) and source in needed:
                first, end = needed[source]
                with doing(f"sending rows {first:,} to {end:,} of {source.name}"):
                    placed.append((place, first, self._rows(source, first, end, address)))
        return placed

    def _rows(self, source: Source, first: int, end: int, address: str) -> Any:
        """Return a future of rows of a source; or what opens it, if they are not to be kept."""
        origin = source.origin
        if hasattr(origin, "open"):
            if not self._keeps_tables:
                return origin
            return self._tasks.persist(worker.read_rows, origin, first, end, near=address)
        if hasattr(origin, "__dask_graph__"):
            rows = origin[first:end].astype(source.dtype)
            return self._tasks.compute(rows.rechunk(rows.shape), near=address)
        return self._tasks.scatter(source.read(first, end), near=address)

    def _has_room(self) -> bool:
        """Whether the rows of all tables fit into the memory of the workers."""
        needed = sum(s.nbytes for s in self._data if isinstance(s, Source))
        return needed <= _SHARE * self._tasks.memory()

    def _values(
        self, work: Pass, values: Mapping[Node, Any]
    ) -> tuple[dict[int, Any], dict[int, Any]]:
        """Return the values that workers need: of this pass, and of all, by their numbers."""
        given: dict[int, Any] = {}
        fixed: dict[int, Any] = {}
        for node, array in arrays_among(values).items():
            number = self._divided.numbers[node]
            if node in self._constants:
                future = self._fixed.get(node)
                if future is None or future.status not in ("pending", "finished"):
                    future = self._fixed[node] = self._tasks.persist(worker.identity, array)
                fixed[number] = future
            elif array.nbytes > _INLINE:
                given[number] = self._tasks.scatter(array)
            else:
                given[number] = array
        return given, fixed

    def _count_loss(self, lost: Lost) -> None:
        """Note that a task was lost with the rows it needs; raise if it happens often."""
        self._attempts += 1
        if self._attempts > _ATTEMPTS * self._count:
            raise ClusterError(
                f"the workers of the cluster were lost {self._attempts} times during one pass "
                "over the data: give them more memory, or the cluster more workers"
            ) from lost.error
        tell("a worker was lost: its rows are sent to another one")


def _insert(total: StripSums, part: slice, sums: worker.Sums) -> None:
    """Put the sums of some strips in their places."""
    for array_of, found in zip((total.values, total.errors), sums, strict=True):
        for number, array in found.items():
            array_of[number][part] = array
