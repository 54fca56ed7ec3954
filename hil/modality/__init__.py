"""Which modality every user of a run sends, by the configuration."""
