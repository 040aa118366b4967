"""What compiled code needs while it runs: memory, threads, NumPy's and C's interfaces."""
