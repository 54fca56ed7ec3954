"""Commands that are one node of a run."""
