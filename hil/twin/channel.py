"""What bursts say about the channels of all users together: profile, fading, movement, and every user's delay."""

from collections.abc import Sequence

import numpy as np

from hil.config import RunConfig
from hil.twin.amplitudes import FadingFit, fit_fading
from hil.twin.burst import BurstView
from hil.twin.estimate import Estimate, kept
from hil.twin.motion import MotionFit, fit_motion, is_steady
from hil.twin.paths import fixed_paths, mean_channel
from hil.twin.profile import ProfileFit, degrees_of_freedom, fit_profile, single_path
from radio.waveform.burst.grid import ResourceGrid
from radio.waveform.burst.windows import backoff_samples

COHERENT = 0.95  # of the power that must be left when bursts are averaged
_OF_FADING = ("delay_spread_s", "k_factor_db", "coherence", "doppler_hz")
DELAY_UNCERTAINTY = 0.05  # samples; under multipath the first path of a profile is less certain than the bound says


def channel_estimates(views: Sequence[BurstView], config: RunConfig, estimates: list[Estimate]) -> MotionFit:
    """Add what channels, delays and their movement say; returns the movement for the phase noise's sake."""
    per_user = [[view.users[u] for view in views if u in view.users] for u in range(config.users)]
    ticks = [np.array([view.tick for view in views if u in view.users]) for u in range(config.users)]
    channels = [np.stack([one.channel for one in user]) for user in per_user]
    variances = [float(np.mean([one.variance for one in user])) for user in per_user]
    profile, flat = single_path(channels, variances, config.waveform)
    if not flat and is_steady(per_user):
        paths = _fixed_paths(channels, variances, config)
        if paths is not None:
            estimates += paths
            return MotionFit("unknown", None, None, "")
    if not flat:
        profile = fit_profile(channels, variances, config.waveform)
    early = min(0.0, *profile.delays_samples)
    for user, delay in enumerate(profile.delays_samples):
        note = "" if early == 0 else "later by the same for all, so that none is negative"
        estimates.append(
            Estimate(
                f"air.links.{user}.delay_samples", round(delay - early, 3), DELAY_UNCERTAINTY, "samples", note=note
            )
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


def _fixed_paths(
    channels: Sequence[np.ndarray], variances: Sequence[float], config: RunConfig
) -> list[Estimate] | None:
    """Per user the paths that its first antenna sees; None where bursts have more than a phase to tell them apart."""
    early, found = backoff_samples(ResourceGrid(config.waveform)), []
    for rows, variance in zip(channels, variances, strict=True):
        mean = mean_channel(rows[:, 0])
        power = float(np.mean(np.abs(rows) ** 2)) - variance
        if np.mean(np.abs(mean) ** 2) < COHERENT * power:
            return None
        found.append((fixed_paths(mean, variance / len(rows), config.waveform), power))
    late = min(0.0, *(float(paths.delays_samples[0]) - early for paths, _ in found))
    out = [
        Estimate("channel", "awgn", None, "", note="nothing moves: every user has fixed paths"),
        *(kept(f"air.{name}", "the paths are fixed") for name in _OF_FADING),
    ]
    for user, (paths, power) in enumerate(found):
        first = float(paths.delays_samples[0])
        values = [
            {
                "delay_samples": round(float(delay) - first, 3),
                "gain_db": round(10 * float(np.log10(max(abs(gain) ** 2 / power, 1e-12))), 2),
                "phase_deg": round(float(np.rad2deg(np.angle(gain))), 1),
            }
            for delay, gain in zip(paths.delays_samples, paths.gains, strict=True)
        ]
        left = 10 * np.log10(max(paths.left / power, 1e-12))
        name = f"air.links.{user}"
        delay = round(first - early - late, 3)
        out.append(Estimate(f"{name}.delay_samples", delay, DELAY_UNCERTAINTY, "samples", note="of the first path"))
        out.append(Estimate(f"{name}.paths", values, None, "", note=f"paths: {len(values)}, {left:.0f} dB left over"))
    return out


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
