"""From a problem to its result: compiled, driven to its end, summed up."""
