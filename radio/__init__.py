"""Devices, simulated air and the OFDM waveform. Knows nothing of models or nodes."""
