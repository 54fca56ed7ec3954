"""What a machine has and lacks, and what a radio hears."""
