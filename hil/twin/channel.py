"""What bursts say about the channels of all users together: profile, fading, movement, and every user's delay."""

from collections.abc import Sequence

import numpy as np

from hil.config import RunConfig
from hil.twin.amplitudes import FadingFit, fit_fading
from hil.twin.burst import BurstView
from hil.twin.estimate import Estimate, kept
from hil.twin.motion import MotionFit, fit_motion
from hil.twin.profile import ProfileFit, degrees_of_freedom, fit_profile
from radio.waveform.grid import ResourceGrid
from radio.waveform.windows import backoff_samples

DELAY_UNCERTAINTY = 0.05  # samples; under multipath the first path of a profile is less certain than the bound says


def channel_estimates(views: Sequence[BurstView], config: RunConfig, estimates: list[Estimate]) -> MotionFit:
    """Add what channels, delays and their movement say; returns the movement for the phase noise's sake."""
    per_user = [[view.users[u] for view in views if u in view.users] for u in range(config.users)]
    ticks = [np.array([view.tick for view in views if u in view.users]) for u in range(config.users)]
    channels = [np.stack([one.channel for one in user]) for user in per_user]
    variances = [float(np.mean([one.variance for one in user])) for user in per_user]
    profile = fit_profile(channels, variances, config.waveform)
    early = min(0.0, *profile.delays_samples)
    for user, delay in enumerate(profile.delays_samples):
        note = "" if early == 0 else "later by the same for all, so that none is negative"
        estimates.append(
            Estimate(f"air.links.{user}.delay_samples", round(delay - early, 3), 0.05, "samples", note=note)
        )
    modes = degrees_of_freedom(profile.name, profile.spread_s, config.waveform)
    motion = fit_motion(per_user, ticks, config.sample_rate_hz, modes)
    fading: FadingFit | None = None
    if profile.name == "flat":
        independent = _independent(motion, ticks, config.sample_rate_hz)
        fading = fit_fading(*_amplitudes(channels, variances, profile, config), independent)
    estimates += _kind(profile, fading)
    if fading is not None and fading.kind == "awgn":
        estimates += [kept(f"air.{n}", "nothing fades") for n in ("coherence", "doppler_hz")]
        return MotionFit("unknown", None, None, "")
    estimates += _motion(motion)
    return motion


def _independent(motion: MotionFit, ticks: Sequence[np.ndarray], rate_hz: float) -> float:
    """Share of the slots that faded on their own: two per turn of the largest Doppler shift."""
    if motion.doppler_hz is None:
        return 1.0
    shares = [2 * motion.doppler_hz * float(np.ptp(at)) / rate_hz / at.size for at in ticks]
    return float(np.clip(np.mean(shares), 1 / max(at.size for at in ticks), 1.0))


def _amplitudes(
    channels: Sequence[np.ndarray], variances: Sequence[float], profile: ProfileFit, config: RunConfig
) -> tuple[list[np.ndarray], list[float]]:
    """|h| of a single path, its delay undone: per user float [slots * antennas], and the errors' variances."""
    grid = ResourceGrid(config.waveform)
    steps = grid.frequencies_hz / config.sample_rate_hz
    out = []
    for rows, delay in zip(channels, profile.delays_samples, strict=True):
        turned = rows * np.exp(2j * np.pi * (delay + backoff_samples(grid)) * steps)
        out.append(np.abs(turned.mean(axis=-1)).reshape(-1))
    return out, [v / grid.config.active_subcarriers for v in variances]


def _kind(profile: ProfileFit, fading: FadingFit | None) -> list[Estimate]:
    if fading is None:
        spread = profile.spread_s
        note = f"log likelihood {profile.margin:.0f} over a single path"
        return [
            Estimate("channel", profile.name, None, "", note=note),
            Estimate("air.delay_spread_s", float(f"{spread:.4g}"), spread * profile.relative_uncertainty, "s"),
            kept("air.k_factor_db", "the profile has its own"),
        ]
    spread_kept = kept("air.delay_spread_s", "a single path explains the channels")
    kind = Estimate("channel", fading.kind, None, "", note=fading.note)
    if fading.k_db is None:
        return [kind, spread_kept, kept("air.k_factor_db", "the fading is not Rician")]
    return [kind, spread_kept, Estimate("air.k_factor_db", fading.k_db, fading.k_uncertainty_db, "dB")]


def _motion(motion: MotionFit) -> list[Estimate]:
    if motion.coherence == "unknown":
        return [kept(f"air.{name}", motion.note) for name in ("coherence", "doppler_hz")]
    coherence = Estimate("air.coherence", motion.coherence, None, "", note=motion.note)
    if motion.doppler_hz is None:
        return [coherence, kept("air.doppler_hz", "channels stand still within a burst")]
    return [coherence, Estimate("air.doppler_hz", float(f"{motion.doppler_hz:.4g}"), motion.uncertainty_hz, "Hz")]
