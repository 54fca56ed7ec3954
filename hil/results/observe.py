"""Diagnostics of one received frame for the report, of a burst with several that of the first."""

import numpy as np

from hil.config import RunConfig
from hil.results.constellation import own_symbols, some_of
from hil.results.spectrum import power_spectrum
from hil.session.slot import Slot
from radio.waveform.burst.grid import ResourceGrid

MAX_POINTS = 2000
SPECTRUM_BINS = 512


def diagnostics(config: RunConfig, slot: Slot) -> dict[str, np.ndarray]:
    """Arrays by name; users that were not received are rows of NaN.

    constellation: complex64 [users, at most MAX_POINTS], a user's own features, behind them NaN; response:
    complex64 [users, active] at response_hz, first antenna; spectrum_db: float32 [SPECTRUM_BINS] at
    spectrum_hz, full scale 0 dB.
    """
    arrays: dict[str, np.ndarray] = {}
    grid = ResourceGrid(config.waveform)
    if slot.samples is not None:
        bins = min(SPECTRUM_BINS, slot.samples.n_samples)
        power = power_spectrum(slot.samples.data[0], bins)
        arrays["spectrum_hz"] = np.fft.fftshift(np.fft.fftfreq(bins, 1 / config.sample_rate_hz))
        arrays["spectrum_db"] = (10 * np.log10(np.fft.fftshift(power) + 1e-20)).astype(np.float32)
    if slot.received is not None:
        shape = (config.users, config.waveform.active_subcarriers)
        response = np.full(shape, np.nan, np.complex64)
        shown = {user.user: some_of(own_symbols(user.features), MAX_POINTS) for user in slot.received.users}
        most = max((points.size for points in shown.values()), default=0)
        constellation = np.full((config.users, most), np.nan, np.complex64)
        for user in slot.received.users:
            if user.channel is not None:
                response[user.user] = user.channel.values[0]
        for number, points in shown.items():
            constellation[number, : points.size] = points
        arrays |= {"response": response, "response_hz": grid.frequencies_hz, "constellation": constellation}
    return arrays
