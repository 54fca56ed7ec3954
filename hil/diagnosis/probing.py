"""Capabilities of a radio and the spectrum that it receives now."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import scipy.signal

from radio.device import Capabilities, Radio, RadioSettings

DEFAULT_RATE_HZ, DEFAULT_CARRIER_HZ = 4e6, 2.45e9


@dataclass(frozen=True)
class Snapshot:
    """spectrum_db: power of the bins at frequencies_hz (absolute), full scale 0 dB, as the levels are."""

    uri: str
    capabilities: Capabilities
    applied: RadioSettings
    frequencies_hz: np.ndarray
    spectrum_db: np.ndarray
    rms_dbfs: float
    peak_dbfs: float
    events: dict[str, int]

    def as_json(self) -> dict[str, Any]:
        return {
            "uri": self.uri,
            "capabilities": asdict(self.capabilities),
            "applied": asdict(self.applied),
            "rms_dbfs": round(self.rms_dbfs, 2),
            "peak_dbfs": round(self.peak_dbfs, 2),
            "events": self.events,
            "frequencies_hz": [float(f) for f in self.frequencies_hz],
            "spectrum_db": [round(float(p), 2) for p in self.spectrum_db],
        }


def default_settings(capabilities: Capabilities, rate_hz: float | None, carrier_hz: float | None) -> RadioSettings:
    """The asked values, else the usual ones moved into the device's limits."""
    rate_low, rate_high = capabilities.sample_rate_hz
    carrier_low, carrier_high = capabilities.center_frequency_hz
    return RadioSettings(
        sample_rate_hz=rate_hz if rate_hz is not None else min(max(DEFAULT_RATE_HZ, rate_low), rate_high),
        center_frequency_hz=(
            carrier_hz if carrier_hz is not None else min(max(DEFAULT_CARRIER_HZ, carrier_low), carrier_high)
        ),
    )


def snapshot(radio: Radio, settings: RadioSettings, n_samples: int, bins: int, timeout_s: float) -> Snapshot:
    """Configure the receiver and listen to n_samples. Raises what the radio raises."""
    applied = radio.configure(settings)
    samples = radio.receive(radio.now_tick(), n_samples, timeout_s=timeout_s)
    data, rate_hz = samples.data[0], applied.sample_rate_hz
    _, power = scipy.signal.welch(
        data, fs=rate_hz, nperseg=min(bins, data.size), return_onesided=False, detrend=False, scaling="spectrum"
    )
    frequencies_hz = np.fft.fftshift(np.fft.fftfreq(power.size, 1 / rate_hz)) + applied.center_frequency_hz
    events: dict[str, int] = {}
    for event in radio.events():
        events[str(event.kind)] = events.get(str(event.kind), 0) + event.count
    level = np.abs(data)
    return Snapshot(
        radio.uri, radio.capabilities, applied, frequencies_hz, _db(np.fft.fftshift(power)),
        float(_db(np.mean(level**2))), float(_db(level.max() ** 2)), events,
    )  # fmt: skip


def bars(spectrum_db: np.ndarray, columns: int, rows: int) -> list[str]:
    """The spectrum as rows of block characters, strongest at the top: every column shows its strongest bin."""
    blocks = " ▁▂▃▄▅▆▇█"
    tops = np.array([part.max() for part in np.array_split(spectrum_db, min(columns, spectrum_db.size))])
    low, high = float(np.median(spectrum_db)) - 10, float(spectrum_db.max()) + 1e-9
    heights = np.clip((tops - low) / max(high - low, 1.0), 0, 1) * rows * 8
    lines = []
    for row in reversed(range(rows)):
        eighths = np.clip(np.rint(heights - 8 * row), 0, 8).astype(int)
        lines.append("".join(blocks[e] for e in eighths))
    return lines


def _db(power: Any) -> Any:
    return 10 * np.log10(np.maximum(power, 1e-20))
