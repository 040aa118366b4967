"""A loop that is replayed: its calls are compared with the template, and not recorded."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from steepest.errors import REFUSALS
from steepest.graph import Node
from steepest.trace.arrays.array import TracedArray
from steepest.trace.arrays.assignment import freeze, storage_of
from steepest.trace.arrays.storage import Storage
from steepest.trace.recording.session import Session, abandon, reopened
from steepest.trace.replaying.build import made_loop
from steepest.trace.replaying.calls import Replayed, recorded, results_before
from steepest.trace.replaying.events import flat, is_same
from steepest.trace.replaying.pending import Awaited, Pending
from steepest.trace.replaying.template import (
    Call,
    Fixed,
    Kind,
    Made,
    Same,
    Target,
    Template,
    Varying,
)

MISSING: Any = object()
"""What :meth:`Replay.answer` returns for a call that does not fit."""

LEAST_CALLS, LEAST_ITERATIONS = 64, 6
"""Calls and iterations from which on a loop is built; fewer are recorded after all."""


class Replay:
    """A loop that is being replayed.

    Attributes
    ----------
    template
        What is expected.
    columns
        What differs from iteration to iteration.
    round, position
        The iteration, from 0 on, and the call in it that comes next.
    is_settled
        Whether it has ended: all results have nodes.
    """

    def __init__(self, template: Template, session: Session) -> None:
        self.template, self.session = template, session
        self.columns: list[list[Any]] = [[] for _ in template.earlier]
        self.round, self.position = 0, 0
        self.is_settled = False
        self.positions = dict(template.positions)
        self._living: list[weakref.ref[Pending]] = []
        self._recent: list[list[weakref.ref[Pending]]] = [[]]
        self._targets = {
            id(x.array) for call in template.calls for x in call.operands if isinstance(x, Target)
        }
        self._nodes: Mapping[tuple[int, int], Node] = {}

    @property
    def is_long(self) -> bool:
        """Whether it is worth a loop of its own."""
        calls = self.round * len(self.template.calls)
        return calls >= LEAST_CALLS and self.round >= LEAST_ITERATIONS

    def answer(
        self, function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> Any:
        """Return what the next call returns; `MISSING` if it is not the expected one."""
        call = self.template.calls[self.position]
        if call.function is not function:
            return MISSING
        if call.kind is Kind.REAL:
            return self._really(call, args, kwargs)
        leaves, structure = flat(args)
        if structure != call.structure or len(leaves) != len(call.operands):
            return MISSING
        if (kwargs or call.kwargs) and not self._has_keywords(call, kwargs):
            return MISSING
        noted: list[tuple[int, Any]] = []
        for operand, leaf in zip(call.operands, leaves, strict=True):
            if not self._fits(operand, leaf, noted):
                return MISSING
        if call.kind is not Kind.REPLAYED:
            result = self._special(call, leaves)
            if result is MISSING:
                return MISSING
        else:
            result = self._new(call, self.round, self.position)
            if call.base is not None:
                storage_of(leaves[call.base]).root.is_shared = True
        for column, value in noted:
            self.columns[column].append(value)
        self._advance()
        return result

    def _fits(self, operand: Any, leaf: Any, noted: list[tuple[int, Any]]) -> bool:
        kind = type(operand)
        if kind is Made:
            return type(leaf) is TracedArray and self._is_made(operand, leaf)
        if kind is Same:
            return is_same(leaf, operand.value)
        if kind is Varying:
            if type(leaf) is not operand.kind:
                return False
            if operand.extent is not None and not 0 <= leaf < operand.extent:
                return False
            noted.append((operand.column, leaf))
            return True
        if type(leaf) is not TracedArray:
            return False
        if kind is Target:
            return leaf is operand.array
        if not self._is_real(leaf):
            return False
        node = leaf.node
        if (leaf.weak, leaf.is_scalar, leaf.ordered) != operand.flags:
            return False
        if kind is Fixed:
            return node is operand.node
        if (node.shape, node.dtype) != (operand.shape, operand.dtype):
            return False
        noted.append((operand.column, node))
        return True

    def _is_made(self, operand: Made, leaf: TracedArray) -> bool:
        storage, number = leaf.storage, self.round - operand.lag
        if type(storage) is Pending and storage.replay is self:
            return storage.index == operand.index and storage.round == number
        return number < 0 and self.template.owners.get(id(leaf)) == (number, operand.index)

    def _is_real(self, leaf: TracedArray) -> bool:
        """Whether an array has a node that reading does not make."""
        storage = leaf.storage
        if storage is None:
            return True
        return storage.root.replay is None and id(leaf) not in self._targets

    @staticmethod
    def _has_keywords(call: Call, kwargs: Mapping[str, Any]) -> bool:
        own = call.kwargs
        return own.keys() == kwargs.keys() and all(is_same(kwargs[x], own[x]) for x in own)

    def _really(self, call: Call, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """Make a call that does not depend on what is replayed."""
        leaves, _ = flat(args)
        if not all(self._is_real(x) for x in leaves if type(x) is TracedArray):
            return MISSING
        guards = len(self.session.guards)
        result = call.function(*args, **kwargs)
        if type(result) is not TracedArray or len(self.session.guards) != guards:
            self.settle()
        elif not self.is_settled:
            self._advance()
        return result

    def _special(self, call: Call, leaves: Sequence[Any]) -> Any:
        kind = call.kind
        if kind is Kind.KNOWN:
            assert call.node is not None
            assert call.flags is not None
            weak, is_scalar, ordered = call.flags
            known = TracedArray(call.node, self.session, weak, is_scalar, ordered)
            return freeze(known, call.read_only) if call.read_only else known
        if kind is Kind.PICKED:
            return self._new(call, self.round, self.position)
        if kind is Kind.WRITTEN:
            return self._write(call, leaves)
        parts = leaves[1:] if kind is Kind.READ_BACK else leaves[1:-1]
        shape = leaves[0]._node.shape
        position = tuple([i % extent for i, extent in zip(parts, shape, strict=False)])
        key = id(leaves[0]), position
        if kind is Kind.STORED:
            value = call.operands[-1]
            if isinstance(value, Made):
                self.positions[key] = self.round - value.lag, value.index
            else:
                self.positions.pop(key, None)
            leaves[0].storage.replay = self
            leaves[0].storage.__class__ = Awaited
            return None
        assert call.back is not None
        index, lag = call.back.index, call.back.lag
        if self.positions.get(key) != (self.round - lag, index):
            return MISSING
        return self._new(call, self.round - lag, index)

    def _write(self, call: Call, leaves: Sequence[Any]) -> Any:
        x = leaves[0]
        storage = x.storage
        if storage is not None:
            is_own = type(storage) in (Storage, Pending) and not storage.read_only
            if (
                not is_own
                or storage.has_views
                or storage.is_shared
                or storage.argument is not None
            ):
                return MISSING
        x.storage = self._pending(self.round, self.position, False)
        return None if call.returns is None else x

    def _new(self, call: Call, number: int, index: int) -> TracedArray:
        """Return an array that stands for the result of a call."""
        x = TracedArray.__new__(TracedArray)
        x._node, x.session, x.argument = call.node, self.session, None  # type: ignore[assignment]
        x.weak, x.is_scalar, x.ordered = call.flags  # type: ignore[misc]
        x.storage = self._pending(number, index, call.base is not None)
        return x

    def _pending(self, number: int, index: int, is_shared: bool) -> Pending:
        pending = Pending(self, number, index, is_shared)
        self._recent[-1].append(weakref.ref(pending))
        return pending

    def _advance(self) -> None:
        self.position += 1
        if self.position == len(self.template.calls):
            self.position = 0
            self.round += 1
            self._recent.append([])
            if len(self._recent) > 2:
                self._living += [x for x in self._recent.pop(0) if x() is not None]

    def settle(self) -> None:
        """End the replay: make all nodes."""
        if self.is_settled:
            return
        self.is_settled = True
        session = self.session
        log, session.call_log = session.call_log, None
        refusals = REFUSALS.set(None)  # what cannot be a loop is no error of the user's
        try:
            for target in self._stored():
                target.__class__, target.replay = Storage, None
            replayed = self._replayed()
            with reopened(session):
                nodes = made_loop(replayed) if self.is_long else None
                self._nodes = (
                    recorded(replayed, results_before(replayed)) if nodes is None else nodes
                )
        finally:
            session.call_log = log
            REFUSALS.reset(refusals)

    def _stored(self) -> list[Any]:
        found = [
            x.array.storage
            for call in self.template.calls
            for x in call.operands
            if isinstance(x, Target)
        ]
        return [storage for storage in found if type(storage) is Awaited]

    def _replayed(self) -> Replayed:
        references = [*self._living, *(x for recent in self._recent for x in recent)]
        pending = [x for x in (reference() for reference in references) if x is not None]
        wanted = {(x.round, x.index) for x in pending if x.replay is self}
        return Replayed(
            self.session, self.template, self.columns, self.round, self.position, wanted
        )

    def node_of(self, number: int, index: int) -> Node:
        """Return the node of a result, once the replay has ended."""
        node = self._nodes.get((number, index))
        if node is None:  # the user's code caught the error that ended the replay
            abandon()
        return node
