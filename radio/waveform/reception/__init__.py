"""Samples to every user's header, channel and features."""
