"""Graph to graph: rules as data, and one driver."""

from steepest.rewrite.rules import RULES, RewriteRule
from steepest.rewrite.simplify import simplify

__all__ = ["RULES", "RewriteRule", "simplify"]
