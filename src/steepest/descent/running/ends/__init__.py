"""What the end of a run says: parameters without influence, gradients of exactly 0."""
