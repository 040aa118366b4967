"""Hypergeometric functions, and their slopes by their parameters."""
