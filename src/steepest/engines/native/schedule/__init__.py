"""What runs as one loop, what stays in registers, what becomes an array."""
