"""A cheap look at a payload's pilots, before it is asked in earnest what happened to them."""

import numpy as np

from radio.waveform.quality.pilots import PilotView

LEAST_RATIO = 1.25  # of the pilots' residual over the training's noise
LEAST_DEVIATION = 0.12  # of the amplitude, 1 dB
DEVIATIONS = 5.0  # of what noise does to either
SYMBOLS_TOGETHER = 8


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
