"""Payload symbols to the samples of a burst."""
