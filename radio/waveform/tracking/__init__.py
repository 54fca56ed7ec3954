"""A user's phase and timing from symbol to symbol, and undoing them."""
