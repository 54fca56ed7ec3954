"""Comparing schemes on held-out pictures: the same pictures, channel draws and channel uses for all."""
