"""Commands that measure speed, waveform and recordings."""
