"""What is asked: parameters, bounds, data, and the user's function as an objective."""
