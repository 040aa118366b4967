"""Ops on single elements, and the elementary functions that they are made of."""
