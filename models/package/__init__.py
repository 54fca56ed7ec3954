"""A model as a folder: its manifest, its files, and where it is found by name. No torch."""
