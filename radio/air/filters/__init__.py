"""Delays of any fraction of a sample, standing and moving, as filters."""
