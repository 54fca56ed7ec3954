"""Configuration of the simulated air. Defaults are typical of low-cost, uncalibrated SDRs."""

from itertools import pairwise
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from radio.air.channel_names import known_channel
from radio.quantity import Decibels, Degrees, Hertz, PartsPerMillion, Seconds

Channel = Annotated[str, AfterValidator(known_channel)]

# Single-sideband noise of the fractional-N synthesisers in low-cost transceivers near 2.4 GHz.
DEFAULT_PHASE_NOISE_MASK = ((1e3, -80.0), (1e4, -90.0), (1e5, -100.0), (1e6, -125.0))


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class PathConfig(_Part):
    """One fixed propagation path of a static channel."""

    delay_samples: float = Field(default=0.0, ge=0, description="Beyond the link's delay, in ticks, fractional.")
    gain_db: Decibels = Field(default=0.0, description="Over the link's gain.")
    phase_deg: Degrees = Field(default=0.0, description="At the carrier.")


class LinkConfig(_Part):
    """One user's path to the receiver."""

    gain_db: Decibels = Field(default=0.0, description="Mean power gain of the path in dB; fading has unit mean power.")
    delay_samples: float | None = Field(
        default=None,
        ge=0,
        description="Delay of the first path in ticks, fractional; None draws 1 to 5 from the seed.",
    )
    paths: tuple[PathConfig, ...] = Field(
        default=(), description="Fixed paths in place of the channel's fading, for this user; none: as channel says."
    )

    @property
    def mean_power(self) -> float:
        """Linear mean power gain over the band and over the fading."""
        return float(10 ** (self.gain_db / 10) * (sum(10 ** (path.gain_db / 10) for path in self.paths) or 1.0))


class PhaseNoiseConfig(_Part):
    """Phase noise of every oscillator, with an independent realisation each."""

    mask: tuple[tuple[Hertz, Decibels], ...] = Field(
        default=DEFAULT_PHASE_NOISE_MASK,
        min_length=1,
        description="(offset_hz, dBc/Hz) points; straight lines over log frequency, flat below.",
    )

    @model_validator(mode="after")
    def _rising(self) -> "PhaseNoiseConfig":
        offsets = [offset for offset, _ in self.mask]
        if offsets[0] <= 0 or any(b <= a for a, b in pairwise(offsets)):
            raise ValueError(f"phase noise mask offsets must be positive and rising, got {offsets}")
        return self


class IqImbalanceConfig(_Part):
    """Quadrature error of a mixer."""

    gain_db: Decibels = Field(default=0.0, description="Amplitude of Q over that of I, in dB.")
    phase_deg: Degrees = Field(default=0.0, gt=-45, lt=45, description="Deviation of the Q axis from 90 degrees.")


class PowerAmplifierConfig(_Part):
    """Rapp's solid-state amplifier."""

    saturation_amplitude: float = Field(
        default=1.0, gt=0, description="Output amplitude in hard saturation, full scale 1."
    )
    smoothness: float = Field(default=2.0, gt=0, description="Rapp's p: larger is a sharper knee.")


class InterfererConfig(_Part):
    """An interfering signal."""

    kind: Literal["narrowband", "bursty"] = Field(default="narrowband", description="A tone, or white bursts.")
    power: float = Field(default=0.01, ge=0, description="Linear power at the receiver input while it is on.")
    frequency_hz: Hertz = Field(default=250e3, description="Narrowband: offset of the tone from the centre.")
    slot_samples: int = Field(default=4096, ge=1, description="Bursty: it decides once per so many ticks.")
    activity: float = Field(default=0.1, ge=0, le=1, description="Bursty: probability that a slot is filled.")


class AirConfig(_Part):
    """The simulated channel and analogue front ends, from the transmitters' converters to the receiver's."""

    sample_rate_hz: Hertz = Field(default=4e6, gt=0, description="Rate of every radio on this air.")
    center_frequency_hz: Hertz = Field(default=2.45e9, gt=0, description="Carrier of every radio on this air.")
    seed: int = Field(
        default=1, ge=0, lt=2**63, description="Everything random follows from it and from absolute ticks."
    )
    noise_power: float = Field(
        default=0.01,
        ge=0,
        description="Variance of the thermal noise per complex sample at the receiver input.",
    )
    links: tuple[LinkConfig, ...] = Field(
        default=(), description="Paths of user 0, 1, ...; further users get the default."
    )
    rx_antennas: int = Field(default=1, ge=1, le=4, description="Receive antennas; they fade independently.")

    channel: Channel = Field(default="awgn", description="Kind of fading.")
    random_phase: bool = Field(
        default=True,
        description="A random carrier phase per user and burst, as of free oscillators; false: h = 1.",
    )
    coherence: Literal["block", "doppler"] = Field(
        default="block",
        description="block: constant in a burst and independent between blocks; doppler: Jakes.",
    )
    block_samples: int = Field(
        default=65536, ge=1, description="Ticks per fading block; a burst has the one it starts in."
    )
    doppler_hz: Hertz = Field(default=10.0, ge=0, description="Largest Doppler shift, for coherence doppler.")
    delay_spread_s: Seconds = Field(default=100e-9, ge=0, description="RMS delay spread of the TDL channels.")
    k_factor_db: Decibels = Field(
        default=10.0, description="Rician: fixed over scattered power. TDL-D and E keep their own."
    )

    clock_ppm: PartsPerMillion = Field(
        default=2.0, ge=0, description="Oscillator offsets are drawn uniformly from plus and minus this."
    )
    tx_ppm: tuple[PartsPerMillion, ...] | None = Field(
        default=None, description="Offsets of the transmitters' oscillators; None draws."
    )
    rx_ppm: PartsPerMillion | None = Field(default=None, description="Offset of the receiver's oscillator; None draws.")
    phase_noise: PhaseNoiseConfig | None = Field(default=PhaseNoiseConfig(), description="null is off.")

    dac_bits: int | None = Field(default=12, ge=1, le=24, description="Transmit converter, full scale 1; null is off.")
    adc_bits: int | None = Field(default=12, ge=1, le=24, description="Receive converter; null is off.")
    adc_full_scale: float | None = Field(
        default=None,
        gt=0,
        description="Receiver-input amplitude at which I or Q clips; null lets the AGC set it.",
    )
    agc_headroom_db: Decibels = Field(
        default=18.0,
        description="AGC: full scale over the rms expected of users at -10 dBFS with their mean gains.",
    )
    tx_iq_imbalance: IqImbalanceConfig | None = Field(default=None, description="null is off.")
    rx_iq_imbalance: IqImbalanceConfig | None = Field(default=None, description="null is off.")
    tx_dc_offset: tuple[float, float] = Field(default=(0.0, 0.0), description="(I, Q) added by every transmitter.")
    rx_dc_offset: tuple[float, float] = Field(default=(0.0, 0.0), description="(I, Q) added by the receiver.")
    power_amplifier: PowerAmplifierConfig | None = Field(default=None, description="null is off.")
    interferers: tuple[InterfererConfig, ...] = Field(default=(), description="Interfering signals.")

    pace: float | None = Field(
        default=None, gt=0, description="Air seconds per second of wall time; null: as fast as can be."
    )
    stall_timeout_s: Seconds = Field(
        default=8.0,
        gt=0,
        description="Unpaced: wall time after which a silent transmitter is taken to stay silent.",
    )
    memory_samples: int = Field(
        default=1 << 22,
        ge=1 << 16,
        description="Ticks that stay readable; also the longest burst and the longest receive.",
    )

    @classmethod
    def ideal(cls, **changes: object) -> "AirConfig":
        """A transparent channel (gain 1, no delay, no noise), for tests and bounds, with `changes` applied."""
        off: dict[str, object] = {
            "noise_power": 0.0,
            "links": tuple(LinkConfig(delay_samples=0.0) for _ in range(8)),
            "random_phase": False,
            "clock_ppm": 0.0,
            "phase_noise": None,
            "dac_bits": None,
            "adc_bits": None,
        }
        return cls.model_validate({**off, **changes})
