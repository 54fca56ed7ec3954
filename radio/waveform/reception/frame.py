"""The receiver's output: per user the channel, the header and the equalised features."""

from dataclasses import dataclass, field

import numpy as np

from radio.waveform.acquisition.tones import Tone
from radio.waveform.burst.header import FrameHeader
from radio.waveform.quality.payload_quality import PayloadQuality


@dataclass(frozen=True)
class ChannelEstimate:
    """One user's channel as a unit-power symbol sees it (transmit amplitude included).

    values: complex64 [antennas, active], lowest frequency first: the response at measured_tick, which is the middle of
    what it was measured from; delays count from the frame's start_tick, the phase includes the carrier offset's
    turning until then. error_variance: expected |error|^2 of a value. beyond_prefix: share of its power in delays that
    the cyclic prefix does not cover, which disturb the symbols that follow.
    """

    values: np.ndarray
    error_variance: float
    measured_tick: int
    beyond_prefix: float = 0.0

    def age_s(self, now_tick: int, sample_rate_hz: float) -> float:
        return (now_tick - self.measured_tick) / sample_rate_hz


@dataclass(frozen=True)
class Alignment:
    """How a user's payload lies in the samples: what the receiver undid before it looked.

    window_ticks: int [m], where each symbol's FFT window starts. cfo_hz: with phase zero at phase_origin_tick.
    delay_samples, phase_rad, gain: float [m], timing, phase and amplitude that were undone then (see `straightening`).
    channel: complex64 [antennas, active], or [antennas, m, active] where it moves, as seen through these windows.
    """

    window_ticks: np.ndarray
    cfo_hz: float
    phase_origin_tick: int
    delay_samples: np.ndarray
    phase_rad: np.ndarray
    channel: np.ndarray
    gain: np.ndarray


@dataclass(frozen=True)
class ReceivedUser:
    """One user of a received frame; `reason` says why something is missing.

    delay_samples: from the frame's start_tick, fractional. cfo_hz: transmitter minus receiver, over the whole burst.
    clock_ppm: how much faster the transmitter's sample clock runs. power: mean |g|^2 per channel use. snr_db: power
    over noise. header_read: the header came from the burst itself and not from a control channel. evm_db: of the
    header's known symbols, once decoded. doppler_hz: largest Doppler shift of its paths, in steps of 1.6, 0 where the
    channel stood. features: complex64 [k], see `equalizer`. alignment: how its payload lies in
    the samples, for `cancellation`. quality: of the picture's symbols, measured on them. protected: what the protected
    bits beside the picture say; None where there were none or they are lost; of a burst with several pictures the first
    one's, protected_behind those of the others.
    """

    user: int
    detected: bool
    reason: str | None = None
    header: FrameHeader | None = None
    header_read: bool = False
    delay_samples: float = 0.0
    cfo_hz: float = 0.0
    clock_ppm: float = 0.0
    channel: ChannelEstimate | None = None
    power: float = 0.0
    snr_db: float = -np.inf
    evm_db: float | None = None
    doppler_hz: float = 0.0
    features: np.ndarray = field(default_factory=lambda: np.zeros(0, np.complex64))
    alignment: Alignment | None = None
    quality: PayloadQuality | None = None
    protected: bytes | None = None
    protected_behind: tuple[bytes | None, ...] = ()


@dataclass(frozen=True)
class ReceivedFrame:
    """start_tick: the origin that delays count from. snr_db: all users' power over noise_power, per channel use.

    tones: what was taken out of the samples before they were searched. noise_covariance: complex128 [active, antennas,
    antennas] in the receiver's subcarriers, mean power noise_power; None where the noise is white.
    """

    start_tick: int
    users: tuple[ReceivedUser, ...]
    noise_power: float
    snr_db: float
    tones: tuple[Tone, ...] = ()
    noise_covariance: np.ndarray | None = None
