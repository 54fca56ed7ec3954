"""Calibration of real radios. Knows radio, nothing else. Empty in this version."""
