"""Measurements from received samples and frames, each with its standard uncertainty."""
