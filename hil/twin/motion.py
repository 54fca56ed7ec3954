"""How fast channels move: from slot to slot by their powers, and within a burst by their amplitudes' slopes.

The part of h that is in phase with its mean over a burst has, for Rayleigh fading of mean power W and largest Doppler
shift f, the autocovariance W / 2 J0(2 pi f t) (Jakes, "Microwave Mobile Communications", 1974, section 1.3). The slope
sum_i c_i |h(t_i)| of a straight line through the known symbols of a burst therefore has the mean square

    W / 2 sum_ij c_i c_j J0(2 pi f (t_i - t_j)),   W (pi f)^2 where f is small,

which grows with f up to about a third of a turn in a burst. From slot to slot the powers' correlation falls as
J0(2 pi f t)^2, and is 1/4 at f t = 0.2421: `calibration.measure.coherence`.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import j0

from calibration.errors import CalibrationError
from calibration.measure.coherence import coherence_time
from hil.twin.burst import UserView

TURNS_AT_QUARTER = 0.2421  # f t at which J0(2 pi f t)^2 is 1/4
SIGNIFICANT = 3.0
FEWEST_BURSTS = 6
FEWEST_SLOTS = 4
STEADY = 10 ** (-2.3)  # relative variance of a power: 0.3 dB rms, which gains of radios drift by


@dataclass(frozen=True)
class MotionFit:
    """coherence: 'block' (independent from slot to slot), 'doppler' with its largest shift, or 'unknown'."""

    coherence: str
    doppler_hz: float | None
    uncertainty_hz: float | None
    note: str


def is_steady(views: Sequence[Sequence[UserView]]) -> bool:
    """Whether no power at any frequency changes from slot to slot by more than noise and STEADY account for."""
    for user in views:
        powers = _powers(user)
        if len(powers) < FEWEST_SLOTS:
            return False
        noise = float(np.mean([one.variance for one in user]))
        by_noise = float(np.mean(2 * powers * noise)) - noise**2
        excess = float(np.mean(np.var(powers, axis=0, ddof=1))) - by_noise
        if excess > STEADY * float(np.mean(powers.mean(axis=0) ** 2)):
            return False
    return True


def fit_motion(
    views: Sequence[Sequence[UserView]], ticks: Sequence[np.ndarray], rate_hz: float, modes: float
) -> MotionFit:
    """views: per user, in order; ticks: their slots' ticks. modes: degrees of freedom of a channel over frequency, by
    which the slope of its common amplitude is smaller than that of a single path's."""
    inside = _within_bursts([one for user in views for one in user], modes)
    correlation, deviation = _neighbours(views)
    if correlation > max(SIGNIFICANT * deviation, 0.25):
        across = _across_slots(views, ticks, rate_hz)
        if across is not None:
            return across
        if inside is not None:
            return MotionFit("doppler", *inside, "from slopes within bursts")
        half_s = 0.5 * max(float(np.ptp(at)) for at in ticks) / rate_hz
        return MotionFit("doppler", TURNS_AT_QUARTER / half_s, None, "at most: coherent over half the recording")
    if inside is not None:
        return MotionFit("doppler", *inside, "from slopes within bursts")
    if deviation > 0.25:
        return MotionFit("unknown", None, None, "too few slots")
    return MotionFit("block", None, None, f"neighbouring slots' powers correlate by {correlation:.2f}")


def _neighbours(views: Sequence[Sequence[UserView]]) -> tuple[float, float]:
    """Correlation of powers one slot apart, and its standard deviation if there were none."""
    products, squares, count = 0.0, 0.0, 0
    for user in views:
        powers = _powers(user)
        if len(powers) < 3:
            continue
        centred = powers - powers.mean(axis=0)
        products += float(np.mean(centred[:-1] * centred[1:])) * len(powers)
        squares += float(np.mean(centred**2)) * len(powers)
        count += len(powers)
    if count == 0:
        return 0.0, 1.0
    # Taking the mean out of n values makes independent ones correlate by -1 / n.
    return products / max(squares, 1e-30) + len(views) / count, 1 / np.sqrt(count)


def _across_slots(views: Sequence[Sequence[UserView]], ticks: Sequence[np.ndarray], rate_hz: float) -> MotionFit | None:
    """From the coherence times of the users, where they are resolved."""
    shifts = []
    for user, at in zip(views, ticks, strict=True):
        try:
            time = coherence_time(at / rate_hz, np.sqrt(_powers(user)))
        except CalibrationError:
            continue
        if np.isfinite(time.standard_uncertainty):
            shifts.append((TURNS_AT_QUARTER / time.value, time.standard_uncertainty / time.value))
    if not shifts:
        return None
    values, relative = np.array(shifts).T
    mean = float(np.mean(values))
    deviation = mean * float(np.mean(relative)) / np.sqrt(values.size)
    return MotionFit("doppler", mean, deviation, "from powers from slot to slot")


def _within_bursts(views: Sequence[UserView], modes: float) -> tuple[float, float] | None:
    """(doppler_hz, uncertainty), or None where slopes are no steeper than noise makes them."""
    squares, expected, powers = [], [], []
    for one in views:
        amplitude = np.sqrt(np.mean(np.abs(one.channel) ** 2))
        weights = _slope(one.track.times_s)
        squares.append((float(weights @ np.abs(one.track.phasors)) * amplitude) ** 2)
        expected.append(0.5 * one.track.variance * amplitude**2 * float(weights @ weights))
        powers.append(amplitude**2)
    if len(squares) < FEWEST_BURSTS:
        return None
    excess = float(np.mean(squares) - np.mean(expected))
    deviation = float(np.std(squares, ddof=1) / np.sqrt(len(squares)))
    by_chance = float(np.sqrt(2 / len(squares)) * np.mean(expected))
    if excess < SIGNIFICANT * max(by_chance, 0.2 * deviation):
        return None
    doppler = _doppler(excess * modes / float(np.mean(powers)), [one.track.times_s for one in views])
    return doppler, 0.5 * doppler * deviation / excess


def _slope(times_s: np.ndarray) -> np.ndarray:
    """float [m]: weights c of the least-squares slope."""
    centred = times_s - times_s.mean()
    return np.asarray(centred / np.sum(centred**2))


def _doppler(square: float, times_s: Sequence[np.ndarray]) -> float:
    """Doppler shift at which slopes of unit-power channels have this mean square; at most a third of a turn a burst."""
    longest = max(float(np.ptp(times)) for times in times_s)
    tried = np.linspace(0, 0.35 / longest, 200)
    curve = np.zeros(tried.size)
    layouts = Counter(tuple(np.round(times - times[0], 9)) for times in times_s)
    for layout, count in layouts.items():
        times = np.array(layout)
        weights, lags = np.outer(_slope(times), _slope(times)), times[:, None] - times[None, :]
        squares = [0.5 * np.sum(weights * j0(2 * np.pi * shift * lags)) for shift in tried]
        curve += count / len(times_s) * np.array(squares)
    return float(np.interp(square, np.maximum.accumulate(curve), tried))


def _powers(user: Sequence[UserView]) -> np.ndarray:
    """float [slots, antennas * active]."""
    channels = np.stack([one.channel for one in user])
    return np.asarray(np.abs(channels.reshape(len(user), -1)) ** 2)
