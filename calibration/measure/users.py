"""Parameters of each user's link from received frames, with uncertainties from the Cramer-Rao bounds of known symbols.

In a known symbol of `a` elements at an SNR of s per element the phase has Fisher information 2 s a, and a delay
(2 pi)^2 2 s sum(f^2) (Kay, "Fundamentals of Statistical Signal Processing: Estimation Theory", 3.11). Several frames
are averaged by `combine`, which trusts their scatter where that is larger.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from calibration.errors import CalibrationError
from calibration.measure.measurement import Measurement, combine
from radio.waveform.acquisition.carrier import carrier_bound_hz, known_symbol_starts
from radio.waveform.burst.grid import ResourceGrid
from radio.waveform.config import WaveformConfig
from radio.waveform.reception.frame import ReceivedFrame, ReceivedUser

MARGIN = 1.5  # of what real estimators reach over the bounds
PHASE_NOISE_HZ = 2.0  # oscillators wander this much from burst to burst, however good the SNR
DELAY_FLOOR_SAMPLES = 0.02  # interpolation, and what a 10 ppm sample clock shifts a burst by until its middle
_DB = 10 / np.log(10)


@dataclass(frozen=True)
class UserMeasurement:
    """carrier_offset: transmitter minus receiver, Hz. delay: from the tick it was expected at, samples.

    gain: received power per channel use, dB (1 = the power at which a lone user would be at 0 dB of full scale per
    channel use). snr: dB. clock_offset: ppm, the transmitter's sample clock over the receiver's.
    """

    user: int
    carrier_offset: Measurement
    delay: Measurement
    gain: Measurement
    snr: Measurement
    clock_offset: Measurement


def measure_user(frame: ReceivedFrame, user: int, expected_tick: int, config: WaveformConfig) -> UserMeasurement | None:
    """One user of one frame, or None when it was not detected. expected_tick: where its burst should have begun."""
    found = next((one for one in frame.users if one.user == user and one.detected), None)
    if found is None or not np.isfinite(found.power) or found.power <= 0 or frame.noise_power <= 0:
        return None
    grid = ResourceGrid(config)
    symbols = grid.known_symbols(found.header_read)
    snr = found.power / frame.noise_power * float(grid.training_boost) ** 2
    carrier_hz = np.hypot(MARGIN * carrier_bound_hz(_times_s(grid, found), snr, 1) / _root(grid), PHASE_NOISE_HZ)
    rate = config.sample_rate_hz
    curvature = 2 * snr * symbols * float(np.sum((2 * np.pi * grid.frequencies_hz / rate) ** 2))
    delay = found.delay_samples + frame.start_tick - expected_tick
    amplitude = MARGIN / np.sqrt(2 * snr * symbols * config.active_subcarriers)
    gain_db = 2 * _DB * amplitude
    noise_db = _DB / np.sqrt(symbols * config.active_subcarriers)
    return UserMeasurement(
        user,
        Measurement(found.cfo_hz, float(carrier_hz), "Hz"),
        Measurement(float(delay), float(np.hypot(MARGIN / np.sqrt(curvature), DELAY_FLOOR_SAMPLES)), "samples"),
        Measurement(float(10 * np.log10(found.power)), float(gain_db), "dB"),
        Measurement(found.snr_db, float(np.hypot(gain_db, noise_db)), "dB"),
        _clock(found, float(carrier_hz), config),
    )


def average(measurements: Sequence[UserMeasurement]) -> UserMeasurement:
    """One user's measurements over several frames as one. Raises CalibrationError for none or mixed users."""
    users = {m.user for m in measurements}
    if len(users) != 1:
        raise CalibrationError(f"Measurements of exactly one user can be averaged, not of {sorted(users)}.")

    def mean(name: str) -> Measurement:
        parts: list[Measurement] = [getattr(m, name) for m in measurements]
        return combine([p.value for p in parts], [p.standard_uncertainty for p in parts], parts[0].unit)

    names = ("carrier_offset", "delay", "gain", "snr", "clock_offset")
    return UserMeasurement(users.pop(), *(mean(name) for name in names))


def _times_s(grid: ResourceGrid, found: ReceivedUser) -> np.ndarray:
    """Times of the known symbols; a header that was read is known too."""
    parts = list(known_symbol_starts(grid, found.user, grid.preamble_start(found.user)))
    if found.header_read:
        parts.append(grid.window_starts(grid.header_start(found.user), grid.config.header_symbols))
    return np.concatenate(parts) / grid.config.sample_rate_hz


def _root(grid: ResourceGrid) -> float:
    return float(np.sqrt(grid.config.active_subcarriers))


def _clock(found: ReceivedUser, carrier_std_hz: float, config: WaveformConfig) -> Measurement:
    """From the carrier: one crystal drives synthesiser and converters in every radio that is supported.

    Before any pre-correction this holds to the carrier's own accuracy; with pre-correction, add it back first.
    """
    per_hz = 1e6 / config.center_frequency_hz
    return Measurement(found.cfo_hz * per_hz, carrier_std_hz * per_hz, "ppm")
