"""Pictures of graphs, plots of descents, progress, reports."""
