"""One recording: its inputs, what it read from outside, and the user's line for every node."""
