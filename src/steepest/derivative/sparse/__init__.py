"""Sparse Jacobians and Hessians: where they can be nonzero, and how few products give them."""
