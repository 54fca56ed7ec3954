"""The transmit guard: nothing leaves a radio outside the bands, gains and levels that its owner allows."""

from collections.abc import Callable

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, field_validator

from radio.device import Capabilities, Radio, RadioSettings
from radio.errors import DeviceError, NobodyLeads, TransmitRefused
from radio.quantity import Decibels, Hertz, Seconds
from radio.safety.sentinel import Sentinel
from radio.safety.watchdog import SilenceWatchdog
from radio.samples import RadioEvent, Samples

ISM_2G4_HZ = (2.4e9, 2.4835e9)  # licence-free almost everywhere at low power; the default for real radios
_PEAK_TOLERANCE = 1e-4  # a burst scaled to peak 1 in float32 must pass


class GuardConfig(BaseModel):
    """What a transmitter may do. Check it against the law where you are and the cabling that you use."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    allowed_bands_hz: tuple[tuple[Hertz, Hertz], ...] | None = Field(
        default=None,
        description="(low, high); null: 2.4-2.4835 GHz on real radios, the air's own carrier on sim.",
    )
    max_tx_gain_db: Decibels = Field(
        default=0.0, description="Largest transmit gain that may be set, in the device's own dB."
    )
    max_silence_s: Seconds = Field(
        default=0.8, gt=0, le=3600, description="A transmitter is off when its coordinator was silent for so long."
    )
    max_peak: float = Field(default=1.0, gt=0, le=1.0, description="Largest magnitude of a sample, full scale 1.")

    @field_validator("allowed_bands_hz")
    @classmethod
    def _ordered(cls, bands: tuple[tuple[float, float], ...] | None) -> tuple[tuple[float, float], ...] | None:
        for low, high in bands or ():
            if not 0 <= low < high:
                raise ValueError(f"a band needs 0 <= low < high, got ({low:g}, {high:g})")
        return bands


class TransmitGuard:
    """Checks by GuardConfig; every refusal is one sentence with the value and what is allowed."""

    def __init__(self, config: GuardConfig | None = None) -> None:
        self.config = config or GuardConfig()

    def with_default_band(self, low_hz: float, high_hz: float) -> "TransmitGuard":
        """This guard, with the band filled in where the configuration leaves it open."""
        if self.config.allowed_bands_hz is not None:
            return self
        return TransmitGuard(self.config.model_copy(update={"allowed_bands_hz": ((low_hz, high_hz),)}))

    def check_settings(self, settings: RadioSettings) -> None:
        """TransmitRefused when the occupied band or the gain is not allowed."""
        bands = self.config.allowed_bands_hz if self.config.allowed_bands_hz is not None else (ISM_2G4_HZ,)
        half = (settings.bandwidth_hz or settings.sample_rate_hz) / 2
        low, high = settings.center_frequency_hz - half, settings.center_frequency_hz + half
        if not any(band_low <= low and high <= band_high for band_low, band_high in bands):
            allowed = ", ".join(f"{a / 1e6:.10g}-{b / 1e6:.10g}" for a, b in bands) or "nothing"
            raise TransmitRefused(
                f"Transmitting on {low / 1e6:.10g}-{high / 1e6:.10g} MHz is not allowed; allowed: {allowed} MHz."
            )
        if settings.tx_gain_db is not None and not settings.tx_gain_db <= self.config.max_tx_gain_db:
            raise TransmitRefused(
                f"A transmit gain of {settings.tx_gain_db:g} dB is not allowed; "
                f"at most {self.config.max_tx_gain_db:g} dB is."
            )

    def check_burst(self, burst: Samples) -> None:
        """TransmitRefused for samples that are too large or not finite."""
        if burst.n_samples == 0:
            return
        peak = float(np.sqrt(np.max(burst.data.real**2 + burst.data.imag**2)))
        if not np.isfinite(peak):
            raise TransmitRefused("A burst with samples that are not finite is not transmitted.")
        if peak > self.config.max_peak * (1 + _PEAK_TOLERANCE):
            raise TransmitRefused(f"A burst's peak is {peak:.4g}; at most {self.config.max_peak:g} is allowed.")


class GuardedRadio:
    """Any radio behind a guard. A transmitter must be configured within the guard before it sends.

    sentinel: the process that switches the device off should this one be killed.
    """

    def __init__(self, radio: Radio, guard: TransmitGuard, role: str, sentinel: Sentinel | None = None) -> None:
        self._radio = radio
        self._guard = guard
        self._transmits = role == "tx"
        self._allowed = self._closed = False
        self._sentinel = sentinel
        self._watchdog: SilenceWatchdog | None = None
        self.uri = radio.uri
        self.hardware: str | None = getattr(radio, "hardware", None)  # kind and serial number, where it tells them
        self.driver: str | None = getattr(radio, "driver", None)  # its library and version
        self.capabilities: Capabilities = radio.capabilities

    def configure(self, settings: RadioSettings) -> RadioSettings:
        """Checked as asked and as applied: a device may round to something that is not allowed."""
        if not self._transmits:
            return self._radio.configure(settings)
        self._allowed = False
        self._refuse_when_closed()
        self._guard.check_settings(settings)
        applied = self._radio.configure(settings)
        self._guard.check_settings(applied)
        self._allowed = True
        return applied

    def transmit(self, burst: Samples) -> None:
        """DeviceError for a receiver; TransmitRefused: unchecked settings, large burst, silent coordinator."""
        if not self._transmits:
            raise DeviceError(f"{self.uri} was opened for receiving; it does not transmit.")
        self._refuse_when_closed()
        if not self._allowed:
            raise TransmitRefused(f"{self.uri} must be configured within the transmit guard before it transmits.")
        self._refuse_when_unled()
        self._guard.check_burst(burst)
        self._radio.transmit(burst)
        # The watchdog may have fired between the check and the device's start: its silence came too early then.
        try:
            self._refuse_when_unled()
        except NobodyLeads:
            self.silence()
            raise

    def _refuse_when_closed(self) -> None:
        if self._closed:
            raise DeviceError(f"{self.uri} is closed.")

    def _refuse_when_unled(self) -> None:
        if self._watchdog is not None and self._watchdog.too_long():
            raise NobodyLeads(
                f"{self.uri} is off: its coordinator has been silent for {self._guard.config.max_silence_s:g} s."
            )

    def silence(self) -> None:
        """Stop what is being transmitted or waits to be; the radio stays configured."""
        stop = getattr(self._radio, "silence", None)  # a burst on the simulated air cannot be called back
        if stop is not None:
            stop()

    def watch(self, last_heard_s: Callable[[], float]) -> None:
        """Fall silent when the coordinator was last heard (monotonic seconds) longer ago than the guard allows."""
        if self._transmits and self._watchdog is None:
            self._watchdog = SilenceWatchdog(last_heard_s, self._guard.config.max_silence_s, self.silence)
            self._watchdog.start()

    def now_tick(self) -> int:
        return self._radio.now_tick()

    def idle_until(self, tick: int) -> None:
        self._radio.idle_until(tick)

    def receive(self, start_tick: int, n_samples: int, timeout_s: float = 10.0) -> Samples:
        return self._radio.receive(start_tick, n_samples, timeout_s)

    def events(self) -> list[RadioEvent]:
        return self._radio.events()

    def close(self) -> None:
        self._closed = True
        if self._watchdog is not None:
            self._watchdog.stop()
        self._radio.close()
        if self._sentinel is not None:
            self._sentinel.dismiss()
