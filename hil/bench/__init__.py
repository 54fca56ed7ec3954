"""Timings, kept apart from the tests. Each function returns figures of one run on this machine."""
