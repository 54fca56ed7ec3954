"""Samples per second of transmitter, receiver and air: two superposed users, one antenna."""

import itertools
from collections.abc import Callable

import numpy as np

from hil.bench.reference import reference_receiver
from hil.bench.timing import interleaved_minimum_seconds
from radio.air.config import AirConfig, LinkConfig, PathConfig
from radio.air.medium import Medium
from radio.memory import keep_freed_memory
from radio.samples import Samples
from radio.waveform.burst.header import FrameHeader
from radio.waveform.config import WaveformConfig
from radio.waveform.reception.receiver import BurstReceiver
from radio.waveform.reception.stream_receiver import StreamReceiver
from radio.waveform.transmission.transmitter import BurstTransmitter

FRAMES = 5  # different ones, by turns, so that nothing is remembered from the last
N_SYMBOLS = 32768  # a 256x256 picture at bandwidth ratio 1/6
WARM_UP = 10  # bursts until a receiver has reached its speed
GUARD_SAMPLES = 512
AMPLITUDE = 0.25
SEARCHED_SAMPLES = 1 << 18
TONE_CYCLES = 12345.0
FOUR_TAPS = tuple(  # between the sampling instants, so that none of them is a mere shift
    PathConfig(delay_samples=delay, gain_db=gain_db, phase_deg=phase_deg)
    for delay, gain_db, phase_deg in ((0.0, 0.0, 0.0), (0.7, -3.0, 80.0), (1.6, -6.0, 200.0), (2.9, -9.0, 300.0))
)


def bench_phy(runs: int = 7) -> dict[str, float | None]:
    """Millions of samples per second of CPU time, in the fastest of `runs` calls; start it with OMP_NUM_THREADS=1.

    air_four_taps_msps: a channel of four taps, noise and 12 bit, clocks that run apart; air_msps: the same with TDL-A
    (23 taps); air_phase_noise_msps: TDL-A with phase noise as well, as the receiver meets it. search_msps: the stream
    receiver on noise; search_dc_msps, search_tone_msps: with DC or a tone as loud as the noise. reference_msps is
    liquid-dsp's receiver for one user, or None where it is not installed. It and receiver_msps are of the least CPU
    time in calls by turns, so that load of others does not decide their ratio.
    """
    keep_freed_memory()  # as the nodes do
    rng = np.random.default_rng(1)
    config = WaveformConfig()
    transmitters = [BurstTransmitter(config, user) for user in range(config.users)]
    frames = [_bursts(transmitters, frame, rng) for frame in range(FRAMES)]
    length = frames[0][0].size
    air = AirConfig(seed=1, channel="tdl-a", noise_power=AMPLITUDE**2 * 0.1)
    window = length + 2 * GUARD_SAMPLES

    def renderer(air: AirConfig) -> Callable[[], Samples]:
        """The next slot of one and the same air with every call, as a run has it."""
        medium, slot = Medium(air), itertools.count()

        def render() -> Samples:
            number = next(slot)
            start = number * window
            for user, burst in enumerate(frames[number % FRAMES]):
                medium.add_burst(user, Samples(burst[np.newaxis], start + GUARD_SAMPLES, config.sample_rate_hz))
            received = Samples(medium.render(start, window), start, config.sample_rate_hz)
            medium.forget_before(start + window)
            return received

        return render

    render = renderer(air)
    slots = iter([render() for _ in range(WARM_UP + 1 + runs)])  # every one new to the receiver
    receiver = BurstReceiver(config)

    def receive() -> None:
        received = next(slots)
        frame = receiver.receive(received, received.start_tick + GUARD_SAMPLES)
        if frame is None or not all(user.header_read for user in frame.users):
            raise RuntimeError("a burst of the benchmark was not received")

    for _ in range(WARM_UP):
        receive()
    symbols = np.ones(N_SYMBOLS, np.complex64)
    (transmit_s,) = interleaved_minimum_seconds(
        [lambda: transmitters[0].modulate(symbols, FrameHeader(0, 0, "image", 256, 256, N_SYMBOLS, 0))], runs
    )
    reference = reference_receiver(window)
    if reference is None:
        (receive_s,), reference_msps = interleaved_minimum_seconds([receive], runs), None
    else:
        receive_s, reference_s = interleaved_minimum_seconds([receive, reference[0]], runs)
        reference_msps = reference[1] / reference_s / 1e6
    four_taps = {"phase_noise": None, "channel": "awgn", "links": (LinkConfig(paths=FOUR_TAPS),) * config.users}
    smooth = renderer(air.model_copy(update={"phase_noise": None}))
    short = renderer(air.model_copy(update=four_taps))
    air_s, air_four_taps_s, air_phase_noise_s = interleaved_minimum_seconds([smooth, short, render], runs)
    return {
        "transmitter_msps": length / transmit_s / 1e6,
        "receiver_msps": window / receive_s / 1e6,
        "air_four_taps_msps": window / air_four_taps_s / 1e6,
        "air_msps": window / air_s / 1e6,
        "air_phase_noise_msps": window / air_phase_noise_s / 1e6,
        "search_msps": _search_msps(config, runs),
        "search_dc_msps": _search_msps(config, runs, 0.0),
        "search_tone_msps": _search_msps(config, runs, TONE_CYCLES),
        "reference_msps": reference_msps,
    }


def _bursts(transmitters: list[BurstTransmitter], frame: int, rng: np.random.Generator) -> list[np.ndarray]:
    """Every user's burst of a frame, complex64 [n]: another header and other symbols each time."""
    made = []
    for user, transmitter in enumerate(transmitters):
        symbols = (rng.standard_normal(N_SYMBOLS) + 1j * rng.standard_normal(N_SYMBOLS)) / np.sqrt(2)
        header = FrameHeader(frame, user, "image", 256, 256, N_SYMBOLS, user)
        made.append(transmitter.modulate(symbols.astype(np.complex64), header) * np.float32(AMPLITUDE))
    return made


def _search_msps(config: WaveformConfig, runs: int, tone_cycles: float | None = None) -> float:
    """In noise, and with a tone as loud as it; tone_cycles: whole ones in SEARCHED_SAMPLES."""
    rng = np.random.default_rng(2)
    noise = rng.standard_normal((1, 2 * SEARCHED_SAMPLES)).astype(np.float32).view(np.complex64)
    if tone_cycles is not None:
        turns = tone_cycles / SEARCHED_SAMPLES * np.arange(SEARCHED_SAMPLES)
        noise = noise + np.exp(2j * np.pi * turns).astype(np.complex64)
    receiver, chunk = StreamReceiver(config), itertools.count()

    def search() -> None:
        receiver.push(Samples(noise, next(chunk) * SEARCHED_SAMPLES, config.sample_rate_hz))

    (search_s,) = interleaved_minimum_seconds([search], runs)
    return SEARCHED_SAMPLES / search_s / 1e6
