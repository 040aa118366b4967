"""A cluster of dask.distributed: its client, what its workers have installed, and their tasks.

This is the only place that imports dask.
"""

from __future__ import annotations

import contextlib
import logging
import pkgutil
import queue
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

from steepest.activity import note
from steepest.errors import (
    ClusterError,
    EngineUnavailableError,
    InputError,
    SettingError,
    imported,
)
from steepest.version import __version__

_LOOK = 0.05
"""Seconds between two looks at the clock and at Ctrl-C."""

_PATIENCE = 3.0
"""Seconds without any worker after which a message says so."""


def import_distributed() -> Any:
    """Return the module ``distributed``.

    Raises
    ------
    EngineUnavailableError
        If it is not installed; the message says how to.
    """
    return imported(
        "distributed",
        "the engine 'dask' needs dask.distributed, which is not installed: "
        "pip install 'steepest[dask]'",
    )


def check_client(client: Any) -> None:
    """Raise unless tasks can be given to a client.

    Raises
    ------
    SettingError
        If it is not a client.
    InputError
        If it is closed, or belongs to a program with ``async`` functions.
    """
    distributed = import_distributed()
    if not isinstance(client, distributed.Client):
        is_cluster = isinstance(client, distributed.deploy.Cluster)
        write = "Dask(Client(cluster))" if is_cluster else "Dask(Client('address of a scheduler'))"
        raise SettingError(
            f"st.engines.Dask takes a client of dask.distributed, got {client!r:.200}: write "
            f"st.engines.{write}, with Client from dask.distributed"
        )
    if client.asynchronous:
        raise InputError(
            "st.engines.Dask: this client is asynchronous, and a descent waits for its answers: "
            "write Client(address) without asynchronous=True, and call the descent in a thread"
        )
    if client.status in ("closed", "closing"):
        raise InputError(
            "st.engines.Dask: this client is closed: connect a new one, "
            "st.engines.Dask(Client('address of a scheduler'))"
        )


_checked: WeakKeyDictionary[Any, set[str]] = WeakKeyDictionary()
"""Addresses of the workers of each client that can do the work."""


def check_workers(client: Any, anew: bool = False) -> None:
    """Raise unless every worker has this version of steepest, and what it needs.

    Workers that were looked at before are not looked at again, except `anew`.

    Raises
    ------
    EngineUnavailableError
        If a worker lacks something; the message names it by its address.
    """
    known = _checked.setdefault(client, set())
    if anew:
        known.clear()
    addresses = [address for address in client.nthreads() if address not in known]
    if not addresses:
        return
    faults: dict[str, str] = {}
    for package, module in (("llvmlite", "llvmlite"), ("steepest", "steepest.version")):
        found: Mapping[str, Any] = client.run(
            pkgutil.resolve_name, f"{module}:__version__", workers=addresses, on_error="return"
        )
        for address, version in found.items():
            if isinstance(version, Exception):
                faults.setdefault(address, f"cannot import {package} ({version})")
            elif package == "steepest" and version != __version__:
                faults.setdefault(address, f"has steepest {version}")
    known.update(address for address in addresses if address not in faults)
    if faults:
        address, fault = next(iter(faults.items()))
        others = f" (and {len(faults) - 1} more workers cannot)" if len(faults) > 1 else ""
        raise EngineUnavailableError(
            f"the worker {address} {fault}{others}: install the version of this machine there, "
            f"pip install steepest=={__version__}"
        )


@contextlib.contextmanager
def answering(client: Any) -> Iterator[None]:
    """Raise a ClusterError in place of the error of a connection to a cluster that is gone."""
    try:
        yield
    except OSError as error:  # as those of distributed are
        if client.status == "running":
            raise
        raise ClusterError(
            "the scheduler of the cluster does not answer any more: it was stopped, or the "
            "network fails"
        ) from error


class Lost(NamedTuple):
    """The result of a task that was lost, together with values that it needed."""

    error: Exception


def cancellation() -> Callable[[], bool]:
    """Return a function that says whether the task of this thread has been cancelled.

    A worker cannot end a thread. A task that may take long asks this function now and then, and
    so ends when its client has released it, or is lost.
    """
    worker = import_distributed().get_worker()
    task = worker.state.tasks[worker.get_current_task()]
    return lambda: task.state == "cancelled"


class Tasks:
    """The tasks of one call, and what they left on the cluster; nothing is left at its end.

    Parameters
    ----------
    client
        The client.
    is_over
        Says, when asked now and then, whether to give up.
    """

    def __init__(self, client: Any, is_over: Callable[[], bool]) -> None:
        self.client = client
        self.is_over = is_over
        self._pending: dict[Any, Any] = {}
        self._persisted: dict[Any, None] = {}
        self._done: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._since = time.monotonic()
        self._has_warned = False

    def __enter__(self) -> Tasks:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self.close()
        except KeyboardInterrupt:  # one more Ctrl-C
            self.close()
            raise

    def close(self) -> None:
        """Release everything, without waiting: tasks that run end at their next look."""
        self.cancel()
        self.drop(list(self._persisted))

    def cancel(self) -> None:
        """Cancel the tasks that have not come back."""
        self.drop(list(self._pending))
        self._pending.clear()

    def drop(self, futures: Sequence[Any]) -> None:
        """Release values that are not needed any more, and tasks: their only client wants none."""
        for future in futures:
            future.release()
            self._persisted.pop(future, None)

    @property
    def pending(self) -> int:
        """Number of tasks that have not come back."""
        return len(self._pending)

    # Values that stay on workers.

    def persist(self, function: Callable[..., Any], *args: Any, near: str = "") -> Any:
        """Return a future of a value that tasks share; if a worker is lost, it is recomputed."""
        return self._persist(self.client.submit(function, *args, **_near(near), pure=False))

    def compute(self, collection: Any, near: str = "") -> Any:
        """Return a future of the value of a collection of dask's."""
        return self._persist(self.client.compute(collection, **_near(near)))

    def scatter(self, value: Any, near: str = "") -> Any:
        """Return a future of a value that is sent to a worker; it is lost with the worker."""
        there = [near] if near in self.client.nthreads() else None
        return self._persist(self.client.scatter(value, workers=there, hash=False))

    def _persist(self, future: Any) -> Any:
        self._persisted[future] = None
        return future

    # Tasks.

    def submit(self, label: Any, function: Callable[..., Any], *args: Any, near: str = "") -> None:
        """Give a task to the cluster; :meth:`done` will return its label."""
        future = self.client.submit(function, *args, **_near(near), pure=False)
        self._pending[future] = label
        future.add_done_callback(self._done.put)

    def done(self) -> list[tuple[Any, Any]] | None:
        """Wait until a task is done; return labels and futures of those that are.

        None if the call is over.

        Raises
        ------
        ClusterError
            If the client was closed.
        """
        while not self.is_over():
            found = []
            try:
                found.append(self._done.get(timeout=_LOOK))
                while True:
                    found.append(self._done.get_nowait())
            except queue.Empty:
                pairs = [(self._pending.pop(f), f) for f in found if f in self._pending]
                if pairs:
                    return pairs
            self._look_for_workers()
        return None

    def results(self, done: Sequence[tuple[Any, Any]]) -> list[tuple[Any, Any]]:
        """Return labels and results of tasks that are done, which come in one message.

        The result is a :class:`Lost` where a worker was lost with a value that was sent to it.

        Raises
        ------
        ClusterError
            If the cluster gave a task up.
        Exception
            What a task raised.
        """
        labels, futures = zip(*done, strict=True)
        try:
            if all([future.status == "finished" for future in futures]):
                with contextlib.suppress(Exception):  # which is looked at one by one below
                    return list(zip(labels, self.client.gather(futures), strict=True))
            return [(label, self._result(future)) for label, future in done]
        finally:
            for future in futures:
                future.release()

    def run_on_workers(self, function: Callable[..., Any], *args: Any) -> None:
        """Call a function on every worker, also on those that are busy."""
        if self.client.status == "running":
            self.client.run(function, *args, on_error="ignore")

    def workers(self) -> int:
        """Return how many tasks the workers do at once; 0 if the call is over before any is there.

        A cluster that grows with its tasks starts its first worker for one.
        """
        while not self.is_over():
            threads: int = sum(self.client.nthreads().values())
            if threads:
                return threads
            self._look_for_workers()
            time.sleep(_LOOK)
        return 0

    def memory(self) -> float:
        """Return the bytes of memory that all workers may use."""
        workers = self.client.scheduler_info(n_workers=-1)["workers"].values()
        return sum([worker["memory_limit"] or float("inf") for worker in workers])

    def _result(self, future: Any) -> Any:
        distributed = import_distributed()
        try:
            return future.result()
        except distributed.KilledWorker as error:
            raise ClusterError(
                "the cluster gave a task up, because the workers that did it were lost one after "
                "the other: give them more memory, or divide the data among more workers"
            ) from error
        except distributed.CancelledError as error:
            if self.client.status == "running":
                return Lost(error)
            raise ClusterError(
                "the cluster has cancelled all tasks: its scheduler was stopped, or the client "
                "was closed"
            ) from error
        except ImportError:
            check_workers(self.client, anew=True)
            raise

    def _look_for_workers(self) -> None:
        """Say so if there has been no worker for some time."""
        now = time.monotonic()
        if now - self._since < _PATIENCE:
            return
        self._since = now
        status = self.client.status
        if status == "closed":
            raise ClusterError("the client of the cluster was closed during the call")
        is_alone = status != "running" or not self.client.nthreads()
        if is_alone and not self._has_warned:
            what = "has no workers" if status == "running" else "does not answer"
            note(
                "the cluster %s: waiting for it (Ctrl-C ends the call with what was found so far)",
                what,
                level=logging.WARNING,
            )
        self._has_warned = is_alone


def _near(address: str) -> dict[str, Any]:
    """Return the settings of a task that should run on a worker, but may run on others."""
    return {"workers": [address], "allow_other_workers": True} if address else {}
