"""Where a user's burst begins, and on which carrier."""
