"""The processes of a run: coordinator, transmitters, receiver, the simulated air, and observers."""
