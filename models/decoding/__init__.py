"""The receiver's half of a codec."""
