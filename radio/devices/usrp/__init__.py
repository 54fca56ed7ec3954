"""Ettus USRPs over UHD: which ones there are, settings and time of one, its streams."""
