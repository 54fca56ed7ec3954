"""The double's device: settings with limits, a clock with PPS, and streamers that share one ether."""

import re
import time
from dataclasses import dataclass, field

import numpy as np

from tests.uhd_double.streamers import RXStreamer, TXStreamer
from tests.uhd_double.types_ import MetaRange, SensorValue, TimeSpec


@dataclass
class Laboratory:
    """What is on the bench. Every device hears every other one: `ether` holds (unix time, samples, rate).

    pps, reference: whether the cables are plugged in. The remaining fields are faults to come.
    """

    addresses: tuple[str, ...] = ("127.0.0.1",)
    channels: int = 2
    pps: bool = True
    reference: bool = True
    locked: bool = True
    overflow_samples: int = 0
    out_of_sequence: bool = False
    late_start: bool = False
    underflow: bool = False
    sequence_error: bool = False
    full: bool = False
    silent: bool = False
    broken: str = ""
    ether: list[tuple[float, np.ndarray, float]] = field(default_factory=list)
    calls: list[tuple] = field(default_factory=list)

    def find(self, arguments):
        return []

    def wall(self):
        """One clock for the whole bench, in seconds."""
        return time.time()


class StreamArgs:
    def __init__(self, cpu_format, otw_format):
        self.cpu_format, self.otw_format, self.channels, self.args = cpu_format, otw_format, [0], ""


_LIMITS = {"rate": (0.2e6, 200e6), "freq": (10e6, 6e9), "gain": (0.0, 31.5)}


class MultiUSRP:
    """get_/set_ with _rx_ or _tx_ are answered from a table; setting outside the limits is clipped, as UHD does."""

    def __init__(self, lab, arguments):
        if not any(address in arguments for address in lab.addresses):
            raise RuntimeError(
                f"LookupError: KeyError: No devices found for ----->\nDevice Address:\n    {arguments}\n"
            )
        self.lab = lab
        self.settings = {}
        self.clock_source = self.time_source = "internal"
        self._offset_s = -lab.wall()  # device time minus wall time

    def __getattr__(self, name):
        match = re.fullmatch(r"(get|set)_(rx|tx)_(\w+)", name)
        if match is None:
            raise AttributeError(name)
        verb, side, what = match.groups()
        return (lambda *a: self._get(side, what, *a)) if verb == "get" else (lambda *a: self._set(side, what, *a))

    def _set(self, side, what, value, channel=0):
        self.lab.calls.append((f"set_{side}_{what}", value, channel))
        if what == "freq":
            self.lab.calls.append(("lo_offset", value.lo_offset, channel))
            value = value.target_freq
        if what in _LIMITS:
            value = min(max(value, _LIMITS[what][0]), _LIMITS[what][1])
        if what == "gain":
            value = round(value * 2) / 2
        self.settings[(side, what, channel)] = value

    def _get(self, side, what, *arguments):
        if what == "num_channels":
            return self.lab.channels
        if what in ("rates", "freq_range", "gain_range"):
            return MetaRange(*_LIMITS[{"rates": "rate", "freq_range": "freq", "gain_range": "gain"}[what]])
        if what == "sensor_names":
            return ["lo_locked"]
        if what == "sensor":
            return SensorValue(self.lab.locked)
        default = {"rate": 1e6, "freq": 1e9, "gain": 0.0, "bandwidth": 40e6, "antenna": "TX/RX"}[what]
        return self.settings.get((side, what, arguments[0] if arguments else 0), default)

    # -- time --

    def set_clock_source(self, source):
        self.clock_source = source

    def set_time_source(self, source):
        self.time_source = source

    def get_mboard_sensor_names(self):
        return ["ref_locked"]

    def get_mboard_sensor(self, name):
        return SensorValue(self.lab.reference)

    def device_s(self, wall_s=None):
        return (self.lab.wall() if wall_s is None else wall_s) + self._offset_s

    def get_time_now(self):
        return TimeSpec(self.device_s())

    def set_time_now(self, spec):
        self._offset_s = spec.get_real_secs() - self.lab.wall()

    def get_time_last_pps(self):
        if not self.lab.pps:
            return TimeSpec(0.0)
        self._arm()
        return TimeSpec(float(int(self.lab.wall())) + self._offset_s)

    def set_time_next_pps(self, spec):
        self._armed = (int(self.lab.wall()) + 1, spec.get_real_secs())

    def _arm(self):
        pulse, seconds = getattr(self, "_armed", (None, 0.0))
        if pulse is not None and self.lab.wall() >= pulse:
            self._offset_s, self._armed = seconds - pulse, (None, 0.0)

    # -- streams --

    def get_rx_stream(self, arguments):
        return RXStreamer(self, arguments)

    def get_tx_stream(self, arguments):
        return TXStreamer(self, arguments)
