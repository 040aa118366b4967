"""Linear models, fitted in units of their own."""
