"""From LLVM IR to machine code, and the caches of both."""
