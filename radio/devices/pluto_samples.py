"""Between full scale 1.0 and a Pluto's converters: 12 bits, left-aligned on transmit, right-aligned on receive."""

import numpy as np

ADC_FULL_SCALE = 2048.0
_DAC_STEPS = 1024.0  # 1.0 is half of the DAC's range: its interpolation filters overshoot
_DAC_SHIFT = 16  # the 12 bits stand at the top of 16


def to_dac(data: np.ndarray) -> tuple[np.ndarray, int]:
    """complex64 [channels, n], full scale 1.0 -> (int16 [n * channels * 2], samples that were clipped).

    Rounded to the converter's own steps and clipped to full scale, I and Q each: nothing wraps.
    """
    channels, n = data.shape
    parts = np.empty((n, channels, 2), np.float32)
    parts[:, :, 0], parts[:, :, 1] = data.real.T, data.imag.T
    steps = np.rint(parts * np.float32(_DAC_STEPS))
    clipped = int(np.count_nonzero(np.any(np.abs(steps) > _DAC_STEPS, axis=2)))
    steps = np.clip(steps, -_DAC_STEPS, _DAC_STEPS)
    return (steps * _DAC_SHIFT).astype("<i2").reshape(-1), clipped


def from_adc(raw: bytes | bytearray, channels: int) -> tuple[np.ndarray, int]:
    """Bytes of whole samples -> (complex64 [channels, n], samples at the end of the converter's range)."""
    size = 4 * channels
    parts = np.frombuffer(raw, "<i2", count=len(raw) // size * size // 2).reshape(-1, channels, 2)
    clipped = 0
    if parts.size and (parts.max() >= ADC_FULL_SCALE - 1 or parts.min() <= -ADC_FULL_SCALE):
        ends = (parts >= ADC_FULL_SCALE - 1) | (parts <= -ADC_FULL_SCALE)
        clipped = int(np.count_nonzero(np.any(ends, axis=2)))
    values = np.ascontiguousarray(parts.astype(np.float32) / np.float32(ADC_FULL_SCALE))
    return np.ascontiguousarray(values.view(np.complex64)[:, :, 0].T), clipped
