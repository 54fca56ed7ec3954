"""Commands that make, repeat and show whole runs."""
