"""Methods for as many equations as unknowns."""
