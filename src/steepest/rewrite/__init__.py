"""Passes from graph to graph: rules and their driver, Gram matrices, hoisting."""

from steepest.rewrite.affine import without_rows
from steepest.rewrite.hoist import hoist
from steepest.rewrite.rules import RULES, RewriteRule
from steepest.rewrite.simplify import simplify, simplify_guarded

__all__ = [
    "RULES",
    "RewriteRule",
    "hoist",
    "simplify",
    "simplify_guarded",
    "without_rows",
]
