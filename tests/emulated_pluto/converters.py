"""The converters and their kernel buffers: samples between a client and the air."""

import threading
import time
from collections.abc import Callable

import numpy as np

from tests.emulated_pluto.air import Emission, EmulatedAir
from tests.emulated_pluto.attributes import DDS, PHY, AttributeTable

KERNEL_BUFFERS = 4
UNDERFLOW, OVERFLOW = 0x1, 0x4
STATUS_REGISTER = 0x80000088


class Converters:
    """One device's ADC and DAC. clock_ppm: error of its crystal. device: its number on the air."""

    def __init__(self, air: EmulatedAir, device: int, table: AttributeTable, clock_ppm: float, delay: float) -> None:
        self.air, self.device, self.table = air, device, table
        self.clock_ppm, self.delay = clock_ppm, delay
        self.status = {"rx": 0, "tx": 0}
        self.losses = {"rx": 0, "tx": 0}  # times that the client was late, as a machine under load is
        self._position: int | None = None
        self._queue_end = 0.0
        self.clock = 1 + 1e-6 * clock_ppm
        self._cyclic: np.ndarray | None = None

    def _carrier_hz(self, place: int) -> float:
        lo_hz = self.table.number(PHY, f"out:altvoltage{place}", "frequency")
        return lo_hz * (1 + 1e-6 * self.clock_ppm)

    # -- receive --

    def start_receiving(self) -> None:
        self._position = self.air.now()

    def read(self, n: int, ended: Callable[[], bool]) -> bytes:
        """n samples in real time: int16 I, Q of every channel; overwritten ones are lost and flagged."""
        assert self._position is not None
        now = self.air.now()
        if now - self._position > (KERNEL_BUFFERS + 1) * n:
            self.status["rx"] |= OVERFLOW
            self.losses["rx"] += 1
            self._position = now - KERNEL_BUFFERS * n
        while self.air.now() < self._position + n:
            if ended():
                return b""
            time.sleep(0.0005)
        start, self._position = self._position, self._position + n
        gain_db = self.table.number(PHY, "in:voltage0", "hardwaregain")
        manual = self.table.values[(PHY, "in:voltage0", "gain_control_mode")].value == "manual"
        signal = self.air.received(self.device, start, n, self._carrier_hz(0), gain_db if manual else 0.0, self.clock)
        if not manual:  # automatic gain: the peak is brought to half of full scale
            signal = signal * (0.5 / max(1e-9, float(np.abs(signal).max())))
        parts = np.empty((n, 2 * self.table.channels), np.int16)
        for channel in range(self.table.channels):
            parts[:, 2 * channel] = np.clip(np.rint(signal.real * 2048), -2048, 2047)
            parts[:, 2 * channel + 1] = np.clip(np.rint(signal.imag * 2048), -2048, 2047)
        return parts.tobytes()

    # -- transmit --

    def start_transmitting(self) -> None:
        self._queue_end, self._cyclic = 0.0, None

    def write(self, content: bytes, cyclic: bool, ended: Callable[[], bool]) -> None:
        """One buffer: repeated for ever, or queued behind the last one, at most 4 of them."""
        raw = np.frombuffer(content, "<i2").reshape(-1, 2 * self.table.channels)
        parts = np.ascontiguousarray(raw[:, :2] >> 4).astype(np.float32) / np.float32(2048)
        values = parts.view(np.complex64)[:, 0]
        if cyclic:
            self._cyclic = values
            self.refresh()
            return
        now = self.air.now()
        if self._queue_end and self._queue_end < now:
            self.status["tx"] |= UNDERFLOW
            self.losses["tx"] += 1
        begin = max(self._queue_end, now)
        self.air.emit(self.device, self._emission(values, begin, False), replace=False)
        self._queue_end = begin + values.size / self.clock
        while self._queue_end - self.air.now() > KERNEL_BUFFERS * values.size and not ended():
            time.sleep(0.0005)

    def refresh(self) -> None:
        """Put the cyclic buffer on the air with the present gain and carrier."""
        if self._cyclic is not None:
            before = self.air.emissions.get(self.device)
            begin = before[0].begin if before and before[0].samples is self._cyclic else self.air.now()
            self.air.emit(self.device, self._emission(self._cyclic, begin, True), replace=True)

    def stop_transmitting(self) -> None:
        self._cyclic = None
        self.air.silence(self.device)

    def _emission(self, values: np.ndarray, begin: float, cyclic: bool) -> Emission:
        gain_db = self.table.number(PHY, "out:voltage0", "hardwaregain")
        off = self.table.values[(PHY, "out:altvoltage1", "powerdown")].value == "1"
        amplitude = 0.0 if off else 10 ** (gain_db / 20)
        return Emission(values, begin, cyclic, self._carrier_hz(1), amplitude, self.delay, self.clock)


class Registers:
    """`direct_reg_access`: the sticky status of the converters, and anything else as plain memory."""

    def __init__(self, converters: Converters) -> None:
        self._converters = converters
        self._selected: dict[str, int] = {}
        self.memory: dict[tuple[str, int], int] = {(PHY, 0x247): 2, (PHY, 0x287): 2}  # both PLLs are locked
        self._lock = threading.Lock()

    def write(self, device: str, text: str) -> None:
        """'REGISTER' selects, 'REGISTER VALUE' writes; decimal or hexadecimal."""
        register, *value = (int(word, 0) for word in text.split())
        with self._lock:
            self._selected[device] = register
            if not value:
                return
            if register == STATUS_REGISTER:
                self._converters.status["tx" if device == DDS else "rx"] = 0
            else:
                self.memory[(device, register)] = value[0]

    def read(self, device: str) -> str:
        with self._lock:
            register = self._selected.get(device, 0)
            if register == STATUS_REGISTER:
                return f"0x{self._converters.status['tx' if device == DDS else 'rx']:X}"
            return f"0x{self.memory.get((device, register), 0):X}"
