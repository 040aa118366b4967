"""NumPy code in, graph out."""

from steepest.trace import calls as calls  # gives arrays NumPy's protocols
from steepest.trace import functions as functions  # registers what can be recorded
from steepest.trace.array import TracedArray, as_traced, node_of, record
from steepest.trace.captures import Captures
from steepest.trace.loops import cond, scan, while_loop
from steepest.trace.session import OPEN, current, is_tracing, open_session
from steepest.trace.special import log_softmax, logsumexp, softmax
from steepest.trace.tracing import Trace, trace, trace_function

__all__ = [
    "OPEN",
    "Captures",
    "Trace",
    "TracedArray",
    "as_traced",
    "cond",
    "current",
    "is_tracing",
    "log_softmax",
    "logsumexp",
    "node_of",
    "open_session",
    "record",
    "scan",
    "softmax",
    "trace",
    "trace_function",
    "while_loop",
]
