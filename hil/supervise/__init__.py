"""Whole runs on this machine: all nodes started, watched and ended; or the receiver on a recording."""
