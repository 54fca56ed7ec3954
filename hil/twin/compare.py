"""How close two sets of error curves are: distances of their distributions, and a sentence.

The distance is Kolmogorov and Smirnov's, the largest difference of the distribution functions F and G. With many bursts
a tenth of a dB is significant and still of no consequence, so that a twin is judged by what is left of it when every
burst may lie a tolerance t away, the larger of

    max_x F(x) - G(x + t)   and   max_x G(x) - F(x + t),

with the asymptotic significance of the distance. Bursts that resemble their neighbours count for less: an
autocorrelation r from burst to burst leaves n (1 - r) / (1 + r) independent ones.
"""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy.stats import ks_2samp, kstwobign

from hil.twin.curves import QUANTITIES, Curves

SIGNIFICANCE = 0.01
FEWEST = 8.0  # independent bursts: with fewer, hardly anything would be found to differ
MOST_RATE_DIFFERENCE = 0.05


@dataclass(frozen=True)
class Comparison:
    """One quantity. Medians in unit; difference: twin's minus recording's. ks: distance of the curves as they are.

    ks_beyond: of what the tolerance does not cover; p_beyond: its significance. bursts: independent ones, of the
    recording and of the twin.
    """

    name: str
    unit: str
    tolerance: float
    recording_median: float
    twin_median: float
    difference: float
    ks: float
    ks_beyond: float
    p_beyond: float
    bursts: tuple[float, float]
    close: bool


@dataclass(frozen=True)
class TwinCheck:
    """header_rates: share of headers that were read, recording and twin."""

    comparisons: list[Comparison]
    header_rates: tuple[float, float]
    close: bool
    verdict: str

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def compare(recording: Curves, twin: Curves) -> TwinCheck:
    """Every quantity that both have."""
    found = [
        _compare(name, recording.values[name], twin.values[name])
        for name in QUANTITIES
        if name in recording.values and name in twin.values
    ]
    rates = (recording.read / max(recording.sent, 1), twin.read / max(twin.sent, 1))
    rates_close = abs(rates[0] - rates[1]) <= MOST_RATE_DIFFERENCE + 3 * _rate_deviation(rates, recording, twin)
    close = bool(found) and rates_close and all(one.close for one in found)
    return TwinCheck(found, rates, close, _verdict(found, rates, rates_close, close))


def _compare(name: str, recording: list[np.ndarray], twin: list[np.ndarray]) -> Comparison:
    unit, tolerance = QUANTITIES[name]
    ours, theirs = (np.concatenate([u[np.isfinite(u)] for u in users]) for users in (recording, twin))
    counts = (_independent(recording), _independent(twin))
    pairs = ((ours, theirs - tolerance), (theirs, ours - tolerance))
    beyond = max(float(ks_2samp(*pair, alternative="greater").statistic) for pair in pairs)
    size = counts[0] * counts[1] / (counts[0] + counts[1])
    p_beyond = float(kstwobign.sf(np.sqrt(size) * beyond))
    medians = float(np.median(ours)), float(np.median(theirs))
    return Comparison(
        name,
        unit,
        tolerance,
        *medians,
        medians[1] - medians[0],
        float(ks_2samp(ours, theirs).statistic),
        beyond,
        p_beyond,
        counts,
        p_beyond >= SIGNIFICANCE,
    )


def _independent(users: list[np.ndarray]) -> float:
    """Bursts over all users, less those that only repeat their neighbours."""
    total = 0.0
    for values in users:
        seen = values[np.isfinite(values)]
        centred = seen - np.mean(seen) if seen.size else seen
        power = float(np.sum(centred**2))
        correlation = float(np.sum(centred[1:] * centred[:-1]) / power) if power > 0 else 0.0
        total += seen.size * (1 - max(correlation, 0.0)) / (1 + max(correlation, 0.0))
    return max(total, 1.0)


def _rate_deviation(rates: tuple[float, float], recording: Curves, twin: Curves) -> float:
    together = (recording.read + twin.read) / max(recording.sent + twin.sent, 1)
    return float(np.sqrt(together * (1 - together) * (1 / max(recording.sent, 1) + 1 / max(twin.sent, 1))))


def _verdict(found: list[Comparison], rates: tuple[float, float], rates_close: bool, close: bool) -> str:
    if not found:
        return "Nothing was received in both, so that nothing can be compared."
    if not close:
        differ = [
            f"{one.name} (median {one.difference:+.3g} {one.unit}, KS {one.ks:.2f})" for one in found if not one.close
        ]
        if not rates_close:
            differ.append(f"headers read ({rates[0]:.0%} in the recording, {rates[1]:.0%} in the twin)")
        return f"The twin differs from the recording in {', '.join(differ)}."
    few = min(min(one.bursts) for one in found)
    decibels = [one for one in found if one.unit == "dB"]
    furthest = max(decibels, key=lambda one: abs(one.difference))
    told = f"medians within {abs(furthest.difference):.2f} dB, {furthest.name} furthest"
    if few < FEWEST:
        return f"Nothing tells the twin from the recording ({told}), but {few:.0f} independent bursts tell little."
    return f"The twin fares as the recording did, as far as {few:.0f} independent bursts can tell ({told})."
