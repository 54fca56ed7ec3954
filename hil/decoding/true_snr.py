"""The SNR that a slot really had, where the simulated air tells the truth."""

import math

import numpy as np

from hil.bus.plausible import linear
from hil.config import RunConfig
from hil.decoding.ideal import frequency_response
from hil.session.slot import Slot
from radio.waveform.burst.grid import ResourceGrid

LARGEST_SNR_DB = 120.0  # where there is no noise


def true_snrs_db(config: RunConfig, slot: Slot) -> dict[int, float]:
    """Received power of every user with a link over the noise, per channel use and antenna, dB.

    Powers are means over the active subcarriers and the antennas, of the fading that the burst met.
    """
    grid = ResourceGrid(config.waveform)
    sent_power = (config.radio.tx_amplitude * float(grid.amplitude)) ** 2
    found = {}
    for user, link in slot.links.items():
        gain = float(np.mean(np.abs(frequency_response(link, grid, config.sample_rate_hz)) ** 2))
        snr = sent_power * gain / max(link.noise_power, 1e-30)
        found[user] = min(10 * math.log10(max(snr, 1e-30)), LARGEST_SNR_DB)
    return found


def together_db(snrs_db: dict[int, float]) -> float | None:
    """All users' power over the noise; None of nobody."""
    return 10 * math.log10(sum(map(linear, snrs_db.values()))) if snrs_db else None
