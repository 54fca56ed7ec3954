"""A codec that was brought in, over the air beside ours."""
