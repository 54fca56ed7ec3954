"""Closed loops over the receiver's measurements: carrier, timing and power of each transmitter."""
