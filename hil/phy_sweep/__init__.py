"""Sweeps of the physical layer against theoretical bounds: detection, carrier offset, channel estimate, EVM."""
