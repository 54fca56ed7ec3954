"""The networks: every codec architecture, and the channel that they are trained through."""
