"""One user's payload out of the sum, where the payloads may end at different symbols."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from radio import acceleration
from radio.waveform.burst.grid import ResourceGrid
from radio.waveform.separation.equalizer import lmmse_weights_of
from radio.waveform.tracking.straightening import straightened_uses


@dataclass(frozen=True)
class View:
    """How one user's payload is taken out: weights complex64 [parts, antennas, active], each for the next lengths int
    [parts] of its symbols. sinr: float32 [parts, active], linear, that they leave of a unit-power symbol which meets
    one of every other user.
    """

    weights: np.ndarray
    lengths: np.ndarray
    sinr: np.ndarray


def view_of(
    channels: np.ndarray,
    lengths: Sequence[int],
    user: int,
    disturbed: np.ndarray,
    leaked: float = 0.0,
    least: float = 0.0,
) -> View:
    """LMMSE weights of one user against the others and a disturbance float [symbols] per antenna.

    channels: complex64 [users, antennas, active]; lengths: OFDM symbols of each user's payload, after which it counts
    as absent; user: index into channels. leaked: the part of the disturbance, down to `least`, that is the others'
    payloads beside their subcarriers: where they send on every element, it is no power besides theirs.
    """
    symbols = disturbed.size
    noise_power = unexplained(disturbed, leaked, least)
    changes = 1 + np.flatnonzero(noise_power[1:] != noise_power[:-1])
    edges = np.array(sorted({0, symbols, *changes.tolist(), *(min(length, symbols) for length in lengths)}))
    present = np.array(lengths)[None, :] > edges[:-1, None]
    levels = noise_power[edges[:-1]].astype(np.float32)
    weigh = _weights_compiled if acceleration.NUMBA and channels.shape[1] == 1 else _weights
    weights = weigh(channels, present.astype(np.float32), user, levels)
    taken = np.einsum("paf,af->pf", weights.conj(), channels[user]).real
    return View(weights, np.diff(edges), sinr_left(taken))


def unexplained(disturbed: np.ndarray, leaked: float, least: float) -> np.ndarray:
    """Noise power float [symbols] per antenna: the disturbance less what leaked, as far down as ``least``."""
    return np.asarray(np.maximum(disturbed - leaked, np.minimum(disturbed, least)))


def sinr_left(taken: np.ndarray) -> np.ndarray:
    """Linear SINR, float [parts, active], of unit-power symbols of which weights take w^H g, float [parts, active]:
    LMMSE weights leave the mean square error 1 - w^H g, which is 1 / (1 + SINR).
    """
    return np.asarray(taken / np.maximum(1 - taken, np.float32(1e-6)))


@dataclass(frozen=True)
class KindOfUse:
    """Channel uses that every user sends with one power. view: for them; amplitudes: float32 [users]; chosen: bool [k],
    which of the user's they are, None: all of them; share: of those that the user sends at all.
    """

    view: View
    amplitudes: np.ndarray
    chosen: np.ndarray | None
    share: float


def views_by_power(
    view: Callable[[np.ndarray, float], View], user: int, powers: np.ndarray, k: int, leaked: float = 0.0
) -> list[KindOfUse]:
    """A view for each kind of channel use that the user sends; a silent user costs the others no antenna there.

    view(amplitudes float32 [users], leaked): `view_of` channels that are louder by so much. powers: float [users,
    parts], of channel uses 0, 1, ... parts - 1 and so on in turn, mean 1 over a user's parts.
    """
    if powers.shape[1] == 1:  # no other kinds to be told apart
        amplitudes = np.sqrt(powers[:, 0]).astype(np.float32)
        return [KindOfUse(view(amplitudes, leaked if len(powers) > 1 else 0.0), amplitudes, None, 1.0)]
    columns, which = np.unique(powers, axis=1, return_inverse=True)
    kinds = which.reshape(-1)
    kind_of_use = kinds[np.arange(k) % powers.shape[1]]
    sent = np.flatnonzero(columns[user])
    counts = np.array([np.count_nonzero(kinds == number) for number in sent])
    found = []
    for number, count in zip(sent, counts, strict=True):
        amplitudes = np.sqrt(columns[:, number]).astype(np.float32)
        met = np.delete(columns[:, number], user).any()  # where nobody else sends, what leaks is explained by nobody
        seen = view(amplitudes, leaked if met else 0.0)
        found.append(KindOfUse(seen, amplitudes, kind_of_use == number, float(count / counts.sum())))
    return found


def features_by_power(
    received: np.ndarray,
    kinds: Sequence[KindOfUse],
    user: int,
    grid: ResourceGrid,
    delay_samples: np.ndarray,
    phase_rad: np.ndarray,
    k: int,
) -> np.ndarray:
    """The user's k channel uses complex64 [k], 0 where it is silent; see `straightened_uses`."""
    features = np.zeros(k, np.complex64)
    for kind in kinds:
        view = kind.view
        uses = straightened_uses(received, view.weights, delay_samples, phase_rad, grid, view.lengths, k)
        if kind.chosen is None:
            return uses if kind.amplitudes[user] == 1 else kind.amplitudes[user] * uses
        features[kind.chosen] = kind.amplitudes[user] * uses[kind.chosen]
    return features


def separate(
    received: np.ndarray,
    channels: np.ndarray,
    lengths: Sequence[int],
    user: int,
    noise_power: float,
    grid: ResourceGrid,
    delay_samples: np.ndarray,
    phase_rad: np.ndarray,
    k: int,
    powers: np.ndarray | None = None,
) -> np.ndarray:
    """LMMSE view of one user's k channel uses: complex64 [k]; see `still_views` and `features_by_power`."""
    kinds = still_views(channels, lengths, user, np.full(received.shape[1], noise_power), k, powers)
    return features_by_power(received, kinds, user, grid, delay_samples, phase_rad, k)


def still_views(
    channels: np.ndarray,
    lengths: Sequence[int],
    user: int,
    disturbed: np.ndarray,
    k: int,
    powers: np.ndarray | None = None,
) -> list[KindOfUse]:
    """`views_by_power` through `view_of` channels that stay; powers None: 1 throughout."""
    sent = np.ones((len(channels), 1)) if powers is None else powers

    def view(amplitudes: np.ndarray, leaked: float) -> View:
        return view_of(channels * amplitudes[:, None, None], lengths, user, disturbed, leaked)

    return views_by_power(view, user, sent, k)


def _weights(channels: np.ndarray, present: np.ndarray, user: int, noise_power: np.ndarray) -> np.ndarray:
    """The user's weights complex64 [parts, antennas, active] where users are present, float32 [parts, users] 0 or 1."""
    pairs = zip(present, noise_power, strict=True)
    return np.stack([lmmse_weights_of(channels * row[:, None, None], float(power), user) for row, power in pairs])


@acceleration.compiled
def _weights_compiled(channels: np.ndarray, present: np.ndarray, user: int, noise_power: np.ndarray) -> np.ndarray:
    """The same with one antenna."""
    users, _, active = channels.shape
    weights = np.empty((present.shape[0], 1, active), np.complex64)
    for part in range(present.shape[0]):
        total = np.full(active, noise_power[part])
        for other in range(users):
            if present[part, other] > 0:
                for i in range(active):
                    g = channels[other, 0, i]
                    total[i] += g.real * g.real + g.imag * g.imag
        for i in range(active):
            weights[part, 0, i] = channels[user, 0, i] * (present[part, user] / total[i])
    return weights
