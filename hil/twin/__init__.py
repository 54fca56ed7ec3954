"""A digital twin: a configuration of the simulated air fitted to a recording."""
