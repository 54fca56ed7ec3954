"""Experiments: a plan's grid of points, each run once, gathered into one table.

plan.py reads a plan, grid.py unfolds it into points, point.py runs one, journal.py remembers which are done;
local.py and ray_runner.py run many; provenance.py says with what, table.py gathers the rows.
"""
