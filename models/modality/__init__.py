"""What users send when it is no picture: one small interface, and its symbols on the channel that all users share."""
