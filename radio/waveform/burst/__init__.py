"""What lies where in a burst, and what is known of it beforehand."""
