"""Single properties of a bench's radios and of its channel, each measured from bursts of one user alone."""

from collections.abc import Callable, Sequence

import numpy as np

from calibration.errors import CalibrationError
from calibration.lab.bench import MARGIN_SAMPLES, Bench
from calibration.loops.alignment import TransmitCommand
from calibration.measure.antennas import AntennaDifference, antenna_differences
from calibration.measure.coherence import coherence_time
from calibration.measure.linearity import Linearity, linearity
from calibration.measure.measurement import Measurement
from radio.waveform.reception.frame import ReceivedFrame, ReceivedUser

TONE_SAMPLES = 16384
TONE_CYCLES_PER_SAMPLE = 1 / 16
BLOCKS = 32  # whose scatter tells the uncertainty of a power
Progress = Callable[[str], None]


def quiet(_text: str) -> None:
    """No progress."""


def measure_linearity(
    bench: Bench, user: int, levels_dbfs: Sequence[float], progress: Progress = quiet
) -> tuple[Linearity, list[Measurement]]:
    """Received power of a tone at each level, the noise taken off; the powers in dB of full scale, by rising level.

    Raises CalibrationError when a level is above full scale or the tone is not heard at all.
    """
    if any(level > 0 for level in levels_dbfs):
        raise CalibrationError(f"A level of {max(levels_dbfs):g} dBFS is above full scale; at most 0 is possible.")
    noise = _power(bench.silence(TONE_SAMPLES).data)
    tone = np.exp(2j * np.pi * TONE_CYCLES_PER_SAMPLE * np.arange(TONE_SAMPLES)).astype(np.complex64)
    received = []
    levels = sorted(levels_dbfs)
    for level in levels:
        progress(f"{level:g} dBFS")
        samples, _, _ = bench.send({user: tone * np.float32(10 ** (level / 20))}, {user: TransmitCommand()})
        quarter = TONE_SAMPLES // 4  # wherever the tone has arrived to, its middle is in here
        middle = samples.data[:, MARGIN_SAMPLES + quarter : MARGIN_SAMPLES + 3 * quarter]
        received.append(_minus(_power(middle), noise))
    if not np.isfinite(received[-1].standard_uncertainty):
        raise CalibrationError(f"The tone of user {user} is not heard even at {levels[-1]:g} dBFS.")
    return linearity(levels, received), received


def measure_antennas(bench: Bench, user: int, frames: int, progress: Progress = quiet) -> list[AntennaDifference]:
    """Antennas of the receiver against its first. Raises CalibrationError for one antenna or a user not heard."""
    seen = [one.channel for _, one in _series(bench, user, frames, 0, progress) if one.channel is not None]
    return antenna_differences(seen)


def measure_coherence(
    bench: Bench, user: int, frames: int, spacing_samples: int, progress: Progress = quiet
) -> Measurement:
    """Coherence time in seconds from frames whose starts are spacing_samples apart or, where that is less than a frame
    takes, as close as can be. Raises CalibrationError when a frame of the series is lost."""
    series = _series(bench, user, frames, spacing_samples, progress)
    if len(series) < frames:
        raise CalibrationError(f"{frames - len(series)} of {frames} frames were lost: raise the level and try again.")
    times_s = np.array([frame.start_tick for frame, _ in series]) / bench.config.sample_rate_hz
    return coherence_time(times_s, np.stack([one.channel.values for _, one in series if one.channel is not None]))


def _series(
    bench: Bench, user: int, frames: int, spacing_samples: int, progress: Progress
) -> list[tuple[ReceivedFrame, ReceivedUser]]:
    burst, seen = bench.probe(user), []
    for number in range(frames):
        progress(f"frame {number + 1} of {frames}")
        samples, expected, _ = bench.send({user: burst}, {user: TransmitCommand()})
        bench.pause(spacing_samples - samples.n_samples)
        frame = bench.receive_frame(samples, expected)
        one = next((u for u in frame.users if u.user == user and u.detected), None) if frame else None
        if frame is not None and one is not None:
            seen.append((frame, one))
    if not seen:
        raise CalibrationError(f"User {user} was not heard in {frames} frames.")
    return seen


def _power(data: np.ndarray) -> tuple[float, float]:
    """Mean power, summed over antennas, and its standard uncertainty from the scatter of blocks."""
    power = np.sum(data.real.astype(float) ** 2 + data.imag.astype(float) ** 2, axis=0)
    blocks = power[: power.size // BLOCKS * BLOCKS].reshape(BLOCKS, -1).mean(axis=1)
    return float(blocks.mean()), float(blocks.std(ddof=1) / np.sqrt(BLOCKS))


def _minus(power: tuple[float, float], noise: tuple[float, float]) -> Measurement:
    """In dB; of infinite uncertainty where nothing is left over the noise."""
    left, deviation = power[0] - noise[0], float(np.hypot(power[1], noise[1]))
    if left <= 2 * deviation:
        return Measurement(float(10 * np.log10(max(deviation, 1e-30))), float("inf"), "dB")
    return Measurement(float(10 * np.log10(left)), float(10 / np.log(10) * deviation / left), "dB")
