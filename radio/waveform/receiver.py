"""From a window of samples to every user's channel, header and features."""

from dataclasses import dataclass, replace

import numpy as np

from radio.samples import Samples
from radio.waveform import header as header_code
from radio.waveform.acquisition import acquire
from radio.waveform.carrier import carrier_bound_hz, delay_basis, known_symbol_starts, observe, refine_carrier
from radio.waveform.channel_estimation import estimate_channel, residual_noise_power, strongest_path_samples
from radio.waveform.config import WaveformConfig
from radio.waveform.frame import ChannelEstimate, ReceivedFrame, ReceivedUser
from radio.waveform.grid import ResourceGrid
from radio.waveform.header import FrameHeader
from radio.waveform.separation import separate
from radio.waveform.tracking import Phasors, Track, track
from radio.waveform.windows import backoff_samples, symbol_bins

SMALLEST_NOISE_POWER = 1e-20
MAX_PAYLOAD_SYMBOLS = 1 << 20
GHOST_POWER = 0.1  # relative to the strongest user: cross-correlations of preambles stay below this
GHOST_COHERENCE = 0.25  # independent channels of some 30 dimensions exceed it once in 5000
CARRIER_MARGIN = 2.0  # the estimator is close to its bound, but not on it
SMALLEST_CFO_STD_HZ = 3.0  # phase noise moves a carrier by this much within a burst whatever the SNR
RETIME_SAMPLES = 0.5  # drift over a burst above which FFT windows follow the clock


@dataclass
class _Found:
    """One detected user on its way through the receiver. origin: sample index of its burst's first sample."""

    user: int
    origin: int
    cfo_hz: float
    observations: np.ndarray
    times: np.ndarray
    noise_power: float
    detected: bool = True
    told: FrameHeader | None = None
    channel: np.ndarray | None = None
    error_variance: float = 0.0
    header: FrameHeader | None = None
    read: bool = False
    phasors: Phasors | None = None
    evm_db: float | None = None


class BurstReceiver:
    """Receives one burst at a time; holds no state between bursts."""

    def __init__(self, config: WaveformConfig) -> None:
        self.config = config
        self.grid = ResourceGrid(config)

    def receive(
        self,
        samples: Samples,
        expected_tick: int | None = None,
        search_samples: int = 512,
        told: dict[int, FrameHeader] | None = None,
    ) -> ReceivedFrame | None:
        """Find one burst in complex64 [antennas, n]; None when no user is detected.

        expected_tick: where bursts should start; then only search_samples on either side are searched, otherwise
        the whole window. told: headers known from a control channel, used for users whose own header a fade has
        destroyed (a user whose preamble is lost too is then read where the others are, as an erasure of little
        weight). Samples that are not finite count as silence. Never raises on the samples' content.
        """
        data = samples.data
        if not np.all(np.isfinite(data)):
            data = np.where(np.isfinite(data), data, 0)
        expected = None if expected_tick is None else expected_tick - samples.start_tick
        hits = (self._find(data, user, expected, search_samples) for user in range(self.config.users))
        found = _without_ghosts([hit for hit in hits if hit], delay_basis(self.config))
        if not found:
            return None
        noise_power = max(float(np.mean([f.noise_power for f in found])), SMALLEST_NOISE_POWER)
        told = told or {}
        seen = {f.user for f in found}
        around = float(np.median([f.origin for f in found]))
        found += [self._assume(data, user, round(around)) for user in sorted(set(told) - seen)]
        for one in found:
            one.told = told.get(one.user)
            one.channel, one.error_variance = estimate_channel(one.observations, self.config, noise_power)
            self._read_header(data, one, noise_power)
        origin = min(one.origin for one in found)
        users = tuple(
            self._user(data, samples.start_tick, origin, found, user, noise_power) for user in range(self.config.users)
        )
        total = sum(user.power for user in users)
        snr_db = float(10 * np.log10(max(total, 1e-30) / noise_power))
        return ReceivedFrame(samples.start_tick + origin, users, noise_power, snr_db)

    def _find(self, data: np.ndarray, user: int, expected: int | None, search: int) -> _Found | None:
        preamble = self.grid.preamble_start(user)
        first, last = (0, data.shape[1]) if expected is None else (expected - search, expected + search)
        hit = acquire(data, self.grid, user, first + preamble * (expected is not None), last + preamble)
        if hit is None:
            return None
        cfo_hz, observations, times = refine_carrier(data, self.grid, user, hit.start, hit.cfo_hz)
        if observations.shape[1] < 2:
            return None
        return _Found(user, hit.start - preamble, cfo_hz, observations, times, residual_noise_power(observations))

    def _assume(self, data: np.ndarray, user: int, origin: int) -> _Found:
        """A user that was not detected, taken to arrive with the others and without carrier offset."""
        preamble, sounding = known_symbol_starts(self.grid, user, origin + self.grid.preamble_start(user))
        seen, starts = observe(data, self.grid, user, preamble, sounding, 0.0, origin)
        return _Found(user, origin, 0.0, seen, starts, 0.0, detected=False)

    def _starts(self, one: _Found, part_start: int, n_symbols: int) -> np.ndarray:
        first = one.origin + part_start + self.config.cp_samples - backoff_samples(self.grid)
        return first + np.arange(n_symbols) * self.grid.symbol_samples

    def _bins(self, data: np.ndarray, one: _Found, starts: np.ndarray) -> np.ndarray | None:
        """complex64 [antennas, symbols, active], or None when the samples end before."""
        if starts.size == 0 or starts[0] < 0 or starts[-1] + self.config.fft_size > data.shape[1]:
            return None
        origin = one.origin + self.grid.preamble_start(one.user)
        return symbol_bins(data, self.grid, starts, one.cfo_hz, origin)

    def _symbol_index(self, one: _Found, part_start: int) -> int:
        """Place of a part on the tracker's axis, which starts with the user's sounding."""
        return (part_start - self.grid.sounding_start(one.user)) // self.grid.symbol_samples

    def _read_header(self, data: np.ndarray, one: _Found, noise_power: float) -> None:
        """Decode the header, then use its symbols as known ones for the tracker."""
        grid, config = self.grid, self.config
        assert one.channel is not None
        start = grid.header_start(one.user)
        bins = self._bins(data, one, self._starts(one, start, config.header_symbols))
        if bins is None:
            return
        matched = np.sum(np.conj(one.channel)[:, None] * bins, axis=0) / noise_power
        one.header = header_code.demodulate(matched.reshape(-1))
        one.read = one.header is not None
        one.header = one.header or one.told
        payload = grid.payload_symbols(one.header.n_symbols) if one.header else 0
        if one.header is None or payload > MAX_PAYLOAD_SYMBOLS:
            return
        one.phasors = Phasors.empty(grid, self._symbol_index(one, grid.payload_start) + payload)
        half = np.arange(config.active_subcarriers) >= config.active_subcarriers // 2
        sounding = self._bins(data, one, self._starts(one, grid.sounding_start(one.user), config.sounding_symbols))
        if sounding is not None:
            expected = one.channel[:, None] * grid.sounding(one.user)
            one.phasors.add(0, sounding, expected, np.tile(half, (config.sounding_symbols, 1)))
        known = header_code.modulate(one.header, matched.size).reshape(config.header_symbols, -1)
        expected = one.channel[:, None] * known
        upper = np.tile(half, (config.header_symbols, 1))
        one.phasors.add(self._symbol_index(one, start), bins, expected, upper)
        error = np.mean(np.abs(bins - expected) ** 2) / max(float(np.mean(np.abs(expected) ** 2)), 1e-30)
        one.evm_db = float(10 * np.log10(max(float(error), 1e-30)))

    def _user(
        self,
        data: np.ndarray,
        start_tick: int,
        origin: int,
        found: list[_Found],
        user: int,
        noise_power: float,
    ) -> ReceivedUser:
        one = next((f for f in found if f.user == user), None)
        if one is None or one.channel is None:
            return ReceivedUser(user, False, "its preamble was not detected")
        fraction = strongest_path_samples(one.channel, self.config) - backoff_samples(self.grid)
        power = max(float(np.mean(np.abs(one.channel) ** 2)), 1e-30)
        measured = ReceivedUser(
            user=user,
            detected=one.detected,
            header=one.header,
            header_read=one.read,
            delay_samples=one.origin - origin + fraction,
            cfo_hz=one.cfo_hz,
            channel=ChannelEstimate(one.channel, one.error_variance, start_tick + int(one.times.mean())),
            power=power,
            snr_db=float(10 * np.log10(power / noise_power)),
            evm_db=one.evm_db,
        )
        if one.header is None or one.phasors is None:
            return replace(measured, reason="the checksum of its header is wrong")
        if one.header.n_symbols == 0:
            return measured
        payload = self._payload(data, one, noise_power)
        if payload is None:
            return replace(measured, reason="the burst is cut off by the end of the samples")
        bins, followed = payload
        features = self._separate(bins, one, found, noise_power)
        return replace(
            measured,
            cfo_hz=one.cfo_hz + followed.frequency_hz,
            clock_ppm=followed.clock_ppm,
            features=features,
        )

    def _payload(self, data: np.ndarray, one: _Found, noise_power: float) -> tuple[np.ndarray, Track] | None:
        """Payload elements complex64 [antennas, symbols, active] with phase and timing undone."""
        grid = self.grid
        assert one.header is not None and one.phasors is not None and one.channel is not None
        n_symbols = grid.payload_symbols(one.header.n_symbols)
        first = self._symbol_index(one, grid.payload_start)
        starts = self._starts(one, grid.payload_start, n_symbols)
        bins = self._bins(data, one, starts)
        if bins is None:
            return None
        followed = self._follow(bins, one, first, noise_power)
        drift = followed.delay_samples[first:]
        moved = np.round(drift).astype(int)
        if np.abs(drift).max() > RETIME_SAMPLES and np.any(moved):
            starts = starts + moved
            retimed = self._bins(data, one, starts)
            if retimed is not None:
                bins, drift = retimed, drift - moved
        phase = followed.phase_rad[first:]
        turns = np.outer(drift / self.config.sample_rate_hz, grid.frequencies_hz)
        correction = np.exp(1j * (2 * np.pi * turns - phase[:, None])).astype(np.complex64)
        return bins * correction, followed

    def _follow(self, bins: np.ndarray, one: _Found, first: int, noise_power: float) -> Track:
        """Add the payload's pilots to the known symbols and track."""
        assert one.phasors is not None and one.channel is not None
        n_symbols = bins.shape[1]
        positions = self.grid.pilot_positions(n_symbols)[one.user]
        seen = np.take_along_axis(bins, np.broadcast_to(positions, (len(bins), *positions.shape)), axis=2)
        expected = one.channel[:, positions] * self.grid.pilot_values(one.user, n_symbols)
        one.phasors.add(first, seen, expected, positions >= self.config.active_subcarriers // 2)
        snr = float(np.mean(np.abs(one.channel) ** 2)) * len(bins) / noise_power
        bound_hz = carrier_bound_hz(one.times / self.config.sample_rate_hz, snr, self.config.active_subcarriers)
        return track(one.phasors, self.grid, noise_power, CARRIER_MARGIN * bound_hz + SMALLEST_CFO_STD_HZ)

    def _separate(self, bins: np.ndarray, one: _Found, found: list[_Found], noise_power: float) -> np.ndarray:
        """Features complex64 [k] of one user; others count only where their payloads last."""
        assert one.header is not None
        k, n_symbols = one.header.n_symbols, bins.shape[1]
        lengths = {f.user: self.grid.payload_symbols(f.header.n_symbols) if f.header else n_symbols for f in found}
        elements = separate(
            bins,
            np.stack([f.channel for f in found if f.channel is not None]),
            [lengths[f.user] for f in found],
            [f.user for f in found].index(one.user),
            noise_power,
        )
        features = self.grid.demap_payload(elements, k)
        return features * self.grid.scramble_signs(k) if self.config.scramble else features


def _without_ghosts(found: list[_Found], basis: np.ndarray) -> list[_Found]:
    """Drop hits that are only the correlation of another user's strong preamble with this user's.

    A user far below the strongest must show the same channel in its preamble and in its sounding, which a ghost,
    whose sounding slot is empty, does not.
    """
    powers = {f.user: float(np.mean(np.abs(f.observations.mean(axis=1) @ basis.conj()) ** 2)) for f in found}
    strongest = max(powers.values(), default=0.0)
    return [f for f in found if powers[f.user] > GHOST_POWER * strongest or _coherence(f, basis) > GHOST_COHERENCE]


def _coherence(one: _Found, basis: np.ndarray) -> float:
    """Squared correlation, 0 to 1, of the channels seen in the first and in the last known symbol(s)."""
    half = one.observations.shape[1] // 2
    first = (one.observations[:, :half].mean(axis=1) @ basis.conj()).reshape(-1)
    last = (one.observations[:, -2:].mean(axis=1) @ basis.conj()).reshape(-1)
    powers = float(np.vdot(first, first).real * np.vdot(last, last).real)
    return float(np.abs(np.vdot(first, last)) ** 2 / powers) if powers > 0 else 0.0
