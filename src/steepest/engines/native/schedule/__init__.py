"""The schedule of a program: what runs as one loop, in registers, or as an array."""
