"""Methods for problems with constraints."""
