"""Users' channels as the coordinator and the encoders need them: a few subcarriers of every antenna, over the noise."""

from collections.abc import Sequence

import numpy as np

from hil.bus.messages import CsiReport

PLACES = 24  # subcarriers of a report, evenly spread over the band
MOST_ANTENNAS = 4


def response_bytes(channel: np.ndarray, noise_power: float) -> bytes:
    """complex [antennas, active] of a unit-power symbol -> complex64 [antennas, PLACES] over noise of unit power."""
    places = np.linspace(0, channel.shape[1] - 1, PLACES).round().astype(int)
    return (channel[:, places] / np.sqrt(noise_power)).astype("<c8").tobytes()


def responses(report: CsiReport | None, users: int) -> np.ndarray | None:
    """complex64 [users, antennas, PLACES] over noise of unit power, 0 for users who were not seen.

    None where a user was seen and its channel is not told, or is none: what a damaged report says must not reach an
    encoder.
    """
    if report is None:
        return None
    told = {entry.user: entry.response for entry in report.users if entry.user < users}
    sizes = {len(response) for response in told.values()}
    if len(sizes) != 1:
        return None
    antennas, rest = divmod(sizes.pop(), 8 * PLACES)
    if rest or not 1 <= antennas <= MOST_ANTENNAS:
        return None
    gains = np.zeros((users, antennas, PLACES), np.complex64)
    for user, response in told.items():
        gains[user] = np.frombuffer(response, "<c8").reshape(antennas, PLACES)
    return None if absurd(gains) else gains


def absurd(values: np.ndarray) -> bool:
    """Whether one of complex64 [...], over noise of unit power, is not finite or no channel is as strong."""
    parts = np.abs(values.view(np.float32))  # of the values themselves the largest would overflow
    return not bool((parts < 1e6).all())


def values_of(response: bytes) -> np.ndarray:
    """The whole values of one user's response, complex64 [n]; what is cut off within one is left out."""
    return np.frombuffer(response[: len(response) // 8 * 8], "<c8")


def scaled(response: bytes, factor: float) -> bytes:
    """The response of a user whose gain is another by this factor."""
    with np.errstate(over="ignore", invalid="ignore"):  # what a damaged report makes infinite is dropped by `responses`
        return (values_of(response) * np.float32(factor)).astype("<c8").tobytes()


def correlation(gains: np.ndarray) -> float:
    """Mean |g_i^H g_j|^2 / (|g_i|^2 |g_j|^2) over pairs of users and places; gains: complex [users, antennas, n]."""
    users = len(gains)
    cross = np.abs(np.einsum("ian,jan->ijn", gains.conj(), gains)) ** 2
    norms = np.sum(np.abs(gains) ** 2, axis=1)
    relative = cross / np.maximum(norms[:, None] * norms[None], 1e-30)
    pairs: Sequence[float] = relative[np.triu_indices(users, 1)].mean(axis=-1)
    return float(np.mean(pairs)) if users > 1 else 0.0
