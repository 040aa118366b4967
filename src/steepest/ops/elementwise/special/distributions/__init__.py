"""Distribution functions named after Cephes and CDFLIB, a module for each family."""
