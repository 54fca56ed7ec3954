"""UHD's value types, by its names."""

import math
from enum import Enum

__all__ = ["MetaRange", "RXMetadata", "RXMetadataErrorCode", "SensorValue", "StreamCMD", "StreamMode",
           "TXAsyncMetadata", "TXMetadata", "TXMetadataEventCode", "TimeSpec", "TuneRequest"]  # fmt: skip


class StreamMode(Enum):
    start_cont, stop_cont, num_done, num_more = range(4)


class RXMetadataErrorCode(Enum):
    none, timeout, late, broken_chain, overflow, alignment, bad_packet = range(7)


class TXMetadataEventCode(Enum):
    burst_ack, underflow, seq_error, time_error, underflow_in_packet, seq_error_in_packet, user_payload = range(7)


class TimeSpec:
    """Whole and fractional seconds."""

    def __init__(self, seconds, fraction=0.0):
        self._full = math.floor(seconds)
        self._frac = seconds - self._full + fraction

    @classmethod
    def from_ticks(cls, ticks, rate):
        full = int(ticks // rate)
        return cls(full, (ticks - full * rate) / rate)

    def to_ticks(self, rate):
        return int(self._full * rate) + round(self._frac * rate)

    def get_full_secs(self):
        return self._full

    def get_frac_secs(self):
        return self._frac

    def get_real_secs(self):
        return self._full + self._frac


class TuneRequest:
    def __init__(self, target_freq, lo_offset=0.0):
        self.target_freq, self.lo_offset = target_freq, lo_offset


class StreamCMD:
    def __init__(self, mode):
        self.mode, self.num_samps, self.stream_now, self.time_spec = mode, 0, True, TimeSpec(0.0)


class RXMetadata:
    def __init__(self):
        self.has_time_spec, self.time_spec = False, TimeSpec(0.0)
        self.error_code, self.out_of_sequence = RXMetadataErrorCode.none, False
        self.start_of_burst = self.end_of_burst = self.more_fragments = False


class TXMetadata:
    def __init__(self):
        self.has_time_spec, self.time_spec = False, TimeSpec(0.0)
        self.start_of_burst = self.end_of_burst = False


class TXAsyncMetadata:
    def __init__(self):
        self.channel, self.has_time_spec, self.time_spec = 0, False, TimeSpec(0.0)
        self.event_code = TXMetadataEventCode.burst_ack


class MetaRange:
    def __init__(self, start, stop, step=0.0):
        self._start, self._stop, self._step = start, stop, step

    def start(self):
        return self._start

    def stop(self):
        return self._stop

    def step(self):
        return self._step

    def clip(self, value):
        return min(max(value, self._start), self._stop)


class SensorValue:
    def __init__(self, value):
        self.value = str(value).lower()

    def to_bool(self):
        return self.value == "true"
