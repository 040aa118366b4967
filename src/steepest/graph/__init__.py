"""What a computation is: nodes, graphs, their verifier and their printer."""

from steepest.graph.evaluate import evaluate, evaluate_all, evaluator
from steepest.graph.graph import Graph, Signature
from steepest.graph.guard import Branch, Guard, decision_tree, slack
from steepest.graph.node import Node, Shape, make, order
from steepest.graph.origin import Origin, find_origin
from steepest.graph.passes import verify_pass
from steepest.graph.source import Source
from steepest.graph.substitute import rebuild, substitute, with_operands
from steepest.graph.verify import verify

__all__ = [
    "Branch",
    "Graph",
    "Guard",
    "Node",
    "Origin",
    "Shape",
    "Signature",
    "Source",
    "decision_tree",
    "evaluate",
    "evaluate_all",
    "evaluator",
    "find_origin",
    "make",
    "order",
    "rebuild",
    "slack",
    "substitute",
    "verify",
    "verify_pass",
    "with_operands",
]
