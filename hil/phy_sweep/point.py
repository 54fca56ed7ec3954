"""One point of a sweep: many bursts of all users, each over a new channel realisation, and the receiver's errors."""

from dataclasses import asdict, dataclass

import numpy as np

from hil.phy_sweep.bounds import carrier_variance_bound, channel_error_bound
from hil.phy_sweep.payload import Disturbed, channel_through, payload_bound, payload_error, sent_powers
from radio.air.config import AirConfig, LinkConfig
from radio.air.medium import Medium
from radio.air.truth import LinkTruth
from radio.samples import Samples
from radio.waveform.burst.grid import ResourceGrid
from radio.waveform.burst.header import FrameHeader
from radio.waveform.channel.delay_memory import DelayMemory
from radio.waveform.config import WaveformConfig
from radio.waveform.reception.frame import ReceivedUser
from radio.waveform.reception.receiver import BurstReceiver
from radio.waveform.transmission.transmitter import BurstTransmitter

AMPLITUDE = 0.25  # leaves the converters room for the peaks
N_SYMBOLS = 2048
LONGEST_SILENCE = 1024  # samples before a burst, so that the receiver has to look for it
SLOT_SAMPLES = 16384  # between the bursts of a series
LARGEST_DRIFT_SAMPLES = 8  # of one user against another in a series; a session's timing loop keeps it smaller


@dataclass(frozen=True)
class SweepPoint:
    """snr_db: all users' mean received power over the noise. cfo_ppm: even users are off by plus, odd ones by minus
    this. delay_samples: users arrive spread over this. near_far_db: the last user is weaker by this. phase_noise:
    the air's default mask is on. series: so many bursts come in slots one after the other from the same radios, whose
    clocks drift apart by cfo_ppm; the receiver knows the slots and remembers arrivals. 1: it knows nothing.
    antennas: of the receiver. doppler_hz: largest shift of the paths, which then move within a burst. interferer_db:
    over the noise on each antenna, white, from one direction; None: nobody. linewidth_hz: of the receiver's
    oscillator, a Wiener process. gain_step_db: of the receiver's gain, in the middle of the payload. parted: users send
    on channel uses of their own.
    """

    @property
    def powers(self) -> np.ndarray:
        """float [users, parts], see `sent_powers`."""
        return sent_powers(self.users, self.parted)

    snr_db: float
    channel: str
    users: int = 2
    cfo_ppm: float = 2.0
    delay_samples: float = 8.0
    near_far_db: float = 0.0
    phase_noise: bool = False
    series: int = 1
    antennas: int = 1
    doppler_hz: float = 0.0
    interferer_db: float | None = None
    linewidth_hz: float = 0.0
    gain_step_db: float = 0.0
    parted: bool = False


def run_point(point: SweepPoint, frames: int, seed: int) -> dict[str, float | int | str | bool | None]:
    """A row: the point, and rates and errors over `frames` bursts.

    detection_rate: users found at their place (within half a cyclic prefix) over users sent. false_alarm_rate: empty
    windows of a frame's length in which a user was found, or bursts in which one was found at a wrong place, per
    frame. cfo_bound_hz, csi_bound_db: see `bounds`, averaged as the errors are. evm_db: of headers that were read.
    payload_sinr_db, payload_bound_db: of the payloads that were received, and of LMMSE with true channels and noise
    (see `payload`), effective over them; stated_sinr_db: as the receiver says. None where nothing was detected.
    """
    waveform = WaveformConfig(users=point.users, rx_antennas=point.antennas)
    receiver, totals, memory = BurstReceiver(waveform), _Totals(), DelayMemory(waveform)
    delays = np.zeros(point.users)
    for index, number in enumerate(np.random.SeedSequence(seed).generate_state(frames)):
        rng = np.random.default_rng(int(number))
        slot = index % point.series
        if slot == 0:
            memory, delays = DelayMemory(waveform), _delays(point, rng)
        drift = point.cfo_ppm * 1e-6 * SLOT_SAMPLES * _signs(point)
        lead = abs(drift[0]) * (point.series - 1)
        air = _air(point, int(number), delays + lead - drift * slot)
        received, silence, sent = _frame(point, air, rng, None if point.series == 1 else slot * SLOT_SAMPLES)
        truths = sent.truths
        if point.series == 1:
            frame = receiver.receive(received, powers=point.powers)
        else:
            expected = slot * SLOT_SAMPLES + LONGEST_SILENCE
            frame = receiver.receive(received, expected, memory=memory, powers=point.powers)
        totals.false_alarms += receiver.receive(silence) is not None
        for user, truth in enumerate(truths):
            totals.sent += 1
            if frame is None or not frame.users[user].detected:
                continue
            one = frame.users[user]
            place = frame.start_tick + one.delay_samples - truth.burst_start_tick - truth.tap_delays_samples.min()
            if abs(place) > waveform.cp_samples / 2:
                totals.false_alarms += 1
            else:
                totals.add(one, truth, frame.start_tick, waveform, air)
                totals.add_payload(one, sent, point, receiver.grid)
    return {**asdict(point), "frames": frames, "seed": seed, **totals.row(frames)}


def _signs(point: SweepPoint) -> np.ndarray:
    return (-1.0) ** np.arange(point.users)


def _delays(point: SweepPoint, rng: np.random.Generator) -> np.ndarray:
    return 1 + rng.random() + point.delay_samples * np.arange(point.users) / max(1, point.users - 1)


def _air(point: SweepPoint, seed: int, delays: np.ndarray) -> AirConfig:
    gains = np.ones(point.users)
    gains[-1] = 10 ** (-point.near_far_db / 10)
    gains *= point.users / gains.sum()
    return AirConfig.model_validate(
        {
            "seed": seed,
            "channel": point.channel,
            "noise_power": AMPLITUDE**2 * 10 ** (-point.snr_db / 10),
            "links": [
                LinkConfig(gain_db=10 * np.log10(gain), delay_samples=delay)
                for gain, delay in zip(gains, delays, strict=True)
            ],
            "tx_ppm": tuple(point.cfo_ppm * _signs(point)),
            "rx_ppm": 0.0,
            "rx_antennas": point.antennas,
            **({} if point.phase_noise else {"phase_noise": None}),
            **({"coherence": "doppler", "doppler_hz": point.doppler_hz} if point.doppler_hz > 0 else {}),
        }
    )


@dataclass(frozen=True)
class Sent:
    """What was really sent and added: symbols complex64 [k] of each user, its link's truth, the air's noise covariance
    complex [antennas, antennas] (an interferer's included), channels complex [users, antennas, symbols, active]."""

    symbols: list[np.ndarray]
    truths: list[LinkTruth]
    covariance: np.ndarray
    channels: np.ndarray


def _frame(
    point: SweepPoint, air: AirConfig, rng: np.random.Generator, series_tick: int | None = None
) -> tuple[Samples, Samples, Sent]:
    """A window with all users' bursts in it, one of the same length with noise alone, and the truth.

    series_tick: the window's first tick and the bursts behind LONGEST_SILENCE; None: at 0, and the bursts anywhere.
    """
    medium, waveform = Medium(air), WaveformConfig(users=point.users, rx_antennas=point.antennas)
    grid, first, all_symbols = ResourceGrid(waveform), series_tick or 0, []
    start = int(rng.integers(LONGEST_SILENCE)) if series_tick is None else first + LONGEST_SILENCE
    for user in range(waveform.users):
        symbols = (rng.standard_normal(N_SYMBOLS) + 1j * rng.standard_normal(N_SYMBOLS)) / np.sqrt(2)
        powers = point.powers[user]
        symbols *= np.sqrt(powers[np.arange(N_SYMBOLS) % powers.size])
        all_symbols.append(symbols.astype(np.complex64))
        header = FrameHeader(0, user, "image", 64, 64, N_SYMBOLS, user)
        burst = BurstTransmitter(waveform, user).modulate(all_symbols[user], header)
        medium.add_burst(user, Samples(AMPLITUDE * burst[None], start, air.sample_rate_hz))
    length = LONGEST_SILENCE + burst.size + waveform.fft_size
    truths = sorted(medium.truth(first, length), key=lambda truth: truth.user)
    disturbed = _disturbed(point, air, start - first + (grid.payload_start + burst.size) // 2, rng)
    windows = []
    for tick in (first, first + length):
        seen = medium.render(tick, length)
        windows.append(Samples(disturbed.applied(seen, air.sample_rate_hz, rng), tick, air.sample_rate_hz))
    covariance = air.noise_power * np.eye(point.antennas, dtype=complex)
    if disturbed.direction is not None:
        covariance += np.outer(disturbed.direction, disturbed.direction.conj())
    middles = start + grid.window_starts(grid.payload_start, grid.payload_symbols(N_SYMBOLS)) + waveform.fft_size // 2
    channels = np.stack([channel_through(air, grid, truth, middles, medium.block_samples) for truth in truths])
    return windows[0], windows[1], Sent(all_symbols, truths, covariance, AMPLITUDE * channels)


def _disturbed(point: SweepPoint, air: AirConfig, step_at: int, rng: np.random.Generator) -> Disturbed:
    direction = None
    if point.interferer_db is not None:
        amplitude = np.sqrt(air.noise_power * 10 ** (point.interferer_db / 10))
        direction = amplitude * np.exp(1j * rng.uniform(0, 2 * np.pi) * np.arange(point.antennas))
    step = (step_at, 10 ** (point.gain_step_db / 20)) if point.gain_step_db else None
    return Disturbed(direction, point.linewidth_hz, step)


class _Totals:
    """Sums over a point's detected users."""

    def __init__(self) -> None:
        self.sent = self.found = self.headers = self.false_alarms = 0
        self.cfo = self.cfo_bound = self.delay = 0.0
        self.csi = self.csi_bound = self.channel_power = self.evm = 0.0
        self.payloads = 0
        self.payload = self.payload_bound = self.stated = 0.0

    def add(
        self, one: ReceivedUser, truth: LinkTruth, start_tick: int, waveform: WaveformConfig, air: AirConfig
    ) -> None:
        assert one.channel is not None
        grid = ResourceGrid(waveform)
        frequencies = grid.frequencies_hz
        elapsed = one.channel.measured_tick - truth.burst_start_tick
        response = truth.frequency_response(frequencies, waveform.sample_rate_hz, elapsed)
        # The estimate's delays count from the frame's start and its gain includes the transmitter's amplitude.
        early = (start_tick - truth.burst_start_tick) / waveform.sample_rate_hz
        response = response * np.exp(2j * np.pi * frequencies * early) * (AMPLITUDE * grid.amplitude)
        power = float(np.mean(np.abs(response) ** 2))
        self.found += 1
        self.headers += one.header_read
        self.cfo += (one.cfo_hz - truth.cfo_hz) ** 2
        occupied = waveform.active_subcarriers / waveform.fft_size
        self.cfo_bound += carrier_variance_bound(waveform, power * occupied / truth.noise_power)
        self.csi += float(np.mean(np.abs(one.channel.values - response) ** 2))
        mean_power = AMPLITUDE**2 * 10 ** (air.links[one.user].gain_db / 10) * float(grid.amplitude) ** 2
        symbols = grid.known_symbols(one.header_read)
        snr = mean_power / truth.noise_power
        self.csi_bound += mean_power * channel_error_bound(waveform, air, one.user, snr, symbols)
        self.channel_power += mean_power
        if one.evm_db is not None:
            self.evm += 10 ** (one.evm_db / 10)
        strongest = truth.tap_delays_samples[np.argmax(np.abs(truth.tap_gains).sum(axis=0))]
        self.delay += (start_tick + one.delay_samples - truth.burst_start_tick - strongest) ** 2

    def add_payload(self, one: ReceivedUser, sent: Sent, point: SweepPoint, grid: ResourceGrid) -> None:
        if one.quality is None:
            return
        symbols, powers = sent.symbols[one.user], point.powers
        self.payloads += 1
        self.payload += payload_error(one.features, symbols, float(powers[one.user].max()))
        self.payload_bound += payload_bound(sent.channels, one.user, powers, sent.covariance, grid, point.linewidth_hz)
        self.stated += 1 / (1 + 10 ** (one.quality.separated_sinr_db / 10))

    def row(self, frames: int) -> dict[str, float | int | str | bool | None]:
        found = self.found
        return {
            "detection_rate": found / self.sent,
            "false_alarm_rate": self.false_alarms / frames,
            "header_rate": self.headers / self.sent,
            "cfo_rmse_hz": float(np.sqrt(self.cfo / found)) if found else None,
            "cfo_bound_hz": float(np.sqrt(self.cfo_bound / found)) if found else None,
            "delay_rmse_samples": float(np.sqrt(self.delay / found)) if found else None,
            "csi_nmse_db": float(10 * np.log10(self.csi / self.channel_power)) if found else None,
            "csi_bound_db": float(10 * np.log10(self.csi_bound / self.channel_power)) if found else None,
            "evm_db": float(10 * np.log10(self.evm / self.headers)) if self.headers else None,
            "payload_sinr_db": self._sinr_db(self.payload),
            "stated_sinr_db": self._sinr_db(self.stated),
            "payload_bound_db": self._sinr_db(self.payload_bound),
        }

    def _sinr_db(self, errors: float) -> float | None:
        """Of summed LMMSE errors of unit-power symbols."""
        if not self.payloads:
            return None
        error = min(errors / self.payloads, 1 - 1e-4)
        return float(10 * np.log10(1 / error - 1))
