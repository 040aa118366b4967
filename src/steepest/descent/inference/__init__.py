"""What a fit tells: likelihood, profiles, intervals, resampling, comparisons."""
