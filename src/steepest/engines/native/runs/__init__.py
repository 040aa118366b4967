"""Runs of compiled descents on the caller's arrays."""
