"""Training: data, the loop, exact resume, and validation."""
