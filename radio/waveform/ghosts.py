"""Telling users from the correlation of another user's strong preamble with theirs."""

import numpy as np

from radio.waveform.reception import Reception

GHOST_POWER = 0.1  # relative to the strongest user: cross-correlations of preambles stay below this
GHOST_COHERENCE = 0.25  # independent channels of some 30 dimensions exceed it once in 5000


def without_ghosts(found: list[Reception], basis: np.ndarray) -> list[Reception]:
    """Drop hits that are ghosts.

    A user far below the strongest must show the same channel in its preamble and in its sounding, which a ghost,
    whose sounding slot is empty, does not. basis: see `carrier.delay_basis`.
    """
    powers = {f.user: float(np.mean(np.abs(f.observations.mean(axis=1) @ basis.conj()) ** 2)) for f in found}
    strongest = max(powers.values(), default=0.0)
    return [f for f in found if powers[f.user] > GHOST_POWER * strongest or _coherence(f, basis) > GHOST_COHERENCE]


def _coherence(one: Reception, basis: np.ndarray) -> float:
    """Squared correlation, 0 to 1, of the channels seen in the first and in the last known symbol(s)."""
    half = one.observations.shape[1] // 2
    first = (one.observations[:, :half].mean(axis=1) @ basis.conj()).reshape(-1)
    last = (one.observations[:, -2:].mean(axis=1) @ basis.conj()).reshape(-1)
    powers = float(np.vdot(first, first).real * np.vdot(last, last).real)
    return float(np.abs(np.vdot(first, last)) ** 2 / powers) if powers > 0 else 0.0
