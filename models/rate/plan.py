"""How the symbols of one picture are shared out among its blocks: decided at the transmitter, read by the receiver.

A picture whose parts differ, a face before a sky, is better with more symbols where there is detail (cf. NTSCC, Dai et
al., IEEE JSAC 40(8), 2022). The transmitter foresees every block's error at every level, allocates, and takes the mode
whose picture promises the least error, with the symbols that its map costs counted. numpy only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.errors import ModelError
from models.rate import map_bits
from models.rate.allocation import allocate
from models.rate.levels import BLOCK, block_positions, spread
from models.rate.packing import packed, unpacked
from models.rate.prefix import (
    CHECK_BITS,
    COARSE,
    EVEN,
    FINE,
    MOST_SEGMENTS,
    SEGMENT_USES,
    MapLost,
    Mode,
    prefix_symbols,
    read_bits,
    read_mode,
)

LEAST_POSITIONS = 256  # of a latent; smaller pictures have no word before them, and are even
TRIES = 4


@dataclass(frozen=True)
class Plan:
    """counts: int [positions], complex symbols of each. prefix: what is sent before them, complex64. With the same
    number everywhere the last symbols are left out for the word. error: mean squared error that is
    foreseen, nan where nothing was foreseen.
    """

    counts: NDArray[np.int64]
    prefix: NDArray[np.complex64]
    error: float = float("nan")

    @property
    def even(self) -> bool:
        """Whether all positions have as many."""
        return bool((self.counts == self.counts[0]).all())

    def symbols(self, latent: NDArray[np.complex64], total: int) -> NDArray[np.complex64]:
        """latent complex64 [C, positions] -> complex64 [total]: the prefix, then what every position sends, of unit
        mean power; the last are left out, or zeros follow, where it is more or less. ModelError where the power is
        none.
        """
        own = packed(latent, self.counts)
        power = float(np.mean(np.square(np.abs(own), dtype=np.float64)))
        if not np.isfinite(power) or power <= 0:
            raise ModelError(f"the encoder gave symbols of mean power {power}, which cannot be scaled to 1.")
        own = own[: total - self.prefix.size] / np.float32(np.sqrt(power))
        filled = np.zeros(total, np.complex64)
        filled[: self.prefix.size + own.size] = np.concatenate((self.prefix, own))
        return filled

    def latent(self, symbols: NDArray[np.complex64], channels: int) -> NDArray[np.complex64]:
        """Received symbols that follow the prefix -> complex64 [channels, positions], of unit mean power over those
        that were sent, zero elsewhere.
        """
        own = unpacked(symbols, self.counts, channels)
        sent = max(1, min(symbols.size, int(self.counts.sum())))
        power = float(np.sum(np.square(np.abs(own), dtype=np.float64))) / sent
        return np.asarray(own / np.sqrt(max(power, 1e-30)), np.complex64)


def has_prefix(rows: int, columns: int) -> bool:
    """Whether a picture of such a latent begins with a word."""
    return rows * columns >= LEAST_POSITIONS


def may_be_uneven(rows: int, columns: int, sinr_db: float) -> bool:
    """Whether a map would arrive at this SINR, of a picture that is large enough for one."""
    return has_prefix(rows, columns) and sinr_db >= COARSE.least_sinr_db


def even_plan(rows: int, columns: int, channels: int) -> Plan:
    """Every position has ``channels`` symbols."""
    prefix = prefix_symbols(EVEN, np.zeros(0, np.uint8)) if has_prefix(rows, columns) else np.zeros(0, np.complex64)
    return Plan(np.full(rows * columns, channels, np.int64), prefix)


def best_plan(
    errors: NDArray[np.floating], levels: tuple[int, ...], rows: int, columns: int, channels: int, sinr_db: float
) -> Plan:
    """The plan that promises the least error out of ``channels`` symbols a position on average.

    errors: float [levels, blocks high, blocks wide], mean squared errors foreseen; sinr_db: at which its map
    must arrive.
    """
    positions = block_positions(rows, columns)
    at_even = [np.interp(channels, levels, column) for column in errors.reshape(len(levels), -1).T]
    even = even_plan(rows, columns, channels)
    plans = [Plan(even.counts, even.prefix, float(np.average(at_even, weights=positions.ravel())))]
    for mode in (COARSE, FINE):
        if sinr_db >= mode.least_sinr_db and has_prefix(rows, columns):
            found = _planned(mode, errors, levels, (rows, columns), channels)
            plans += [found] if found else []
    return min(plans, key=lambda plan: plan.error)


def _planned(
    mode: Mode, errors: NDArray[np.floating], levels: tuple[int, ...], shape: tuple[int, int], channels: int
) -> Plan | None:
    """A mode's plan; None where its map leaves too little, or is too long. A longer map leaves less to allocate, and
    gets another map.
    """
    rows, columns = shape
    weights = block_positions(rows, columns)
    coarse, sizes = _pooled(errors, weights, mode.blocks)
    total, uses = rows * columns * channels, mode.uses(0)
    for _ in range(TRIES):
        if total - uses < levels[0] * rows * columns:
            return None
        taken = allocate(coarse, levels, sizes, total - uses, mode.uses_a_bit)
        bits = map_bits.to_bits(taken)
        if mode.segments(bits.size) > MOST_SEGMENTS:
            return None
        if mode.uses(bits.size) <= uses:
            chosen = np.take_along_axis(coarse, taken[None], 0)[0]
            return Plan(
                _counts(taken, mode, levels, rows, columns),
                prefix_symbols(mode, _filled(bits, mode, uses)),
                float(np.average(chosen, weights=sizes)),
            )
        uses = mode.uses(bits.size)
    return None


def _filled(bits: NDArray[np.uint8], mode: Mode, uses: int) -> NDArray[np.uint8]:
    """Zeros after a map that has become shorter than what was left for it, to as many uses."""
    missing = (uses - mode.uses(bits.size)) // SEGMENT_USES
    return np.concatenate((bits, np.zeros(missing * (mode.bits - CHECK_BITS), np.uint8)))


def _pooled(
    errors: NDArray[np.floating], weights: NDArray[np.int64], blocks: int
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Errors and positions of squares of blocks x blocks."""
    rows, columns = (np.arange(0, size, blocks) for size in weights.shape)

    def summed(table: NDArray[np.generic]) -> NDArray[np.generic]:
        return np.asarray(np.add.reduceat(np.add.reduceat(table, rows, axis=-2), columns, axis=-1))

    sizes = np.asarray(summed(weights), np.int64)
    return np.asarray(summed(errors * weights), np.float64) / sizes, sizes


def _counts(
    taken: NDArray[np.int64], mode: Mode, levels: tuple[int, ...], rows: int, columns: int
) -> NDArray[np.int64]:
    """Levels of a mode's blocks -> symbols of every position, int [rows * columns]."""
    finer = np.array(levels)[taken].repeat(mode.blocks, axis=0).repeat(mode.blocks, axis=1)
    high, wide = (-(-size // BLOCK) for size in (rows, columns))
    return spread(finer[:high, :wide], rows, columns).ravel()


def read_plan(
    symbols: NDArray[np.complex64], levels: tuple[int, ...], rows: int, columns: int, channels: int
) -> tuple[Plan, NDArray[np.complex64]]:
    """What the received symbols complex64 [k] of one picture begin with, and those that follow. MapLost where it cannot
    be read. ``Plan.prefix`` is what was sent, without the noise.
    """
    if not has_prefix(rows, columns):
        return even_plan(rows, columns, channels), symbols
    mode = read_mode(symbols)
    if not mode.blocks:
        uses = EVEN.uses(0)
        return even_plan(rows, columns, channels), symbols[uses:]
    bits, uses = read_bits(mode, symbols)
    high, wide = (-(-size // (BLOCK * mode.blocks)) for size in (rows, columns))
    try:
        taken = map_bits.from_bits(bits, high, wide, len(levels))
    except ModelError as error:
        raise MapLost(str(error).rstrip(".")) from None
    counts = _counts(taken, mode, levels, rows, columns)
    if counts.sum() > symbols.size - uses:
        raise MapLost("the rate map gives more symbols than there are")
    return Plan(counts, prefix_symbols(mode, bits)), symbols[uses:]
