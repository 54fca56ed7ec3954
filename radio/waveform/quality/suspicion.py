"""A look at a payload's pilots: is their user there at all, and has anything happened to it."""

import numpy as np

from radio.waveform.quality.pilots import PilotView

LEAST_RATIO = 1.25  # of the pilots' residual over the training's noise
LEAST_DEVIATION = 0.12  # of the amplitude, 1 dB
DEVIATIONS = 5.0  # of what noise does to either
RESTLESS_DEVIATIONS = 3.5
SYMBOLS_TOGETHER = 8
FOLLOWED_DEVIATIONS = 12.0  # where timing was sought in the same pilots, which finds some agreement in noise too
HEARD_DEVIATIONS = 4.5  # of noise: of a user who is not there about one payload in a thousand is heard


def suspect(view: PilotView, noise_power: float) -> bool:
    """Whether pilots leave more than noise of the training's power does, or arrive larger or smaller for a while."""
    values = view.dimensions * view.power.size
    ratio = float(view.residual.sum()) / values / noise_power
    if ratio > max(LEAST_RATIO, 1 + DEVIATIONS / float(np.sqrt(values))):
        return True
    begins = np.arange(0, view.power.size, SYMBOLS_TOGETHER)
    energy = np.add.reduceat(view.energy, begins)
    products = np.add.reduceat(view.total.real, begins)
    change = np.abs(products / np.maximum(energy, 1e-30) - 1)
    noise = np.sqrt(noise_power / 2 / np.maximum(energy, 1e-30))
    return bool((change > np.maximum(LEAST_DEVIATION, DEVIATIONS * noise)).any())


def restless(view: PilotView, noise_power: float) -> bool:
    """Whether pilots leave enough over noise of the training's power to ask whether the channel has moved."""
    values = view.dimensions * view.power.size
    return float(view.residual.sum()) > noise_power * (values + RESTLESS_DEVIATIONS * float(np.sqrt(values)))


def is_heard(view: PilotView, deviations: float = HEARD_DEVIATIONS) -> bool:
    """Whether the halves of the band agree on the user's phase in each symbol, however it was tracked.

    Of lower and upper sums L, U of a symbol's products the real part of U conj(L) has mean 0 and variance
    E|L|^2 E|U|^2 / 2 under noise.
    """
    above = np.where(view.numbers > 0, view.products, 0).sum(axis=1, dtype=np.complex128)
    below = view.total - above
    variance = view.energy / 2 * view.power / view.dimensions  # half of a symbol's energy lies in either half
    agreement = float(np.sum((above * below.conj()).real))
    return agreement > deviations * float(np.sqrt(np.sum(variance**2) / 2))
