"""Ground truth of a link during a burst: for scoring and bounds, never for receivers."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class LinkTruth:
    """One user's link during one burst; the burst x starts at tick s = burst_start_tick.

    Received (antenna a, n ticks, fs the sample rate; theta is phase noise, zero mean, not told):

        y_a[n] = exp(j (2 pi cfo_hz (n - s) / fs + theta[n])) * sum_l a_l x((n - s)(1 + skew) - tau_l)

    a_l = tap_gains[a, l], tau_l = tap_delays_samples[l], skew = clock_ppm * 1e-6. tap_gains hold everything:
    path and transmit gain, the random carrier phase at tick s, fading, antenna. So the response to a tone of
    f Hz at the start of the burst is

        H_a(f) = sum_l tap_gains[a, l] exp(-j 2 pi f tau_l / fs)

    then rotated by the carrier offset. m ticks later, clock skew has changed every tau_l by -m * skew. With
    block fading the gains hold for the whole burst; with Doppler they are those at its middle.

    cfo_hz: transmitter's carrier minus the receiver's. clock_ppm: transmitter's sample rate over the
    receiver's. delay_samples: of the first path, included in tap_delays_samples. path_gain: the part of the
    gain that all taps share (link gain, transmit gain, carrier phase), included in tap_gains.
    tap_delays_samples: float64 [L]. tap_gains: complex128 [antennas, L]. noise_power: thermal, per complex
    sample and antenna.
    """

    user: int
    burst_start_tick: int
    n_samples: int
    cfo_hz: float
    clock_ppm: float
    delay_samples: float
    path_gain: complex
    tap_delays_samples: np.ndarray
    tap_gains: np.ndarray
    noise_power: float

    def frequency_response(self, frequencies_hz: np.ndarray, sample_rate_hz: float, elapsed: float = 0.0) -> np.ndarray:
        """H_a(f) as above, `elapsed` ticks after the start of the burst: complex128 [antennas, frequencies].

        By then the carrier offset has turned it and the clock skew has moved its delays.
        """
        delays = self.tap_delays_samples - elapsed * self.clock_ppm * 1e-6
        turns = np.outer(delays, frequencies_hz) / sample_rate_hz
        turned = np.exp(2j * np.pi * self.cfo_hz * elapsed / sample_rate_hz)
        return np.asarray(turned * (self.tap_gains @ np.exp(-2j * np.pi * turns)))
