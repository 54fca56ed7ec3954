"""A user's channel: where its paths may lie, and its estimate."""
