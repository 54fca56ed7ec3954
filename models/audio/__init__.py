"""Sound as a modality: resampled to 16 kHz, framed, its MDCT coefficients mapped to symbols by a small network."""
