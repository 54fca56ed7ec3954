"""From a window of samples to every user's channel, header and features."""

import math
from typing import Any

import numpy as np

from radio import acceleration
from radio.samples import Samples
from radio.waveform.acquisition.carrier import known_symbol_starts, observe
from radio.waveform.acquisition.tones import without_tones
from radio.waveform.burst.grid import ResourceGrid
from radio.waveform.burst.header import FrameHeader
from radio.waveform.burst.windows import backoff_samples
from radio.waveform.channel.delay_memory import DelayMemory
from radio.waveform.channel.estimation import share_beyond_prefix
from radio.waveform.channel.strongest_path import strongest_path_samples
from radio.waveform.config import WaveformConfig
from radio.waveform.noise.colour import noise_colour
from radio.waveform.reception.cancellation import cancel_payload
from radio.waveform.reception.finding import find_users
from radio.waveform.reception.frame import ChannelEstimate, ReceivedFrame, ReceivedUser
from radio.waveform.reception.header import learn_from_header, read_header, start_tracking
from radio.waveform.reception.parted_carriers import alignment, take_payloads
from radio.waveform.reception.payload import Payload
from radio.waveform.reception.receive_gain import follow_payloads
from radio.waveform.reception.user import Reception
from radio.waveform.tracking.steady import steady_mean
from radio.waveform.tracking.straightening import turn_band
from radio.waveform.transmission.transmitter import BurstTransmitter

SMALLEST_NOISE_POWER = 1e-20
COLOUR_ROUNDS = 2  # the first of which an interferer has pulled at
WARM_UP_SYMBOLS = 1000
_SPREAD = 0.8 ** np.arange(16) * np.exp(1j * np.arange(16.0) ** 2)
# Taps, noise and noise of low frequencies: plain, many paths, not loud, not white.
WARM_UPS = ((np.ones(1), 0.05, 0.0), (_SPREAD, 0.05, 0.0), (np.ones(1), 1.4, 0.0), (np.ones(1), 0.05, 0.3))


class BurstReceiver:
    """Receives one burst at a time; holds no state between bursts but what a caller's memory keeps."""

    def __init__(self, config: WaveformConfig) -> None:
        self.config = config
        self.grid = ResourceGrid(config)

    def receive(
        self,
        samples: Samples,
        expected_tick: int | None = None,
        search_samples: int = 512,
        told: dict[int, FrameHeader] | None = None,
        silent: frozenset[int] = frozenset(),
        memory: DelayMemory | None = None,
        powers: np.ndarray | None = None,
    ) -> ReceivedFrame | None:
        """Find one burst in complex64 [antennas, n]; None when no user is detected.

        expected_tick: where bursts should start; then only search_samples on either side are searched, otherwise
        the whole window. told: headers known from a control channel, used for users whose own header a fade has
        destroyed (a user whose preamble is lost too is then read where the others are, as an erasure of little
        weight). silent: users whose payload was cancelled from the samples (see `cancellation`): the others are
        separated as if it had not been sent. memory: of earlier bursts' arrivals (see `delay_memory`), used and
        extended where expected_tick is given. powers: float [users, parts], with which users send channel uses 0,
        1, ... parts - 1 and so on in turn, mean 1 over a user's parts; None: 1 throughout. Samples that are not finite
        count as silence. Never raises on the samples' content.
        """
        data = samples.data
        with np.errstate(invalid="ignore", over="ignore"):
            finite = np.isfinite(np.vdot(data, data))
        if not finite:
            data = np.where(np.isfinite(data), data, 0)
        data, tones = without_tones(data)
        expected = None if expected_tick is None else expected_tick - samples.start_tick
        found = find_users(data, self.grid, expected, search_samples)
        if not found:
            return None
        told = told or {}
        seen = {f.user for f in found}
        around = sorted(f.origin for f in found)[len(found) // 2]
        found += [self._assume(data, user, around) for user in sorted(set(told) - seen)]
        grid, noise_power = self._measure(data, found, told, memory, expected_tick, samples.start_tick)
        followed = follow_payloads(data, grid, found, noise_power, silent)
        for one in found:
            laid = followed[one.user]
            if laid is not None and laid.moving is not None:
                one.take_motion(laid.moving)
        payloads = take_payloads(data, grid, found, followed, noise_power, silent, powers)
        origin = min(one.origin for one in found)
        users = tuple(
            self._user(samples.start_tick, origin, found, user, noise_power, payloads.get(user))
            for user in range(self.config.users)
        )
        total = sum(user.power for user in users)
        snr_db = float(10 * np.log10(max(total, 1e-30) / noise_power))
        colour = found[0].colour
        covariance = None if colour is None else noise_power * colour.moved(-found[0].subcarriers_off(self.grid)).shape
        return ReceivedFrame(samples.start_tick + origin, users, noise_power, snr_db, tones, covariance)

    def warm_up(self) -> None:
        """Compile the hot loops, so that the first frame does not wait for it."""
        if not acceleration.NUMBA:
            return
        bursts = []
        for user in range(self.config.users):
            header = FrameHeader(0, user, "image", 8, 8, WARM_UP_SYMBOLS, 0)
            bursts.append(BurstTransmitter(self.config, user).modulate(np.ones(WARM_UP_SYMBOLS, np.complex64), header))
        sent = np.pad(sum(bursts), self.config.fft_size)
        rng, shape = np.random.default_rng(1), (self.config.rx_antennas, sent.size, 2)
        for taps, noise, hum in WARM_UPS:
            noisy = np.convolve(sent, taps)[: sent.size] + noise * (rng.standard_normal(shape) @ [1, 1j])
            noisy += hum * np.repeat(rng.standard_normal((shape[0], -(-sent.size // 8))), 8, axis=1)[:, : sent.size]
            samples = Samples(noisy.astype(np.complex64), 0, self.config.sample_rate_hz)
            frame = self.receive(samples, self.config.fft_size)
            aligned = None if frame is None else frame.users[0].alignment
            if aligned is not None:
                cancel_payload(samples, self.grid, 0, aligned, np.ones(WARM_UP_SYMBOLS, np.complex64))

    def _measure(
        self,
        data: np.ndarray,
        found: list[Reception],
        told: dict[int, FrameHeader],
        memory: DelayMemory | None = None,
        expected_tick: int | None = None,
        start_tick: int = 0,
    ) -> tuple[ResourceGrid, float]:
        """Every user's channel and header, the second time with the headers as known symbols; the burst's grid and the
        noise power."""
        noise_power = _noise_power(found, self.grid)
        for one in found:
            one.told = told.get(one.user)
            one.learn_channel_quickly(self.grid, noise_power)
            read_header(data, self.grid, one, noise_power)
        if not all(one.read for one in found) and _learn_colour(found, self.grid):
            for one in found:
                if not one.read:
                    one.learn_channel(self.grid, noise_power)
                    read_header(data, self.grid, one, noise_power)
        grid = self.grid.carrying(_bits_symbols(found))
        for one in found:
            learn_from_header(grid, one, noise_power)
        noise_power = _noise_power(found, self.grid)
        _learn_colour(found, self.grid)
        for one in found:
            one.learn_channel(self.grid, noise_power)
            if memory is not None and expected_tick is not None and one.detected:
                one.remember(self.grid, memory, expected_tick, start_tick)
            start_tracking(grid, one)
        return grid, noise_power

    def _assume(self, data: np.ndarray, user: int, origin: int) -> Reception:
        """A user that was not detected, taken to arrive with the others and without carrier offset."""
        preamble, sounding = known_symbol_starts(self.grid, user, origin + self.grid.preamble_start(user))
        seen, starts = observe(data, self.grid, user, preamble, sounding, 0.0, origin)
        mean = steady_mean(seen, np.zeros(starts.size), self.grid)
        return Reception(user, origin, 0.0, seen, starts, mean, detected=False)

    def _user(
        self,
        start_tick: int,
        origin: int,
        found: list[Reception],
        user: int,
        noise_power: float,
        payload: Payload | None,
    ) -> ReceivedUser:
        one = next((f for f in found if f.user == user), None)
        if one is None or one.channel is None:
            return ReceivedUser(user, False, "its preamble was not detected")
        fraction = strongest_path_samples(one.channel, self.config) - backoff_samples(self.grid)
        power = max(float(np.vdot(one.channel, one.channel).real) / one.channel.size, 1e-30)
        measured: dict[str, Any] = {
            "user": user,
            "detected": one.detected,
            "header": one.header,
            "header_read": one.read,
            "delay_samples": one.origin - origin + fraction,
            "cfo_hz": one.cfo_hz,
            "channel": self._channel_estimate(one, start_tick, origin),
            "power": power,
            "snr_db": 10 * math.log10(power / noise_power),
            "evm_db": one.evm_db,
            "doppler_hz": 0.0 if one.moving is None else one.moving.doppler_hz,
        }
        if one.header is None or one.phasors is None:
            return ReceivedUser(**measured, reason="the checksum of its header is wrong")
        if one.header.n_symbols == 0:
            return ReceivedUser(**measured)
        if payload is None:
            return ReceivedUser(**measured, reason="the burst is cut off by the end of the samples")
        measured["cfo_hz"] += payload.track.frequency_hz
        return ReceivedUser(
            **measured,
            clock_ppm=payload.track.clock_ppm,
            features=payload.features,
            alignment=alignment(self.grid, one, payload, start_tick),
            quality=payload.quality,
            protected=payload.protected[0] if payload.protected else None,
            protected_behind=payload.protected[1:],
        )

    def _channel_estimate(self, one: Reception, start_tick: int, origin: int) -> ChannelEstimate:
        """The internal estimate, seen through FFT windows with the carrier undone, as the radio sees it."""
        assert one.channel is not None
        middle = int(one.channel_time) + self.config.fft_size // 2
        delay = one.origin - origin - backoff_samples(self.grid)
        elapsed = middle - one.phase_origin(self.grid)
        phase = 2 * math.pi * math.fmod(one.cfo_hz * elapsed / self.config.sample_rate_hz, 1.0)
        values = turn_band(one.channel, -2 * math.pi * delay / self.config.fft_size, phase)
        beyond = share_beyond_prefix(one.channel, self.config)
        return ChannelEstimate(values, one.error_variance, start_tick + middle, beyond)


def _learn_colour(found: list[Reception], grid: ResourceGrid) -> bool:
    """Every user's `colour` from all training together; whether there is any."""
    for one in found:
        one.colour = None
    for _ in range(COLOUR_ROUNDS):
        colour = noise_colour([one.noise_looks(grid) for one in found if one.detected])
        if colour is None:
            break
        for one in found:
            one.colour = colour.moved(one.subcarriers_off(grid))
    return found[0].colour is not None


def _bits_symbols(found: list[Reception]) -> int:
    """What the strongest user's header says of all users' bursts: they send as many."""
    told = [(False, 0.0, 0)]
    for one in found:
        if one.header is not None and one.header.n_symbols and one.channel is not None:
            told.append((one.read, float(np.vdot(one.channel, one.channel).real), one.header.all_bits_symbols))
    return max(told)[2]


def _noise_power(found: list[Reception], grid: ResourceGrid) -> float:
    """Mean over the users that were detected, each weighed by the symbols it was measured in."""
    weights = [f.observations.shape[1] - 1.0 if f.detected else 0.0 for f in found]
    weighted = sum(f.noise_power(grid) * weight for f, weight in zip(found, weights, strict=True))
    return max(weighted / sum(weights), SMALLEST_NOISE_POWER)
