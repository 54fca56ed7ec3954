"""Training the small classifier of pictures."""
