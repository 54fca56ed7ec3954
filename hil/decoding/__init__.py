"""A received slot to pictures: decoding, cancellation, the ideal beside it, and the deadline."""
