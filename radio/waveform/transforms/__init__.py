"""Between samples and frequencies."""
