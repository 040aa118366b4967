"""Iterations captured as a CUDA graph: one launch replays them all.

A kernel of a small descent takes less time than its launch from Python. A CUDA graph holds the
kernels of several iterations and launches them together. It reads and writes the same memory each
time; what is kept of it beyond the next replay must be copied.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar

from steepest.activity import note
from steepest.engines.pytorch.chain import Made, Point, Step

Work = Callable[[], list[Made]]

Record = Callable[[Work], tuple[list[Made], Callable[[], None]]]
"""Does work once; returns its results, and a function that does it again in their memory."""

_WARM_UPS = 3


class Capture:
    """Several iterations that are replayed together.

    Parameters
    ----------
    record
        Captures them.
    step, start, length
        The iteration, the point to start from (with a row of `rows` for each iteration, if there
        are batches), and the number of iterations.
    """

    LENGTH: ClassVar[int] = 32
    """Number of iterations that are captured, unless fewer are made between two looks."""

    def __init__(self, record: Record, step: Step, start: Point, length: int) -> None:
        state = tuple(value.clone() for value in start.state)
        rows = None if start.rows is None else start.rows.clone()
        self._given = Point(start.x.clone(), start.count.clone(), state, start.data, rows)

        def work() -> list[Made]:
            point, made = self._given, list[Made]()
            for i in range(length):
                one_batch = None if rows is None else rows[i]
                made.append(step.compute(point._replace(rows=one_batch)))
                last = made[-1]
                point = Point(last.next_x, last.next_count, last.next_state, start.data)
            return made

        self._made, self._replay = record(work)

    def replay(self, start: Point) -> list[Made]:
        """Return what the iterations compute from a point; the next replay overwrites it."""
        for mine, given in zip(_changing(self._given), _changing(start), strict=True):
            mine.copy_(given)
        self._replay()
        return self._made


def _changing(point: Point) -> Iterator[Any]:
    yield point.x
    yield point.count
    yield from point.state
    if point.rows is not None:
        yield point.rows


def capture(record: Record, step: Step, start: Point, length: int) -> Capture | None:
    """Return captured iterations; None, with a sentence in the log, if they cannot be captured."""
    try:
        return Capture(record, step, start, length)
    except RuntimeError as error:
        reason = str(error).splitlines()[0]
        note("iterations are queued one by one: a CUDA graph cannot hold them (%s)", reason)
        return None


def cuda_graphs(torch: Any, device: str) -> Record:
    """Return what captures work as a CUDA graph."""

    def record(work: Work) -> tuple[list[Made], Callable[[], None]]:
        with torch.cuda.device(device):
            # Libraries allocate and choose kernels at their first calls, which cannot be captured.
            aside = torch.cuda.Stream()
            aside.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(aside):
                for _ in range(_WARM_UPS):
                    work()
            torch.cuda.current_stream().wait_stream(aside)
            graph = torch.cuda.CUDAGraph()
            try:
                with torch.cuda.graph(graph, capture_error_mode="thread_local"):
                    made = work()
            except RuntimeError:
                torch.cuda.synchronize()  # what the failed capture left in the queue
                raise
        return made, graph.replay

    return record


def copied(torch: Any, tensors: Sequence[Any]) -> tuple[Any, ...]:
    """Return tensors in memory of their own; numbers stay as they are."""
    return tuple(x.clone() if isinstance(x, torch.Tensor) else x for x in tensors)
