"""The coordinator's side of the closed loops: channel reports in, a command for every transmitter out.

The loops are those of `calibration.loops`; what is switched off keeps measuring, so that its state can be told, but its
commands stay zero.
"""

from collections.abc import Mapping

from calibration.loops.alignment import Alignment, TransmitCommand
from calibration.measure.measurement import Measurement
from calibration.measure.users import UserMeasurement
from hil.bus.messages import CsiReport, Hello, UserCommand, UserCsi
from hil.config import RunConfig

REMEMBERED_SLOTS = 64
GUARD_SHARE = 0.5  # of the silence around a burst: the furthest advance


class SessionControl:
    """One run's loops. transmitters: every user's Hello; users who have not joined start from nothing."""

    def __init__(self, config: RunConfig, transmitters: Mapping[int, Hello], repeats: bool) -> None:
        """repeats: transmitters that repeat their slots turn them themselves (see `rotation`)."""
        self._config = config
        self._timing = config.control.timing and not repeats
        lowest = max((hello.lowest_gain_db for hello in transmitters.values()), default=0.0)
        self._power = config.control.power and lowest < 0
        gains = (max(lowest, -config.control.power_range_db) if self._power else -1.0, 0.0)
        wanted = dict(enumerate(config.control.wanted_power_db)) or None
        self._loops = Alignment(config.waveform, wanted, gains)
        for user, hello in transmitters.items():
            self._loops.frequency[user].command = hello.carrier_start_hz
        self._in_force: dict[int, dict[int, TransmitCommand]] = {}  # slot -> user -> command
        self._furthest = int(GUARD_SHARE * config.radio.guard_samples)

    def commands(self, slot: int, slot_tick: int, probe: bool, lost: set[int]) -> list[UserCommand]:
        """For the slot at slot_tick. In a probe users who have not been found yet may go alone, so that they can be."""
        states, wanted = self._loops.states(), self._loops.commands(slot_tick / self._config.sample_rate_hz)
        speaking = self._loops.next_users() if self._timing and probe else list(range(self._config.users))
        issued = []
        in_force: dict[int, TransmitCommand] = {}
        for user, command in wanted.items():
            applied = self._applied(command)
            silent = user not in speaking
            if not silent and user not in lost:
                in_force[user] = applied
            state = states[user]
            issued.append(
                UserCommand(
                    user=user,
                    correction_hz=applied.correction_hz,
                    advance_ticks=applied.advance_ticks,
                    gain_db=applied.gain_db,
                    silent=silent,
                    frequency=state.frequency.value,
                    timing=state.timing.value,
                    power=state.power.value,
                )
            )
        self._in_force[slot] = in_force
        for old in [number for number in self._in_force if number < slot - REMEMBERED_SLOTS]:
            del self._in_force[old]
        return issued

    def take(self, report: CsiReport) -> None:
        """A slot's report, once; users who spoke in it and were not seen count as missed."""
        in_force = self._in_force.pop(report.slot, None)
        if in_force is None:
            return
        rate_hz = self._config.sample_rate_hz
        measured_s = report.measured_tick / rate_hz
        measured = {csi.user: _measurement(csi) for csi in report.users if csi.user in in_force}
        self._loops.take_measured(measured, in_force, measured_s, max(report.now_tick / rate_hz, measured_s))

    def _applied(self, command: TransmitCommand) -> TransmitCommand:
        """What of it is switched on and allowed."""
        config = self._config
        return TransmitCommand(
            correction_hz=command.correction_hz if config.feedback.carrier else 0.0,
            advance_ticks=max(-self._furthest, min(command.advance_ticks, self._furthest)) if self._timing else 0,
            gain_db=min(command.gain_db, 0.0) if self._power else 0.0,
        )


def _measurement(csi: UserCsi) -> UserMeasurement:
    """Loops take no measurement whose uncertainty is not known, which is told as 0."""
    return UserMeasurement(
        csi.user,
        Measurement(csi.cfo_hz, csi.cfo_std_hz, "Hz"),
        Measurement(csi.arrival_samples, csi.arrival_std_samples, "samples"),
        Measurement(csi.power_db, csi.power_std_db, "dB"),
        Measurement(csi.snr_db, csi.power_std_db, "dB"),
        Measurement(csi.clock_ppm, 0.0, "ppm"),
    )
