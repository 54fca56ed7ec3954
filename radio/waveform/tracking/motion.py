"""A channel that moves during a burst: least mean square estimate over time and delay from all known symbols.

The channel is a sum over atoms of the delay domain (see `delay_prior`) whose amplitudes are independent stationary
processes of time. Their spectrum is flat to the largest Doppler shift, which loses little whatever its true shape is
(Li, Cimini and Sollenberger 1998); over a burst such a process has few dimensions (Slepian sequences: Zemen and
Mecklenbraeuker 2005). With atoms A and a time basis U scaled to unit prior variance, and known elements of weight W

    G = sum_t (A^H W A)_t (x) u_t u_t^T,   z = sum_t (A^H W y)_t u_t^T,   amplitudes = (I + G)^-1 z

log evidence = z^H (I + G)^-1 z - log det(I + G); the Doppler is where it is largest. Training and pilots enter through
their sums (A^H W A)_t and (A^H W y)_t alone, whatever the Doppler. G depends on what is known and on the Doppler, but
not on what is seen: it is factored once for each Doppler that is tried.
"""

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
import scipy.linalg

LEAST_EIGENVALUE = 1e-4  # of the time basis, over the largest
DOPPLER_HZ = tuple(4.0 * 1.6**i for i in range(13))  # to 1.1 kHz
TIMES_PER_CYCLE = 8  # of the Doppler, at which the time basis is computed; between them it is interpolated


@dataclass(frozen=True)
class System:
    """I + G of one Doppler shift. basis: float64 [blocks, s]; factor: Cholesky's, complex128 [r s, r s], lower;
    determinant: log det(I + G)."""

    doppler_hz: float
    span_s: tuple[float, float]
    basis: np.ndarray
    factor: np.ndarray
    determinant: float


class Known:
    """What is known of a burst's elements, whatever is seen in them, and the `System` of every Doppler shift.

    grams: complex128 [kinds, r, r], A^H A over the elements of a kind of block; kinds: int [blocks]; weights: float64
    [blocks], W; times_s: float64 [blocks].
    """

    def __init__(self, grams: np.ndarray, kinds: np.ndarray, weights: np.ndarray, times_s: np.ndarray) -> None:
        self._grams, self._kinds, self._weights, self._times_s = grams, kinds, weights, times_s
        self._systems: dict[float, System] = {}

    def system(self, doppler_hz: float) -> System:
        """I + G were the channel's largest Doppler shift doppler_hz."""
        if doppler_hz not in self._systems:
            self._systems[doppler_hz] = self._made(doppler_hz)
        return self._systems[doppler_hz]

    def _made(self, doppler_hz: float) -> System:
        span_s = (float(self._times_s.min()), float(self._times_s.max()))
        basis = time_basis(self._times_s, span_s, doppler_hz)
        ranks, size, count = self._grams.shape[1], basis.shape[1], len(self._grams)
        weighted = basis * self._weights[:, None]
        parts = np.empty((count, size, size))
        for kind in range(count):
            at = self._kinds == kind
            parts[kind] = weighted[at].T @ basis[at]
        together = self._grams.reshape(count, -1).T @ parts.reshape(count, -1)
        gram = together.reshape(ranks, ranks, size, size).transpose(0, 2, 1, 3)
        matrix = gram.reshape(ranks * size, ranks * size) + np.eye(ranks * size)
        factor, failed = scipy.linalg.lapack.zpotrf(matrix, lower=1, clean=0)
        if failed:
            raise np.linalg.LinAlgError("I + G is not positive definite")
        return System(doppler_hz, span_s, basis, factor, 2 * float(np.log(np.diag(factor).real).sum()))


@dataclass(frozen=True)
class Sums:
    """What known elements say of the atoms. matched: complex128 [antennas, blocks, r], A^H W y."""

    known: Known
    matched: np.ndarray


@dataclass(frozen=True)
class Motion:
    """system: of its largest Doppler shift, 0 for a channel that stands; half: complex128 [r s, antennas], L^-1 z with
    Cholesky's L L^H = I + G; evidence: natural logarithm, all antennas together."""

    system: System
    half: np.ndarray
    evidence: float

    @property
    def doppler_hz(self) -> float:
        """The largest shift."""
        return self.system.doppler_hz

    @cached_property
    def amplitudes(self) -> np.ndarray:
        """complex128 [antennas, r, s], of atoms [active, r] and the time basis."""
        factor = self.system.factor
        solved = scipy.linalg.solve_triangular(factor, self.half, trans="C", lower=True, check_finite=False)
        return np.asarray(solved.T.reshape(self.half.shape[1], -1, self.system.basis.shape[1]))

    def gains(self, atoms: np.ndarray, times_s: np.ndarray) -> np.ndarray:
        """Channel complex64 [antennas, times, active]."""
        basis = time_basis(times_s, self.system.span_s, self.doppler_hz)
        return np.asarray(np.einsum("ars,ts,fr->atf", self.amplitudes, basis, atoms, optimize=True), np.complex64)

    def error_variance(self, atoms: np.ndarray, time_s: float) -> float:
        """Expected |error|^2 of a value of the channel at one time, mean over the subcarriers."""
        basis = time_basis(np.array([time_s]), self.system.span_s, self.doppler_hz)[0]
        ranks = atoms.shape[1]
        # Of r amplitudes at that time the covariance is B^H (I + G)^-1 B, B: the basis once for each.
        at = np.kron(np.eye(ranks), basis[:, None])
        half = scipy.linalg.solve_triangular(self.system.factor, at, lower=True, check_finite=False)
        return float(np.sum(np.abs(half @ atoms.T.conj()) ** 2)) / len(atoms)


def time_basis(times_s: np.ndarray, span_s: tuple[float, float], doppler_hz: float) -> np.ndarray:
    """float64 [times, s], orthogonal functions scaled so that amplitudes of unit variance have the flat spectrum."""
    if doppler_hz == 0:
        return np.ones((times_s.size, 1))
    points = 8 + int(np.ceil(TIMES_PER_CYCLE * doppler_hz * (span_s[1] - span_s[0])))
    scaled = _nodes_basis(doppler_hz * (span_s[1] - span_s[0]), points)
    # Nystroem's extension of the eigenvectors from the nodes to any time.
    across = np.sinc(2 * doppler_hz * (times_s[:, None] - np.linspace(*span_s, points)))
    return np.asarray(across @ scaled)


@lru_cache(maxsize=64)
def _nodes_basis(cycles: float, points: int) -> np.ndarray:
    """float64 [points, s], eigenvectors over the roots of their eigenvalues at so many points of a span."""
    nodes = np.linspace(0.0, cycles, points)
    values, vectors = np.linalg.eigh(np.sinc(2 * (nodes[:, None] - nodes)))
    kept = values > LEAST_EIGENVALUE * values[-1]
    return np.asarray(vectors[:, kept] / np.sqrt(values[kept]))


def moved(sums: Sums, doppler_hz: float) -> Motion:
    """The channel's motion were its largest Doppler shift doppler_hz."""
    system = sums.known.system(doppler_hz)
    matched = np.swapaxes(sums.matched, 1, 2) @ system.basis  # [antennas, r, s]
    antennas = len(matched)
    # Without the checks of scipy.linalg.solve_triangular, which take longer than the solution.
    half, _ = scipy.linalg.lapack.ztrtrs(system.factor, matched.reshape(antennas, -1).T, lower=1)
    return Motion(system, half, float(np.vdot(half, half).real) - antennas * system.determinant)


def likeliest_motion(sums: Sums) -> Motion:
    """The best of the Doppler shifts tried, from small to large until two more make it less likely."""
    best, worse = moved(sums, 0.0), 0
    for doppler_hz in DOPPLER_HZ:
        tried = moved(sums, doppler_hz)
        if tried.evidence > best.evidence:
            best, worse = tried, 0
        elif best.doppler_hz > 0:
            worse += 1
            if worse == 2:
                break
    return best
