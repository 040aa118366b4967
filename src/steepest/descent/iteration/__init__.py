"""One iteration as a graph: a method's step around the loss, and its stop rules."""
