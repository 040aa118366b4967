"""Ops that are computed in NumPy as functions of torch, with their own pullbacks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from steepest.trace import as_traced, node_of, open_session

Pull = Callable[..., Sequence[Any]]
"""A pullback on traced arrays: function of ``(cotangent, value, *operands)``."""


def call_in_torch(t: Any, tensors: Sequence[Any], evaluate: Callable[..., Any], pull: Pull) -> Any:
    """Return the value of an op as a tensor, through which torch differentiates.

    Parameters
    ----------
    t
        The module `torch`.
    tensors
        The operands.
    evaluate
        Computes the op in NumPy.
    pull
        Its pullback.
    """
    arrays = [x.detach().cpu().numpy() for x in tensors]
    value = np.asarray(evaluate(*arrays))
    made = t.as_tensor(value, device=tensors[0].device if tensors else None)
    if not any(x.requires_grad for x in tensors):
        return made

    def backward(context: Any, cotangent: Any) -> Any:
        pieces = _pulled(pull, cotangent.detach().cpu().numpy(), value, arrays)
        return tuple(
            t.as_tensor(piece, dtype=x.dtype, device=x.device) if x.requires_grad else None
            for piece, x in zip(pieces, tensors, strict=True)
        )

    members = {
        "forward": staticmethod(lambda context, *_: made.clone()),
        "backward": staticmethod(backward),
    }
    function: Any = type("Called", (t.autograd.Function,), members)
    return function.apply(*tensors)


def _pulled(
    pull: Pull, cotangent: np.ndarray, value: np.ndarray, arrays: Sequence[np.ndarray]
) -> list[np.ndarray]:
    with open_session() as session:
        operands = [as_traced(array) for array in arrays]
        pieces = pull(as_traced(cotangent), as_traced(value), *operands)
        return [np.array(session.value(node_of(piece))) for piece in pieces]
