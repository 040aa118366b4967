"""The engine "dask"."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from steepest.derivative import Executable
from steepest.engines.batch import ManyAnswers, ManyProgram, ManyStart, Watch
from steepest.engines.dask.cluster import check_client
from steepest.engines.dask.descent import prepare_descent
from steepest.engines.dask.each import RunsElsewhere
from steepest.engines.dask.many import solve_parts
from steepest.engines.native import Native
from steepest.engines.native.programs.batch import lanes_for
from steepest.engines.program import Program
from steepest.engines.protocol import Run, Start
from steepest.engines.serialize import NotPlainError, pack_program
from steepest.errors import UnsupportedError
from steepest.graph import Graph, Node, Source
from steepest.graph.source import at


@dataclass(frozen=True)
class Dask:
    """Runs descents on the workers of a dask.distributed cluster, in machine code.

    The rows of a loss's data are divided among the workers, and so are many problems. Workers are
    sent graphs as plain data, and compile them. Results have the same bits as those of the engine
    ``"native"``, for any number of workers, also if some are lost on the way.

    Parameters
    ----------
    client : distributed.Client
        A connected client. Every worker needs this version of steepest.

    Raises
    ------
    SettingError
        If `client` is not a client.
    InputError
        If it is closed, or belongs to a program with ``async`` functions.
    EngineUnavailableError
        If dask.distributed is not installed, here or on a worker.

    Examples
    --------
    >>> import numpy as np, steepest as st
    >>> from dask.distributed import Client
    >>> t, rates = np.linspace(0, 2, 12), np.array([0.5, 1.0])
    >>> data = 3 * np.exp(-rates[:, None] * t)
    >>> with Client(n_workers=1, processes=False, dashboard_address=":0") as client:
    ...     fits = st.curve_fit_many(lambda t, a, rate: a * np.exp(-rate * t), t, data,
    ...                              engine=st.engines.Dask(client))
    >>> fits.x.round(6)
    array([[3. , 0.5],
           [3. , 1. ]])
    """

    client: Any
    name: str = "dask"
    takes_parts: bool = True
    takes_blocks: bool = True
    divides_rows: bool = True

    def __post_init__(self) -> None:
        check_client(self.client)

    @property
    def alone(self) -> Native:
        """The engine of a single small problem, which is not worth sending."""
        return Native()

    def compile(self, paths: Sequence[Graph]) -> Executable:
        """Return the paths through a function as a function of flat inputs, on this machine."""
        return self.alone.compile(paths)

    def prepare(self, program: Program) -> Callable[[Start], Run]:
        """Compile a descent; return a function that starts runs of it.

        Raises
        ------
        InputError
            If there are no data whose rows could be divided, or only minibatches of them.
        UnsupportedError
            If the loss needs all rows at once; the message names the node and the line.
        """
        check_client(self.client)
        try:
            return prepare_descent(self.client, program)
        except NotPlainError as error:
            raise _refused(error.node, program.traced[-1].sources) from error

    def first_budget(self, program: Program) -> int:
        """Return 0: an iteration may take long."""
        return 0

    def runs_elsewhere(self, is_over: Callable[[], bool]) -> RunsElsewhere:
        """Return what runs whole descents on the workers, each by itself."""
        return RunsElsewhere(self.client, is_over)

    def prepare_many(
        self, program: ManyProgram
    ) -> Callable[[ManyStart, Watch], ManyAnswers | None] | None:
        """Return what solves many problems on the cluster; None if they go one at a time."""
        if not lanes_for(program):
            return None
        try:
            content = pack_program(program)
        except NotPlainError as error:
            raise _refused(error.node, program.sources) from error
        return functools.partial(solve_parts, self.client, program, content)


def _refused(node: Node, sources: Mapping[Node, Source]) -> UnsupportedError:
    """Return the error for a node that cannot be sent to workers."""
    return UnsupportedError(
        f"the engine 'dask' cannot send {node.op.name}{at(sources.get(node))} to the workers: it "
        "calls Python, and is not a part of the graph. Write it in NumPy; or let joblib send your "
        "function, as the page 'Fits on a cluster' of the documentation says"
    )
