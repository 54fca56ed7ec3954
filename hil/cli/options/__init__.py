"""What options and answers of several commands have in common."""
