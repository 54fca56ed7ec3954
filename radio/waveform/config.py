"""Numerology and layout of the burst, on which transmitter and receiver must agree."""

from pydantic import BaseModel, ConfigDict, Field, model_validator

from radio.quantity import Decibels, Hertz, PartsPerMillion

BITS_STEP = 2  # OFDM symbols in which protected bits come; a channel that moves is taken to stand for as long
BITS_TAIL = 12  # zeros behind protected bits, which end their code word
MOST_PICTURES = 256  # of one burst
MOST_BITS_SYMBOLS = 84 * BITS_STEP  # what a header can tell of
SHORT_PREAMBLE, SHORT_SOUNDING = 2, 1  # repeats and symbols where a user's SNR is known to be high
SHORT_HEADER_USES = 400  # channel uses that a header then has: each of its coded bits 2.4 times


class WaveformConfig(BaseModel):
    """Defaults: 256 subcarriers of 15.6 kHz at 4 Msamples/s, 200 of them active, an 8 us cyclic prefix."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    sample_rate_hz: Hertz = Field(4e6, gt=0)
    center_frequency_hz: Hertz = Field(2.45e9, gt=0)
    users: int = Field(2, ge=1, le=8)
    rx_antennas: int = Field(1, ge=1, le=4)
    fft_size: int = Field(256, ge=64, le=4096, description="Power of two.")
    cp_samples: int = Field(32, ge=4, description="Cyclic prefix: longest delay plus difference between users.")
    active_subcarriers: int = Field(200, ge=32, description="Even; half on each side of an empty DC.")
    preamble_repeats: int = Field(8, ge=2, le=16, description="Repeats of a user's preamble symbol.")
    sounding_symbols: int = Field(2, ge=1, le=16, description="Channel-sounding symbols per user.")
    header_symbols: int = Field(6, ge=1, le=32, description="OFDM symbols that carry a user's header.")
    pilots_per_user: int = Field(
        8,
        ge=2,
        le=64,
        description="Pilots of each user in every payload symbol; more follow faster channels.",
    )
    pilot_shift: int = Field(
        1, ge=0, le=64, description="Subcarriers by which the comb of pilots moves from symbol to symbol; 0: it stands."
    )
    oscillator_ppm: PartsPerMillion = Field(
        20.0, ge=0, le=100, description="Largest offset of one oscillator; the search covers two of them."
    )
    false_alarm_probability: float = Field(1e-4, gt=0, lt=0.1, description="Per user and search.")
    bits_bytes: int = Field(
        0, ge=0, le=256, description="Protected bytes that each user's burst can carry beside its picture; 0: none."
    )
    scramble: bool = Field(False, description="Multiply payload symbols by a known sequence of signs.")
    clip_papr_db: Decibels | None = Field(None, ge=3, le=20, description="Clip and filter to this PAPR; null is off.")

    @model_validator(mode="after")
    def _fits(self) -> "WaveformConfig":
        n, active = self.fft_size, self.active_subcarriers
        if n & (n - 1):
            raise ValueError(f"waveform.fft_size is {n} and must be a power of two from 64 to 4096")
        if active % 2 or active > n - 2:
            raise ValueError(f"waveform.active_subcarriers is {active} and must be even and at most {n - 2}")
        if self.cp_samples > n:
            raise ValueError(f"waveform.cp_samples is {self.cp_samples} and must be at most fft_size ({n})")
        if self.users * self.pilots_per_user * 2 > active:
            raise ValueError(
                f"waveform.pilots_per_user is {self.pilots_per_user}: pilots of {self.users} users would take more "
                f"than half of the {active} active subcarriers"
            )
        header_uses = self.header_symbols * active
        if header_uses < 200:
            raise ValueError(f"waveform.header_symbols gives {header_uses} channel uses and 200 are needed")
        if self.bits_uses_needed > self.bits_uses_per_symbol * MOST_BITS_SYMBOLS:
            raise ValueError(
                f"waveform.bits_bytes is {self.bits_bytes}, but each of {self.users} users has room for no more than "
                f"{(self.bits_uses_per_symbol * MOST_BITS_SYMBOLS - 40 - BITS_TAIL) // 8} bytes beside its picture"
            )
        return self

    def shortened(self) -> "WaveformConfig":
        """The waveform of bursts whose users' SNR is known to be high: less preamble, sounding and header.

        A preamble of fewer repeats is found less far down, and a header that is repeated less often is read less far
        down; what is found is measured as well but for the shorter training.
        """
        changes = {
            "preamble_repeats": min(self.preamble_repeats, SHORT_PREAMBLE),
            "sounding_symbols": min(self.sounding_symbols, SHORT_SOUNDING),
            "header_symbols": min(self.header_symbols, -(-SHORT_HEADER_USES // self.active_subcarriers)),
        }
        return self.model_copy(update=changes)

    def __hash__(self) -> int:
        """Of two values that tell most configurations apart: tables are looked up by it dozens of times a frame."""
        return hash((self.fft_size, self.sample_rate_hz))

    @property
    def subcarrier_spacing_hz(self) -> float:
        return self.sample_rate_hz / self.fft_size

    @property
    def bits_uses_per_symbol(self) -> int:
        """Channel uses of one user in an OFDM symbol of protected bits."""
        return (self.active_subcarriers - self.users * self.pilots_per_user) // self.users

    @property
    def bits_uses_needed(self) -> int:
        """Channel uses in which a user's protected bits are sent once (see `burst.bits`); 0 without."""
        return 8 * (self.bits_bytes + 5) + BITS_TAIL if self.bits_bytes else 0

    @property
    def largest_cfo_hz(self) -> float:
        """Transmitter and receiver both wrong by oscillator_ppm, in opposite directions."""
        return 2 * self.oscillator_ppm * 1e-6 * self.center_frequency_hz
