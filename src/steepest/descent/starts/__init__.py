"""Start values of fits."""
