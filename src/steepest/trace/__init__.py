"""Tracing: a function in NumPy becomes a graph."""

from steepest.trace import functions as functions  # registers what can be recorded
from steepest.trace.arrays import dispatch as dispatch  # gives arrays NumPy's functions
from steepest.trace.arrays import operators as operators  # Python's operators
from steepest.trace.arrays import ufuncs as ufuncs  # and NumPy's ufuncs
from steepest.trace.arrays.array import TracedArray, as_traced, node_of, record
from steepest.trace.control_flow import cond, scan, while_loop
from steepest.trace.recording.captures import Captures
from steepest.trace.recording.session import OPEN, current, is_tracing, open_session
from steepest.trace.stable import log_softmax, logsumexp, softmax
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
