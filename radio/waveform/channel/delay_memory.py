"""What earlier bursts tell about the arrival of a single path: its delay need not be found anew in every burst.

On a channel of one path a burst's own estimate of the delay t costs half a complex parameter: h_k = a exp(-j w_k t) has
the Fisher information 2 |a|^2 / v sum_k w_k^2 for t, v the noise of h_k (Kay, "Estimation Theory", 3.7). The arrivals
of a user's bursts lie on a line, though, whose slope is how far the two sample clocks run apart. A Kalman filter (Kay,
13.4) follows them: arrival after the tick at which the burst was expected, and drift per tick. What it foretells and
what the burst says are averaged by their precisions, and the path's amplitude is measured at that delay.

A memory is empty at first, is trusted after bursts have agreed with it, and is forgotten when one contradicts it. Where
a burst shows more than one path it says nothing.
"""

from dataclasses import dataclass, replace

import numpy as np

from radio.waveform.channel.delay_profile import relative_frequencies
from radio.waveform.config import WaveformConfig

LARGEST_DRIFT = 40e-6  # samples per sample: two uncalibrated crystals of 20 ppm
DRIFT_CHANGE = 2e-8  # per square root of a second: temperature
ARRIVAL_CHANGE_SAMPLES = 0.002  # per square root of a second: jitter; steady walking is a drift
LEAST_STD_SAMPLES = 5e-4  # of a burst's own delay: phase noise, converters
GATE = 9.0  # squared deviations: chance contradicts once in 370 bursts
FORGOTTEN_SAMPLES = 1e3  # after so long a silence that the arrival may be anywhere, nothing is known
AGREEMENTS = 2  # bursts that have to fit before the memory is used
SINGLE_PATH_RESIDUE = 1e-5  # share of the energy that a delay alone may leave


@dataclass(frozen=True)
class _Line:
    """After the burst expected at `tick`: arrival in samples after it and drift per tick, with their covariance.

    before: what was known before that burst, should it be received once more.
    """

    tick: int
    state: np.ndarray
    covariance: np.ndarray
    agreed: int = 0
    before: "_Line | None" = None


class DelayMemory:
    """One receiver's memory of every user's arrival. Not thread-safe."""

    def __init__(self, config: WaveformConfig) -> None:
        self._config = config
        self._lines: dict[int, _Line] = {}

    def refine(
        self,
        user: int,
        expected_tick: int,
        offset_samples: float,
        channel: np.ndarray,
        seen: np.ndarray,
        variance: float,
    ) -> tuple[np.ndarray, float] | None:
        """The channel and its error with what is remembered, or None where that does not help; and learn from it.

        offset_samples: place of delay 0 of the channel after expected_tick. channel: complex64 [antennas, active], the
        burst's own estimate from seen [antennas, active], whose noise has this variance.
        """
        delay = single_path_delay(channel, self._config)
        power = float(np.vdot(channel, channel).real)
        if delay is None or power <= 0:
            return None
        omega = 2 * np.pi * relative_frequencies(self._config)
        own = variance * omega.size / (2 * power * float(omega @ omega)) + LEAST_STD_SAMPLES**2
        known = self._learn(user, expected_tick, offset_samples + delay, own)
        if known is None:
            return None
        arrival, remaining = known
        path = np.exp(-1j * omega * (arrival - offset_samples))
        amplitudes = seen @ path.conj() / omega.size
        share = float(np.vdot(amplitudes, amplitudes).real) / len(amplitudes)
        amplitudes *= max(0.0, 1 - variance / omega.size / max(share, 1e-30))
        error = variance * (1 + 0.5 * min(remaining / own, 1.0) / len(seen)) / omega.size
        return np.outer(amplitudes, path).astype(np.complex64), error

    def _learn(self, user: int, tick: int, arrival: float, variance: float) -> tuple[float, float] | None:
        """Arrival and its variance after this burst; None while nothing is remembered that deserves trust."""
        line = self._lines.get(user)
        if line is not None and line.tick == tick:
            line = line.before
        fresh = _Line(tick, np.array([arrival, 0.0]), np.diag([variance, LARGEST_DRIFT**2]))
        if line is None or tick < line.tick:
            self._lines[user] = fresh
            return None
        state, covariance = self._foretold(line, tick)
        surprise, spread = arrival - state[0], covariance[0, 0] + variance
        if surprise**2 > GATE * spread or spread > FORGOTTEN_SAMPLES**2:
            self._lines[user] = replace(fresh, before=replace(line, before=None))
            return None
        gain = covariance[:, 0] / spread
        state = state + gain * surprise
        covariance = covariance - np.outer(gain, covariance[0])
        self._lines[user] = _Line(tick, state, covariance, line.agreed + 1, replace(line, before=None))
        return (float(state[0]), float(covariance[0, 0])) if line.agreed >= AGREEMENTS else None

    def _foretold(self, line: _Line, tick: int) -> tuple[np.ndarray, np.ndarray]:
        ticks = tick - line.tick
        seconds = ticks / self._config.sample_rate_hz
        step = np.array([[1.0, ticks], [0.0, 1.0]])
        noise = np.diag([ARRIVAL_CHANGE_SAMPLES**2 * seconds, DRIFT_CHANGE**2 * seconds])
        return step @ line.state, step @ line.covariance @ step.T + noise


def single_path_delay(channel: np.ndarray, config: WaveformConfig) -> float | None:
    """Delay in samples of a channel complex64 [antennas, active] that is one path, or None where it is more."""
    frequencies = relative_frequencies(config)
    half = frequencies.size // 2
    turn = sum(np.vdot(part[:, :-1], part[:, 1:]) for part in (channel[:, :half], channel[:, half:]))
    delay = -float(np.angle(turn)) / (2 * np.pi * float(frequencies[1] - frequencies[0]))
    path = np.exp(-2j * np.pi * delay * frequencies)
    amplitudes = channel @ path.conj() / frequencies.size
    left = channel - np.outer(amplitudes, path)
    energy = float(np.vdot(channel, channel).real)
    return delay if float(np.vdot(left, left).real) <= SINGLE_PATH_RESIDUE * energy else None
