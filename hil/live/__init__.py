"""A run as people see it while it happens: one state, fed by the bus or a run folder, shown by page or terminal."""
