"""Results of descents and fits."""
