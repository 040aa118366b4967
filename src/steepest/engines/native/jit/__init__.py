"""LLVM IR to machine code, and where it is kept."""
