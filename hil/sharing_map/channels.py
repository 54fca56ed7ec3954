"""Draws of the uplink's channel, every user and antenna independent."""

import numpy as np

from radio.air.tdl import delay_profile

CHANNELS = ("rayleigh", "tdl-a", "tdl-b", "tdl-c", "tdl-d", "tdl-e")
PLACES = 64  # subcarriers of a frequency-selective draw
MOST_ANTENNAS = 4


def draw_channel(
    channel: str, antennas: int, users: int, seed: tuple[int, ...], delay_spread_s: float, bandwidth_hz: float
) -> np.ndarray:
    """complex128 [antennas, users, n] of unit mean power; n is 1 for "rayleigh", which is flat, else PLACES.

    Fewer antennas are the first ones of the same draw. A delay line's taps fade as TR 38.901 has them.
    """
    rng = np.random.default_rng(seed)
    if channel == "rayleigh":
        return _gaussian(rng, (MOST_ANTENNAS, users, 1))[:antennas]
    profile = delay_profile(channel)
    taps = _gaussian(rng, (MOST_ANTENNAS, users, profile.powers.size))
    if profile.k_factor > 0:
        fixed = np.exp(2j * np.pi * rng.uniform(size=taps.shape[:2]))
        k = profile.k_factor
        taps[:, :, 0] = np.sqrt(k / (k + 1)) * fixed + np.sqrt(1 / (k + 1)) * taps[:, :, 0]
    frequencies_hz = (np.arange(PLACES) / PLACES - 0.5) * bandwidth_hz
    turns = np.outer(profile.delays * delay_spread_s, frequencies_hz)
    return ((taps * np.sqrt(profile.powers)) @ np.exp(-2j * np.pi * turns))[:antennas]


def spread_over(gains: np.ndarray, k: int, seed: tuple[int, ...]) -> np.ndarray:
    """[antennas, users, n] -> [antennas, users, k] of k symbols, spread over the n places as an interleaver does."""
    if gains.shape[2] == 1:
        return gains
    places = np.random.default_rng(seed).permutation(np.arange(k) % gains.shape[2])
    return gains[:, :, places]


def _gaussian(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return np.asarray(rng.standard_normal((*shape, 2)) @ [1, 1j]) / np.sqrt(2)
