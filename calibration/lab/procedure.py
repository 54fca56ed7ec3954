"""The calibration of a bench, step by step: receiver, alignment of the users, transmitters; before and after."""

import contextlib
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from calibration.errors import CalibrationError
from calibration.lab.bench import Bench
from calibration.lab.outcome import Outcome, Step
from calibration.loops.alignment import Alignment, TransmitCommand
from calibration.loops.frequency import precorrect
from calibration.measure.noise import noise_floor
from calibration.measure.receive_imbalance import receive_imbalance
from calibration.measure.transmit_imbalance import TransmitImbalance, mean_imbalance, transmit_imbalance
from calibration.measure.users import UserMeasurement, average
from calibration.store.record import Calibration, Device, ReceiveRecord, TransmitRecord, Value
from radio.samples import Samples

SILENCE_SAMPLES = 1 << 20
PROBE_SYMBOLS = 8192
AFTER_FRAMES = 5
PLAN = (
    "noise floor, IQ balance and DC offset of the receiver, from silence",
    "carrier, timing and power of every transmitter, in closed loops",
    "IQ balance and carrier leakage of every transmitter, from known bursts",
    "the same figures once more, with all corrections in place",
)


def calibrate(
    bench: Bench,
    alignment: Alignment,
    receiver: Device,
    transmitters: list[Device],
    frames: int = 20,
    progress: Callable[[str], None] = lambda text: None,
) -> Outcome:
    """Run PLAN. Raises CalibrationError when a user is never heard, DeviceError when a radio fails."""
    progress("receiver: listening to silence")
    silence = bench.silence(SILENCE_SAMPLES)
    found = receive_imbalance(silence)
    now_s = time.time()
    receive = Calibration(
        device=receiver,
        measured_unix_s=now_s,
        receive=ReceiveRecord.of(found),
        noise_floor=Value.of(noise_floor(silence)),
    )
    bench.receive_calibration = receive
    outcome = Outcome(noise_floor(silence), found, receive_imbalance(bench.silence(SILENCE_SAMPLES)))
    _align(bench, alignment, frames, outcome, progress)
    for user, device in enumerate(transmitters):
        progress(f"user {user}: measuring the transmitter")
        command = replace(outcome.commands[user], gain_db=alignment.power[user].highest_gain_db)  # alone: loud
        before = _transmitter(bench, user, command)
        calibration = _of_user(device, now_s, before, outcome, user, alignment)
        if not bench.keeps_delays:
            calibration = calibration.model_copy(update={"delay": None})
        outcome.transmitter_before[user] = before
        bench.transmit_calibrations[user] = calibration
        outcome.transmitter_after[user] = _transmitter(bench, user, command)
        outcome.calibrations.append(calibration)
    outcome.calibrations.insert(0, receive)
    _measure_after(bench, alignment, outcome, progress)
    return outcome


def _align(bench: Bench, alignment: Alignment, frames: int, outcome: Outcome, progress: Callable[[str], None]) -> None:
    for frame in range(frames):
        users = alignment.next_users()
        _frame(bench, alignment, users)
        for user, measured in alignment.measured.items():
            outcome.before.setdefault(user, measured)
        outcome.states = alignment.states()
        outcome.history.append(Step(frame, dict(alignment.measured), dict(outcome.states)))
        locked = sum(state.locked for state in outcome.states.values())
        progress(f"frame {frame + 1} of {frames}: {locked} of {bench.config.users} users locked")
    if silent := sorted(set(range(bench.config.users)) - set(outcome.before)):
        names = ", ".join(str(user) for user in silent)
        raise CalibrationError(
            f"User {names} was not heard in {frames} frames: check its cable or antenna, and that the levels differ by "
            "less than 30 dB."
        )
    outcome.commands = alignment.commands()


def _frame(bench: Bench, alignment: Alignment, users: list[int]) -> None:
    commands = {user: command for user, command in alignment.commands(bench.next_s).items() if user in users}
    samples, expected, _ = bench.send({user: bench.probe(user) for user in users}, commands)
    received = bench.receive_frame(samples, expected)
    measured_s = expected / bench.config.sample_rate_hz
    alignment.take(received, expected, commands, measured_s, max(bench.time_s, measured_s))


def _measure_after(bench: Bench, alignment: Alignment, outcome: Outcome, progress: Callable[[str], None]) -> None:
    for _ in range(bench.settle_frames):
        progress("after: the loops settle")
        _frame(bench, alignment, alignment.next_users())
        if all(state.locked for state in alignment.states().values()) and _undisturbed(bench, alignment):
            break
    seen: dict[int, list[UserMeasurement]] = {user: [] for user in range(bench.config.users)}
    for _ in range(bench.settle_frames + AFTER_FRAMES):
        done = min(len(values) for values in seen.values())
        if done == AFTER_FRAMES:
            break
        progress(f"after: frame {done + 1} of {AFTER_FRAMES}")
        _frame(bench, alignment, list(range(bench.config.users)))
        if _undisturbed(bench, alignment):
            for user, measured in alignment.measured.items():
                seen[user].append(measured)
    outcome.after = {user: average(values) for user, values in seen.items() if values}
    outcome.states, outcome.commands = alignment.states(), alignment.commands()


def _undisturbed(bench: Bench, alignment: Alignment) -> bool:
    """A phase that a break of the stream has just moved is no error of the loop; how often that is, the states say."""
    return bench.keeps_delays or all(loop.tracker.followed for loop in alignment.timing)


def _transmitter(bench: Bench, user: int, command: TransmitCommand) -> TransmitImbalance:
    """Averaged over bursts of one user alone. The burst is compared as the loops mean it, carrier included.

    A burst that was not heard, or not whole, is left out. Raises CalibrationError when none is left.
    """
    found = []
    for seed in range(bench.probe_bursts):
        burst = bench.probe(user, PROBE_SYMBOLS, seed)
        samples, expected, _ = bench.send({user: burst}, {user: command})
        received = bench.receive_frame(samples, expected)
        one = next((u for u in received.users if u.user == user and u.detected), None) if received else None
        if received is None or one is None:
            continue
        arrival = received.start_tick + one.delay_samples
        with contextlib.suppress(CalibrationError):
            found.append(_one_burst(bench, samples, arrival, one.cfo_hz, burst, command))
    return mean_imbalance(found)


def _one_burst(
    bench: Bench, samples: Samples, arrival: float, cfo_hz: float, burst: np.ndarray, command: TransmitCommand
) -> TransmitImbalance:
    """The oscillator's own offset is what is left plus what was pre-corrected: the image mirrors about that."""
    rate = bench.config.sample_rate_hz
    sent = precorrect(burst, command.correction_hz, rate)
    offset_hz = cfo_hz + command.correction_hz
    return transmit_imbalance(samples.data[0], sent, arrival - samples.start_tick, offset_hz, rate)


def _of_user(
    device: Device, now_s: float, imbalance: TransmitImbalance, outcome: Outcome, user: int, alignment: Alignment
) -> Calibration:
    measured, per_hz = outcome.before[user], 1e6 / device.center_frequency_hz
    carrier = alignment.frequency[user]
    return Calibration(
        device=device,
        measured_unix_s=now_s,
        transmit=TransmitRecord.of(imbalance),
        carrier_offset=Value(
            value=carrier.command * per_hz, standard_uncertainty=carrier.tracker.deviation * per_hz, unit="ppm"
        ),
        delay=Value(
            value=alignment.timing[user].command,
            standard_uncertainty=alignment.timing[user].tracker.deviation,
            unit="samples",
        ),
        transmit_gain=Value(
            value=outcome.commands[user].gain_db, standard_uncertainty=alignment.power[user].step_db / 4, unit="dB"
        ),
        path_gain=Value(
            value=alignment.power[user].path_gain_db,
            standard_uncertainty=measured.gain.standard_uncertainty,
            unit="dB",
        ),
    )
