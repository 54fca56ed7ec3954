"""One user's burst from its payload symbols."""

from collections.abc import Sequence

import numpy as np

from radio.waveform.burst import bits as bits_code
from radio.waveform.burst.grid import ResourceGrid
from radio.waveform.burst.header import FrameHeader
from radio.waveform.config import WaveformConfig
from radio.waveform.transforms.ofdm import to_time
from radio.waveform.transmission.papr import clip_and_filter, papr_db


class BurstTransmitter:
    """Turns symbols into samples for one user.

    Amplitude convention: with a unitary transform each of the user's channel uses has mean power 1 / users, so that
    thermal noise of variance s2 per sample gives the paper's SNR 1 / s2 when all users arrive with unit gain.
    """

    def __init__(self, config: WaveformConfig, user: int) -> None:
        if not 0 <= user < config.users:
            raise ValueError(f"user {user} is not among the waveform's {config.users} users")
        self.config, self.user = config, user
        self.grid = ResourceGrid(config)

    def modulate(
        self, symbols: np.ndarray, header: FrameHeader, protected: bytes | Sequence[bytes] = b""
    ) -> np.ndarray:
        """complex64 [k] of unit mean power and a header -> complex64 [grid.burst_length(k)].

        k = 0 gives a probe: preamble, sounding and header only. protected: what the header's bits_symbols carry beside
        the picture, or beside each of several. ValueError when the header names another user or k, or has no room for
        what is protected.
        """
        config, grid = self.config, self.grid.carrying(header.all_bits_symbols)
        beside = [protected] * header.pictures if isinstance(protected, bytes) else list(protected)
        if (header.user, header.n_symbols) != (self.user, symbols.size):
            raise ValueError(
                f"the header is of user {header.user} and {header.n_symbols} symbols, "
                f"the burst of user {self.user} and {symbols.size}"
            )
        bits = None
        if header.bits_symbols and symbols.size:
            if len(beside) != header.pictures:
                raise ValueError(f"{len(beside)} protected texts for a burst of {header.pictures} pictures")
            uses = header.bits_symbols * config.bits_uses_per_symbol
            bits = np.concatenate([bits_code.modulate(one, config.bits_bytes, uses) for one in beside])
        elif any(beside):
            raise ValueError(f"the header has no room for {sum(map(len, beside))} protected bytes")
        burst = np.zeros(grid.burst_length(symbols.size), np.complex64)

        def place(start: int, elements: np.ndarray) -> None:
            samples = self._samples(elements)
            burst[start : start + samples.size] = samples

        boost = grid.training_boost
        preamble = self._samples(boost * grid.preamble(self.user)[None])[config.cp_samples :]
        repeated = np.tile(preamble, config.preamble_repeats)
        prefix = grid.preamble_prefix_samples
        start = grid.preamble_start(self.user)
        burst[start - prefix : start + repeated.size] = np.concatenate([np.tile(preamble, 2)[-prefix:], repeated])
        place(grid.sounding_start(self.user), boost * grid.sounding(self.user))
        place(grid.header_start(self.user), grid.header(header))
        if symbols.size:
            place(grid.payload_start, grid.payload_elements(self.user, symbols, bits))
        if config.clip_papr_db is not None:
            burst = clip_and_filter(burst, config.clip_papr_db, config.active_subcarriers / config.fft_size)
        return burst

    def papr_db(self, burst: np.ndarray) -> float:
        """Peak over mean power of the samples that are not silent, dB."""
        return papr_db(burst)

    def _samples(self, elements: np.ndarray) -> np.ndarray:
        bins = np.zeros((len(elements), self.config.fft_size), np.complex64)
        bins[:, self.grid.bins] = elements * self.grid.amplitude
        return to_time(bins, self.config.cp_samples)
