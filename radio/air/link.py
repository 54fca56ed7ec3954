"""One user's way to the receiver: transmit converter, mixer, amplifier; path; both oscillators."""

import numpy as np

from radio.air.buffers import Buffers
from radio.air.channel import Channel, link_config
from radio.air.config import AirConfig
from radio.air.converter import convert
from radio.air.dc_offset import add_dc
from radio.air.filters.delay import HALF_WIDTH, composite_taps
from radio.air.filters.time_varying_filter import TapTrack, filter_track
from radio.air.iq_imbalance import imbalance
from radio.air.oscillator import carrier_offset_hz, clock_skew, rotate
from radio.air.phase_noise import CoarsePhase, PhaseNoise, phase_noise
from radio.air.power_amplifier import amplify
from radio.air.truth import LinkTruth

_LONGEST_SEGMENT = 16384
_DRIFT_PER_SEGMENT_SAMPLES = 0.02  # see time_varying_filter: -66 dB at the band edge
_DOPPLER_SEGMENTS_PER_PERIOD = 128  # (2 pi / 128)^2 / 8: -70 dB


class Link:
    """One user's transmit front end, channel and oscillators, up to the receiver's antennas and without noise."""

    def __init__(
        self, config: AirConfig, user: int, receiver_phase_noise: PhaseNoise | None, buffers: Buffers | None = None
    ) -> None:
        self._config = config
        self._buffers = buffers or Buffers()
        self._user = user
        self._channel = Channel(config, user)
        self._path = link_config(config, user)
        self._cfo_hz = carrier_offset_hz(config, user)
        self._skew = clock_skew(config, user)
        self._receiver_phase_noise = receiver_phase_noise
        self._phase_noise = phase_noise(config, user)
        self._delays = self._channel.delays_samples + (self._path.delay_samples or 0.0)

    def truth(self, start_tick: int, n_samples: int, tx_gain_db: float, block_samples: int) -> LinkTruth:
        """The ground truth of a burst of n_samples at start_tick."""
        middle = np.array([start_tick + n_samples // 2])
        path_gain = self._path_gain(start_tick, tx_gain_db)
        return LinkTruth(
            user=self._user,
            burst_start_tick=start_tick,
            n_samples=n_samples,
            cfo_hz=self._cfo_hz,
            clock_ppm=self._skew * 1e6,
            delay_samples=float(self._path.delay_samples or 0.0),
            path_gain=path_gain,
            tap_delays_samples=self._delays,
            tap_gains=path_gain * self._channel.gains(start_tick, middle, block_samples)[:, :, 0],
            noise_power=self._config.noise_power,
        )

    def propagate(self, x: np.ndarray, start_tick: int, path_gain: complex, block_samples: int) -> np.ndarray:
        """complex64 burst [n] to what arrives from start_tick on: complex64 [antennas, n + delay + tail].

        path_gain: that of the burst's `truth`. The array comes from the link's buffers and may go back to them.
        """
        c = self._config
        room = self._buffers.take(1, x.size)
        arrived = self._through_channel(self.transmit_chain(x, room[0]), start_tick, block_samples)
        self._buffers.give(room)
        phase = self._phase(start_tick, arrived.shape[1])
        for antenna in arrived:
            rotate(antenna, self._cfo_hz / c.sample_rate_hz, phase, path_gain)
        return arrived

    def transmit_chain(self, x: np.ndarray, room: np.ndarray | None = None) -> np.ndarray:
        """complex64 [n] through the transmitter's converter, mixer and amplifier.

        room: complex64 [n] that the result may lie in, or None for new memory; x itself is left as it is.
        """
        c = self._config
        if c.dac_bits is not None:
            converted = np.empty_like(x) if room is None else room
            np.copyto(converted, x)
            convert(converted, c.dac_bits)
            x = converted
        x = imbalance(x, c.tx_iq_imbalance)
        x = add_dc(x, c.tx_dc_offset)
        return amplify(x, c.power_amplifier)

    def _path_gain(self, start_tick: int, tx_gain_db: float) -> complex:
        phase = self._channel.carrier_phase_rad(start_tick)
        amplitude = 10 ** ((self._path.gain_db + tx_gain_db) / 20)
        return amplitude if phase == 0.0 else complex(amplitude * np.exp(1j * phase))

    def _phase(self, start_tick: int, n: int) -> CoarsePhase | None:
        """Transmitter's phase noise minus the receiver's over n ticks, or None where it is off."""
        if self._phase_noise is None or self._receiver_phase_noise is None:
            return None
        return self._phase_noise.coarse(start_tick, n).minus(self._receiver_phase_noise.coarse(start_tick, n))

    def _through_channel(self, x: np.ndarray, start_tick: int, block_samples: int) -> np.ndarray:
        single = self._delays.size == 1 and not self._channel.moves
        if single and self._skew == 0.0 and float(self._delays[0]).is_integer():
            return self._shift(x, start_tick, block_samples)
        n_out = int(np.ceil((x.size - 1 + self._delays.max() + HALF_WIDTH) / (1 + self._skew))) + 1
        span = self._segment_samples()
        firsts = np.arange(0, n_out, span)
        gains = self._channel.gains(start_tick, start_tick + np.append(firsts, firsts[-1] + span), block_samples)
        arrived = self._buffers.take(gains.shape[0], n_out)
        if single:  # real taps, the gain afterwards: half the work
            filter_track(x, self._track(firsts, span, np.ones((1, firsts.size + 1))), arrived[0])
            for antenna in reversed(range(gains.shape[0])):
                np.multiply(arrived[0], np.complex64(gains[antenna, 0, 0]), out=arrived[antenna])
        else:
            for antenna, moving in enumerate(gains):
                filter_track(x, self._track(firsts, span, moving), arrived[antenna])
        return arrived

    def _shift(self, x: np.ndarray, start_tick: int, block_samples: int) -> np.ndarray:
        """Whole ticks of delay: the very samples, later."""
        gains = self._channel.gains(start_tick, np.array([start_tick]), block_samples)[:, 0, 0]
        delayed = np.concatenate([np.zeros(int(self._delays[0]), np.complex64), x])
        return np.stack([delayed if g == 1 else np.complex64(g) * delayed for g in gains])

    def _segment_samples(self) -> int:
        limits = [float(_LONGEST_SEGMENT)]
        if self._skew != 0.0:
            limits.append(_DRIFT_PER_SEGMENT_SAMPLES / abs(self._skew))
        if self._channel.moves:
            limits.append(self._config.sample_rate_hz / (_DOPPLER_SEGMENTS_PER_PERIOD * self._config.doppler_hz))
        return max(64, int(min(limits)))

    def _track(self, firsts: np.ndarray, span: int, gains: np.ndarray) -> TapTrack:
        """gains: [L, segments + 1] at the segments' edges."""
        edges = np.append(firsts, firsts[-1] + span)
        offsets = edges[:, None] * self._skew - self._delays  # where each path reads x, from the present sample
        bases = np.floor(offsets.min(axis=1)).astype(np.int64) - HALF_WIDTH + 1
        bases = np.minimum(bases[:-1], bases[1:])
        n_taps = -(-(int(np.ceil(np.ptp(self._delays))) + 2 * HALF_WIDTH + 2) // 8) * 8
        start = composite_taps(offsets[:-1] - bases[:, None], gains.T[:-1], n_taps)
        end = composite_taps(offsets[1:] - bases[:, None], gains.T[1:], n_taps)
        return TapTrack(span, bases, start, end - start)
