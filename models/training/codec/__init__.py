"""Training codecs: joint, in two stages, warm starts, validation, and the folder at the end."""
