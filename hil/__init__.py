"""Nodes, bus, experiments and the command line of semnoma-hil."""

__version__ = "0.1.0"
