"""Delays between the tick that a burst was meant for and its arrival, by kind of radio: named files that ship."""
