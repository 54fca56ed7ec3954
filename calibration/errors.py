"""Errors of the calibration room. Every message is one sentence that a user can act on."""


class CalibrationError(Exception):
    """Samples, levels or a file that a calibration cannot be made from or used with."""
