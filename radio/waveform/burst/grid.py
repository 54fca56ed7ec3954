"""The layout of a burst; every other module reads it here.

A burst consists of these parts in sequence; all users count from the same origin:

  preamble   one slot per user: long prefix, then preamble_repeats identical symbols; the others are silent
  sounding   one slot per user: sounding_symbols symbols; the others are silent
  header     one slot per user: header_symbols symbols; the others are silent
  payload    bits_symbols symbols of protected bits, where there are any, in which every user has subcarriers of
             its own (see `bits`); then as many symbols as the longest user's pictures need, in which users
             superpose; in both, on pilot subcarriers only their owner sends

A burst carries one picture of every user or several (see `header`): their channel uses follow one another without a
gap, and so do their protected bits.

Slots in time stay orthogonal under any carrier offset, which slots in frequency would not.
"""

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from radio.waveform.burst import header as header_code
from radio.waveform.burst.gold import gold_bits, gold_qpsk
from radio.waveform.burst.header import FrameHeader
from radio.waveform.config import WaveformConfig
from radio.waveform.transforms.ofdm import to_time

MAX_USERS = 8
PREAMBLE_SEEDS = 64  # how many Gold seeds compete for the lowest PAPR of a user's preamble symbol
PILOT_SEED = 0x2A5C00
SCRAMBLE_SEED = 0x1F3D5
INTERLEAVER_SEED = 0x5E3
INTERLEAVER_SYMBOLS = 64  # OFDM symbols after which the orders of their elements come again


@dataclass(frozen=True)
class ResourceGrid:
    """Positions, lengths and known sequences that follow from a `WaveformConfig`; equal where the configurations are.

    Transmitter, receiver, ideal receiver, calibration and twin all read a burst's layout here; none derives its own.
    bits_symbols: of protected bits before the picture's symbols, as the header tells; the picture's are the same behind
    any number.
    """

    config: WaveformConfig
    bits_symbols: int = 0

    def carrying(self, bits_symbols: int) -> "ResourceGrid":
        """The grid of bursts with so many symbols of protected bits."""
        return self if bits_symbols == self.bits_symbols else ResourceGrid(self.config, bits_symbols)

    @cached_property
    def bins(self) -> np.ndarray:
        """int [active]: FFT bins of the active subcarriers, lowest frequency first."""
        return _read_only(self._offsets % self.config.fft_size)

    @cached_property
    def frequencies_hz(self) -> np.ndarray:
        """float64 [active]: offsets of the active subcarriers from the carrier."""
        return _read_only(self._offsets * self.config.subcarrier_spacing_hz)

    @cached_property
    def half_band_distance_hz(self) -> float:
        """Between the centres of the band's two halves."""
        half = self.config.active_subcarriers // 2
        return float(self.frequencies_hz[half:].mean() - self.frequencies_hz[:half].mean())

    @cached_property
    def amplitude(self) -> np.float32:
        """Of a unit-power symbol of one user; users together have unit power per channel use."""
        return np.float32(1 / np.sqrt(self.config.users))

    @cached_property
    def training_boost(self) -> np.float32:
        """Amplitude of preamble, sounding and header over that of the payload.

        A user is alone in them and may be louder by what the others leave unused; more than 3 dB would cost peak power.
        """
        return np.float32(np.sqrt(min(self.config.users, 2)))

    @cached_property
    def symbol_samples(self) -> int:
        return self.config.fft_size + self.config.cp_samples

    @cached_property
    def preamble_prefix_samples(self) -> int:
        return 2 * self.config.cp_samples

    @cached_property
    def preamble_slot_samples(self) -> int:
        return self.preamble_prefix_samples + self.config.preamble_repeats * self.config.fft_size

    @cached_property
    def payload_per_symbol(self) -> int:
        """Channel uses in one OFDM symbol of payload."""
        return self.config.active_subcarriers - self.config.users * self.config.pilots_per_user

    @cached_property
    def _offsets(self) -> np.ndarray:
        half = self.config.active_subcarriers // 2
        return np.concatenate([np.arange(-half, 0), np.arange(1, half + 1)])

    # -- where the parts are, in samples from the start of the burst ---------------------------------------

    def preamble_start(self, user: int) -> int:
        """First sample of a user's repeated preamble symbols (after their prefix)."""
        return user * self.preamble_slot_samples + self.preamble_prefix_samples

    def sounding_start(self, user: int) -> int:
        first = self.config.users * self.preamble_slot_samples
        return first + user * self.config.sounding_symbols * self.symbol_samples

    def header_start(self, user: int) -> int:
        first = self.sounding_start(self.config.users)
        return first + user * self.config.header_symbols * self.symbol_samples

    def symbol_steps(self, n_symbols: int) -> np.ndarray:
        """int [n_symbols]: where OFDM symbols begin after the first of them."""
        return _symbol_steps(self.symbol_samples, n_symbols)

    def window_starts(self, part_start: int, n_symbols: int) -> np.ndarray:
        """int [n_symbols]: where the FFT windows of a part's symbols begin, each behind its cyclic prefix."""
        return part_start + self.config.cp_samples + self.symbol_steps(n_symbols)

    def known_symbols(self, with_header: bool) -> int:
        """OFDM symbols of one user that a receiver knows: training, and a header once it is read."""
        config = self.config
        return config.preamble_repeats + config.sounding_symbols + config.header_symbols * with_header

    @property
    def payload_start(self) -> int:
        return self.header_start(self.config.users)

    def picture_symbols(self, k: int) -> int:
        """OFDM symbols that k channel uses need."""
        return -(-k // self.payload_per_symbol)

    def payload_symbols(self, k: int) -> int:
        """OFDM symbols of a payload with k channel uses; none without any."""
        return self.picture_symbols(k) + self.bits_symbols * (k > 0)

    def burst_length(self, k: int) -> int:
        """Samples of a burst with a picture of k channel uses, or with several of so many together."""
        return self.payload_start + self.payload_symbols(k) * self.symbol_samples

    def overhead(self, k: int) -> float:
        """Share of such a burst's samples that preamble, sounding and header take, 0 to 1."""
        return self.payload_start / self.burst_length(k)

    def symbols_with(self, first: int, behind: int) -> slice:
        """The OFDM symbols of the pictures' that carry channel uses from `first` to before `behind`."""
        return slice(first // self.payload_per_symbol, self.picture_symbols(behind))

    # -- known sequences, complex64 on the active subcarriers, unit power ----------------------------------

    def preamble(self, user: int) -> np.ndarray:
        """complex64 [active]: of PREAMBLE_SEEDS Gold sequences the one with the lowest PAPR."""
        return _quiet_sequence(self.config, user)

    def sounding(self, user: int) -> np.ndarray:
        """complex64 [sounding_symbols, active]: another quiet sequence than the preamble's.

        With the same sequence a burst that was attributed to the wrong user would show a consistent channel in both.
        """
        sequence = _quiet_sequence(self.config, MAX_USERS + user)
        return np.broadcast_to(sequence, (self.config.sounding_symbols, sequence.size))

    def training(self, user: int) -> np.ndarray:
        """complex64 [preamble_repeats + sounding_symbols, active]: preamble and sounding as they are sent, boosted."""
        return _training(self.config, user)

    def header(self, header: FrameHeader) -> np.ndarray:
        """complex64 [header_symbols, active]: a header as it is sent, boosted."""
        return _header(self.config, header)

    def scramble_signs(self, k: int) -> np.ndarray:
        """float32 [k] of -1 and 1."""
        return (1 - 2 * gold_bits(SCRAMBLE_SEED, max(k, 1))[:k].astype(np.float32)).astype(np.float32)

    # -- payload ------------------------------------------------------------------------------------------

    def pilot_positions(self, n_symbols: int) -> np.ndarray:
        """int [users, n_symbols, pilots_per_user]: indices into the active subcarriers.

        The pilots of all users form one comb that moves by pilot_shift subcarriers with every symbol, and begins anew
        where the next tooth was.
        """
        return _pilot_positions(self.config, n_symbols, self.bits_symbols)

    def pilot_values(self, user: int, n_symbols: int) -> np.ndarray:
        """complex64 [n_symbols, pilots_per_user] of power `users`.

        A user is silent on the others' pilots; the boost restores the mean power of a payload symbol.
        """
        return _pilot_values(self.config, user, n_symbols, self.bits_symbols)

    def bits_positions(self, user: int) -> np.ndarray:
        """int [bits_symbols, bits_uses_per_symbol]: indices into the active subcarriers, of the user alone."""
        return _bits_positions(self.config, self.bits_symbols)[user]

    def payload_positions(self, k: int) -> np.ndarray:
        """int [k]: flat indices (symbol * active + subcarrier) of a picture's channel uses 0 to k - 1.

        They fill OFDM symbol after OFDM symbol, each in a scattered order of its own. Where a use lies depends on its
        number alone, so that users meet on the same uses whatever lengths their payloads have.
        """
        return _scattered(self.config, self.picture_symbols(k))[:k]

    def payload_places(self, k: int) -> np.ndarray:
        """uint32 [k]: `payload_positions`, for compiled loops, half as large."""
        return _places(self.config, k)

    def map_payload(self, symbols: np.ndarray) -> np.ndarray:
        """complex64 [k] -> complex64 [picture_symbols, active]; unused elements and pilots are 0."""
        n_symbols = self.picture_symbols(symbols.size)
        flat = np.zeros(n_symbols * self.config.active_subcarriers, np.complex64)
        flat[self.payload_positions(symbols.size)] = symbols
        return flat.reshape(n_symbols, -1)

    def payload_elements(self, user: int, symbols: np.ndarray, bits: np.ndarray | None = None) -> np.ndarray:
        """What a user sends, complex64 [payload_symbols, active]: symbols complex64 [k], scrambled if configured, its
        pilots, and before them its protected bits, complex64 [bits_symbols * bits_uses_per_symbol] of unit power."""
        if self.config.scramble:
            symbols = symbols * self.scramble_signs(symbols.size)
        elements = self.map_payload(symbols.astype(np.complex64, copy=False))
        if bits is not None:
            places, loudness = self.bits_positions(user), 1 / self.amplitude  # the others are silent there
            before = np.zeros((self.bits_symbols, elements.shape[1]), np.complex64)
            np.put_along_axis(before, places, loudness * bits.reshape(places.shape), axis=1)
            elements = np.concatenate([before, elements])
        n = len(elements)
        elements[np.arange(n)[:, None], self.pilot_positions(n)[user]] = self.pilot_values(user, n)
        return elements

    def demap_payload(self, elements: np.ndarray, k: int) -> np.ndarray:
        """Inverse of map_payload: complex64 [..., picture_symbols, active] -> complex64 [..., k]."""
        return elements.reshape(*elements.shape[:-2], -1)[..., self.payload_positions(k)]


def _read_only(array: np.ndarray) -> np.ndarray:
    array.setflags(write=False)
    return array


@lru_cache(maxsize=64)
def _symbol_steps(symbol_samples: int, n_symbols: int) -> np.ndarray:
    steps = np.arange(n_symbols) * symbol_samples
    steps.setflags(write=False)
    return steps


@lru_cache(maxsize=16)
def _training(config: WaveformConfig, user: int) -> np.ndarray:
    grid = ResourceGrid(config)
    preamble = np.broadcast_to(grid.preamble(user), (config.preamble_repeats, config.active_subcarriers))
    training = np.asarray(grid.training_boost * np.concatenate([preamble, grid.sounding(user)]), np.complex64)
    training.setflags(write=False)
    return training


@lru_cache(maxsize=8)
def _header(config: WaveformConfig, header: FrameHeader) -> np.ndarray:
    symbols, active = config.header_symbols, config.active_subcarriers
    code = header_code.modulate(header, symbols * active).reshape(symbols, active)
    return _read_only(ResourceGrid(config).training_boost * code)


@lru_cache(maxsize=8)
def _pilot_positions(config: WaveformConfig, n_symbols: int, before: int = 0) -> np.ndarray:
    """before: symbols ahead of the one with the comb's first place."""
    users, pilots = config.users, config.pilots_per_user
    comb = config.active_subcarriers // (users * pilots)
    teeth = (np.arange(pilots)[None, :] * users + np.arange(users)[:, None]) * comb
    moved = np.arange(-before, n_symbols - before) * config.pilot_shift % comb
    positions = teeth[:, None, :] + moved[None, :, None]
    positions.setflags(write=False)
    return positions


@lru_cache(maxsize=32)
def _pilot_values(config: WaveformConfig, user: int, n_symbols: int, before: int = 0) -> np.ndarray:
    """before: symbols ahead of the one with the sequence's first values."""
    pilots = config.pilots_per_user
    values = gold_qpsk(PILOT_SEED + user, n_symbols * pilots).reshape(n_symbols, pilots)
    values = np.roll(values, before, axis=0) * np.float32(np.sqrt(config.users))
    values.setflags(write=False)
    return values


@lru_cache(maxsize=16)
def _bits_positions(config: WaveformConfig, symbols: int) -> np.ndarray:
    """int [users, symbols, uses]: blocks of what the pilots leave, dealt anew in every symbol."""
    users, uses = config.users, config.bits_uses_per_symbol
    positions = np.zeros((users, symbols, uses), int)
    for m, pilots in enumerate(_pilot_positions(config, symbols, symbols).swapaxes(0, 1)):
        free = np.setdiff1d(np.arange(config.active_subcarriers), pilots)
        for user in range(users):
            block = (user + m) % users
            positions[user, m] = free[block * uses : (block + 1) * uses]
    return _read_only(positions)


@lru_cache(maxsize=8)
def _scattered(config: WaveformConfig, n_symbols: int) -> np.ndarray:
    grid = ResourceGrid(config)
    free = np.ones((n_symbols, config.active_subcarriers), bool)
    for positions in _pilot_positions(config, n_symbols):
        free[np.arange(n_symbols)[:, None], positions] = False
    elements = np.flatnonzero(free).reshape(n_symbols, grid.payload_per_symbol)
    drawn = np.random.Generator(np.random.PCG64(INTERLEAVER_SEED)).random((INTERLEAVER_SYMBOLS, elements.shape[1]))
    order = np.argsort(drawn, axis=1)[np.arange(n_symbols) % INTERLEAVER_SYMBOLS]
    return _read_only(np.take_along_axis(elements, order, axis=1).ravel())


@lru_cache(maxsize=8)
def _places(config: WaveformConfig, k: int) -> np.ndarray:
    places = ResourceGrid(config).payload_positions(k).astype(np.uint32)
    places.setflags(write=False)
    return places


@lru_cache(maxsize=64)
def _quiet_sequence(config: WaveformConfig, user: int) -> np.ndarray:
    grid = ResourceGrid(config)
    size = 4 * config.fft_size  # oversampled, to see the peaks between the samples
    offsets = np.where(grid.bins < config.fft_size // 2, grid.bins, grid.bins - config.fft_size)
    best, best_papr = gold_qpsk(1, config.active_subcarriers), np.inf
    for candidate in range(PREAMBLE_SEEDS):
        sequence = gold_qpsk(1 + user * PREAMBLE_SEEDS + candidate, config.active_subcarriers)
        bins = np.zeros((1, size), np.complex64)
        bins[0, offsets % size] = sequence
        power = np.abs(to_time(bins, 0)) ** 2
        papr = power.max() / power.mean()
        if papr < best_papr:
            best, best_papr = sequence, papr
    best.setflags(write=False)
    return best
