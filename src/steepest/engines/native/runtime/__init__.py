"""The runtime of compiled code: memory, threads, the C interfaces of Python and NumPy."""
