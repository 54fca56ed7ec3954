"""Runs from Python and notebooks."""
