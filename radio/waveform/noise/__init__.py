"""Noise that is not white: its covariance over subcarriers and antennas, and how to undo it."""
