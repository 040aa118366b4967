"""The parts of a problem: parameters, bounds, data, objective."""
