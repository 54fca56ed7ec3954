"""Codecs of other projects: from their files, and an adapter that the user writes, to a codec folder."""
