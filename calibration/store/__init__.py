"""Calibrations as files that say of which device, for which settings and when."""
