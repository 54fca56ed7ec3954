"""A received slot to pictures: decoding, cancellation, the ideal receiver, and the deadline."""
