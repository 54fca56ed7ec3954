"""The points of a constellation plot: a user's own symbols, spread over all of them by chance."""

import numpy as np

_SEED = 0  # the same symbols give the same plot


def own_symbols(symbols: np.ndarray) -> np.ndarray:
    """Equalised symbols, complex [n] -> those that the user sent, [m].

    Where users share by parts of the payload, the uses of the others are exactly zero; what is not finite was not
    received.
    """
    return symbols[np.isfinite(symbols) & (symbols != 0)]


def some_of(symbols: np.ndarray, most: int) -> np.ndarray:
    """At most `most` of the symbols, complex [n], in their order.

    Drawn by chance: a stride would fall in step with the parts of the users, the pilots or the blocks of a picture.
    """
    if symbols.size <= most:
        return symbols
    return symbols[np.sort(np.random.default_rng(_SEED).permutation(symbols.size)[:most])]


def at_unit_power(symbols: np.ndarray, most: int) -> np.ndarray:
    """What a plot shows of a user's equalised symbols, complex [n]: complex64 [at most `most`], of unit mean power."""
    own = own_symbols(symbols).astype(np.complex128)
    if own.size:
        own /= np.abs(own.view(np.float64)).max()  # no square vanishes or overflows
        own /= np.sqrt(np.mean(np.abs(own) ** 2))
    return some_of(own, most).astype(np.complex64)
