"""Commands that train, measure and install codecs."""
