"""What every training has: data, updates, checkpoints, schedule, and provenance."""
