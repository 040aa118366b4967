"""Methods for large problems with constraints, which are loops around compiled functions."""
