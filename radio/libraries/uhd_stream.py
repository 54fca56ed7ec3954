"""UHD's streams: complex float32 on the host, 16 bits on the wire."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from radio.libraries.uhd import Usrp, answer, check, moment, seconds, ticks

START, STOP = ord("a"), ord("o")
NONE, TIMEOUT, LATE, BROKEN_CHAIN, OVERFLOW, ALIGNMENT, BAD_PACKET = 0, 1, 2, 4, 8, 12, 15  # of what was received
BURST_ACK, UNDERFLOW, SEQUENCE, TIME, UNDERFLOW_IN_PACKET, SEQUENCE_IN_BURST = 1, 2, 4, 8, 16, 32  # of what was sent


@dataclass(frozen=True)
class Received:
    """What came with a block. tick: time of its first sample, None where the device did not stamp it."""

    samples: int
    tick: int | None
    error: int
    out_of_sequence: bool


class Stream:
    """A streamer of the device's direction over `channels`; close it before the device."""

    def __init__(self, usrp: Usrp, channels: Sequence[int], rate_hz: float) -> None:
        self._ffi, self._lib = usrp.ffi, usrp.lib
        self._rate_hz, self._channels, self._direction = rate_hz, len(channels), usrp.direction
        ffi = self._ffi
        kept = [ffi.new("char[]", part) for part in (b"fc32", b"sc16", b"")]
        listed = ffi.new("size_t[]", list(channels))
        arguments = ffi.new("uhd_stream_args_t*", [*kept, listed, len(channels)])
        self._handle = ffi.new(f"uhd_{usrp.direction}_streamer_handle*")
        check(self._of("make")(self._handle))
        check(usrp.function("get_{}_stream")(arguments, self._handle[0]))
        self.packet_samples = max(1, int(answer("size_t", self._of("max_num_samps"), self._handle[0])))
        self._count, self._buffers = ffi.new("size_t*"), ffi.new("void*[]", len(channels))
        self._metadata = ffi.new("uhd_rx_metadata_handle*" if usrp.direction == "rx" else "uhd_async_metadata_handle*")
        make = self._lib.uhd_rx_metadata_make if usrp.direction == "rx" else self._lib.uhd_async_metadata_make
        check(make(self._metadata))

    def close(self) -> None:
        """Free the streamer. Safe to call twice; nobody may be in `receive` or `send`."""
        if self._handle[0] != self._ffi.NULL:
            self._of("free")(self._handle)
            receives = self._direction == "rx"
            free = self._lib.uhd_rx_metadata_free if receives else self._lib.uhd_async_metadata_free
            free(self._metadata)
            self._handle[0] = self._ffi.NULL

    def command(self, mode: int, tick: int | None = None) -> None:
        """START at a tick, or STOP now."""
        now, (full, fraction) = tick is None, seconds(tick or 0, self._rate_hz)
        command = self._ffi.new("uhd_stream_cmd_t*", [mode, 0, now, full, fraction])
        check(self._lib.uhd_rx_streamer_issue_stream_cmd(self._handle[0], command))

    def receive(self, block: np.ndarray, timeout_s: float) -> Received:
        """Fill block, complex64 [channels, n] with contiguous rows, from its start."""
        lib, metadata = self._lib, self._metadata
        self._point_at(block)
        check(
            lib.uhd_rx_streamer_recv(
                self._handle[0], self._buffers, block.shape[1], metadata, timeout_s, False, self._count
            )
        )
        tick = None
        if answer("bool", lib.uhd_rx_metadata_has_time_spec, metadata[0]):
            tick = ticks(*moment(lib.uhd_rx_metadata_time_spec, metadata[0]), self._rate_hz)
        error = int(answer("int", lib.uhd_rx_metadata_error_code, metadata[0]))
        lost = bool(answer("bool", lib.uhd_rx_metadata_out_of_sequence, metadata[0]))
        return Received(int(self._count[0]), tick, error, lost)

    def send(self, block: np.ndarray, timeout_s: float, tick: int | None = None, *, end: bool = False) -> int:
        """Hand over complex64 [channels, n]; how many samples were taken. tick: a burst begins; end: it ends."""
        lib = self._lib
        self._point_at(block)
        full, fraction = seconds(tick or 0, self._rate_hz)
        metadata = self._ffi.new("uhd_tx_metadata_handle*")
        begins = tick is not None
        check(lib.uhd_tx_metadata_make(metadata, begins, full, fraction, begins, end))
        try:
            buffers = self._ffi.cast("void const**", self._buffers)
            check(lib.uhd_tx_streamer_send(self._handle[0], buffers, block.shape[1], metadata, timeout_s, self._count))
            return int(self._count[0])
        finally:
            lib.uhd_tx_metadata_free(metadata)

    def message(self) -> tuple[int, int | None] | None:
        """(event code, tick or None) of the next message about what was sent; None when there is none."""
        lib, metadata = self._lib, self._metadata
        if not answer("bool", lib.uhd_tx_streamer_recv_async_msg, self._handle[0], metadata, 0.0):
            return None
        code = int(answer("int", lib.uhd_async_metadata_event_code, metadata[0]))
        if not answer("bool", lib.uhd_async_metadata_has_time_spec, metadata[0]):
            return code, None
        return code, ticks(*moment(lib.uhd_async_metadata_time_spec, metadata[0]), self._rate_hz)

    def _point_at(self, block: np.ndarray) -> None:
        assert block.dtype == np.complex64 and block.shape[0] == self._channels and block.strides[1] == block.itemsize
        for channel in range(self._channels):
            self._buffers[channel] = self._ffi.cast("void*", block[channel].ctypes.data)

    def _of(self, what: str) -> Any:
        return getattr(self._lib, f"uhd_{self._direction}_streamer_{what}")
