"""What a descent returns: the point, its history, and what a fit says of its parameters."""
