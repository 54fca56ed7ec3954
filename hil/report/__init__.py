"""Reports of a run: a self-contained web page, and a table for the terminal.

Plots and templates are imported when a report is built: the nodes start without matplotlib.
"""

from hil.report.build import build_report

__all__ = ["build_report"]
