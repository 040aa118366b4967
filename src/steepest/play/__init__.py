"""The playground: a page on which descents follow the sliders. ``steepest play`` opens it."""
