"""Streamers that keep time: receive in real time with timestamps, hold timed commands and bursts."""

import time

import numpy as np

from tests.uhd_double.types_ import RXMetadataErrorCode as Error
from tests.uhd_double.types_ import StreamMode, TimeSpec
from tests.uhd_double.types_ import TXMetadataEventCode as Event

SAMPLES_PER_PACKET = 364


class RXStreamer:
    def __init__(self, usrp, arguments):
        self._usrp, self._lab, self._channels = usrp, usrp.lab, len(arguments.channels)
        self._tick = None
        self._error = None

    def get_max_num_samps(self):
        return SAMPLES_PER_PACKET

    def get_num_channels(self):
        return self._channels

    def _rate(self):
        return self._usrp._get("rx", "rate")

    def issue_stream_cmd(self, command):
        if self._lab.broken:
            raise RuntimeError(self._lab.broken)
        if command.mode == StreamMode.stop_cont:
            self._tick = None
            return
        assert command.mode == StreamMode.start_cont
        assert self._channels == 1 or not command.stream_now, "several channels need a start time"
        now = TimeSpec(self._usrp.device_s()).to_ticks(self._rate())
        self._tick = now if command.stream_now else command.time_spec.to_ticks(self._rate())
        if self._tick < now or self._lab.late_start:
            self._lab.late_start, self._error, self._tick = False, Error.late, None

    def recv(self, block, metadata, timeout=0.1):
        lab = self._lab
        if lab.broken:
            raise RuntimeError(lab.broken)
        metadata.error_code, metadata.out_of_sequence, metadata.has_time_spec = Error.none, False, False
        if self._error is not None:
            metadata.error_code, self._error = self._error, None
            return 0
        if lab.overflow_samples and self._tick is not None:
            self._tick += lab.overflow_samples
            lab.overflow_samples = 0
            metadata.error_code, metadata.out_of_sequence = Error.overflow, lab.out_of_sequence
            return 0
        rate, n = self._rate(), block.shape[1]
        end_s = time.monotonic() + timeout
        while lab.silent or self._tick is None or TimeSpec(self._usrp.device_s()).to_ticks(rate) < self._tick + n:
            if time.monotonic() > end_s:
                metadata.error_code = Error.timeout
                return 0
            time.sleep(0.0005)
        metadata.has_time_spec, metadata.time_spec = True, TimeSpec.from_ticks(self._tick, rate)
        for channel in range(block.shape[0]):
            block[channel, :n] = self._heard(rate, n)
        self._tick += n
        return n

    def _heard(self, rate, n):
        """Everything on the ether, by the time at which it was sent."""
        heard = np.zeros(n, np.complex64)
        for begin_s, samples, _ in self._lab.ether:
            place = round((begin_s + self._usrp._offset_s) * rate) - self._tick
            low, high = max(0, place), min(n, place + samples.size)
            if low < high:
                heard[low:high] += samples[low - place : high - place]
        return heard


class TXStreamer:
    def __init__(self, usrp, arguments):
        self._usrp, self._lab, self._channels = usrp, usrp.lab, len(arguments.channels)
        self._messages, self._parts, self._begin = [], [], None

    def get_max_num_samps(self):
        return SAMPLES_PER_PACKET

    def send(self, data, metadata, timeout=0.1):
        assert data.shape[0] == self._channels and data.dtype == np.complex64
        if self._lab.full:
            return 0
        if metadata.start_of_burst:
            assert metadata.has_time_spec
            self._begin, self._parts = metadata.time_spec, []
        else:
            assert not metadata.has_time_spec, "the time goes on the first chunk only"
        assert data.shape[1] <= SAMPLES_PER_PACKET
        self._parts.append(data[0].copy())
        if metadata.end_of_burst:
            assert data.shape[1] == 0, "end with an empty send"
            self._finish()
        return data.shape[1]

    def _finish(self):
        begin_s = self._begin.get_real_secs()
        if begin_s < self._usrp.device_s() - 0.001:
            self._messages.append((Event.time_error, self._begin))
            return
        samples = np.concatenate(self._parts)
        if self._lab.underflow:
            self._messages.append((Event.underflow, self._begin))
        if self._lab.sequence_error:
            self._messages.append((Event.seq_error, self._begin))
        self._lab.ether.append((begin_s - self._usrp._offset_s, samples, 0.0))
        self._messages.append((Event.burst_ack, self._begin))

    def recv_async_msg(self, metadata, timeout=0.1):
        if not self._messages:
            return False
        metadata.event_code, metadata.time_spec = self._messages.pop(0)
        metadata.has_time_spec = True
        return True
