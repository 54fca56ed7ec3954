"""Calibration: what a link's radios do wrong, measured with uncertainties, corrected, and kept. Knows radio only."""
