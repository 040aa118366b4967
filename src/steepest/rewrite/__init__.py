"""Graph to graph: rules as data, and one driver."""

from steepest.rewrite.rules import RULES, RewriteRule
from steepest.rewrite.simplify import simplify, simplify_guarded

__all__ = ["RULES", "RewriteRule", "simplify", "simplify_guarded"]
