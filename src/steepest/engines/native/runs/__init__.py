"""Compiled functions at work on somebody's arrays."""
