"""Pictures of graphs, without Graphviz."""
