"""Sweeps of the physical layer against what theory allows: detection, carrier offset, channel estimate, EVM."""
