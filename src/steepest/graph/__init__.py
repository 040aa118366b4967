"""What a computation is: nodes, graphs, their verifier and their printer."""

from steepest.graph.evaluate import evaluate
from steepest.graph.graph import Graph, Signature
from steepest.graph.node import Node, Shape, make, order
from steepest.graph.source import Source
from steepest.graph.verify import verify

__all__ = ["Graph", "Node", "Shape", "Signature", "Source", "evaluate", "make", "order", "verify"]
