"""A channel that moves during a burst: least mean square estimate over time and delay from all known symbols.

The channel is a sum over atoms of the delay domain (see `delay_prior`) whose amplitudes are independent stationary
processes of time. Their spectrum is flat to the largest Doppler shift, which loses little whatever its true shape is
(Li, Cimini and Sollenberger 1998); over a burst such a process has few dimensions (Slepian sequences: Zemen and
Mecklenbraeuker 2005). With atoms A and a time basis U scaled to unit prior variance, and known elements of weight W

    G = sum_t (A^H W A)_t (x) u_t u_t^T,   z = sum_t (A^H W y)_t u_t^T,   amplitudes = (I + G)^-1 z

log evidence = z^H (I + G)^-1 z - log det(I + G); the Doppler is where it is largest. Training and pilots enter through
their sums (A^H W A)_t and (A^H W y)_t alone, whatever the Doppler.
"""

from dataclasses import dataclass

import numpy as np
import scipy.linalg

LEAST_EIGENVALUE = 1e-4  # of the time basis, over the largest
DOPPLER_HZ = tuple(4.0 * 1.6**i for i in range(13))  # to 1.1 kHz
TIMES_PER_CYCLE = 8  # of the Doppler, at which the time basis is computed; between them it is interpolated


@dataclass(frozen=True)
class Sums:
    """What known elements say of the atoms. grams: complex128 [kinds, r, r], A^H A over the elements of a kind of
    block; kinds: int [blocks]; weights: float64 [blocks], W; matched: complex128 [antennas, blocks, r], A^H W y;
    times_s: float64 [blocks]."""

    grams: np.ndarray
    kinds: np.ndarray
    weights: np.ndarray
    matched: np.ndarray
    times_s: np.ndarray


@dataclass(frozen=True)
class Motion:
    """amplitudes: complex128 [antennas, r, s] of atoms [active, r] and the time basis; factor: Cholesky's of I + G.

    evidence: natural logarithm, all antennas together; doppler_hz: the largest shift, 0 for a channel that stands.
    """

    doppler_hz: float
    evidence: float
    amplitudes: np.ndarray
    factor: np.ndarray
    span_s: tuple[float, float]

    def gains(self, atoms: np.ndarray, times_s: np.ndarray) -> np.ndarray:
        """Channel complex64 [antennas, times, active]."""
        basis = time_basis(times_s, self.span_s, self.doppler_hz)
        return np.asarray(np.einsum("ars,ts,fr->atf", self.amplitudes, basis, atoms, optimize=True), np.complex64)

    def error_variance(self, atoms: np.ndarray, time_s: float) -> float:
        """Expected |error|^2 of a value of the channel at one time, mean over the subcarriers."""
        basis = time_basis(np.array([time_s]), self.span_s, self.doppler_hz)[0]
        ranks = atoms.shape[1]
        # Of r amplitudes at that time the covariance is B^H (I + G)^-1 B, B: the basis once for each.
        at = np.kron(np.eye(ranks), basis[:, None])
        half = scipy.linalg.solve_triangular(self.factor, at, lower=True, check_finite=False)
        return float(np.sum(np.abs(half @ atoms.T.conj()) ** 2)) / len(atoms)


def time_basis(times_s: np.ndarray, span_s: tuple[float, float], doppler_hz: float) -> np.ndarray:
    """float64 [times, s], orthogonal functions scaled so that amplitudes of unit variance have the flat spectrum."""
    if doppler_hz == 0:
        return np.ones((times_s.size, 1))
    points = 8 + int(np.ceil(TIMES_PER_CYCLE * doppler_hz * (span_s[1] - span_s[0])))
    nodes = np.linspace(*span_s, points)
    values, vectors = np.linalg.eigh(np.sinc(2 * doppler_hz * (nodes[:, None] - nodes)))
    kept = values > LEAST_EIGENVALUE * values[-1]
    # Nystroem's extension of the eigenvectors from the nodes to any time.
    across = np.sinc(2 * doppler_hz * (times_s[:, None] - nodes))
    return np.asarray(across @ (vectors[:, kept] / np.sqrt(values[kept])))


def moved(sums: Sums, doppler_hz: float) -> Motion:
    """The channel's motion were its largest Doppler shift doppler_hz."""
    span_s = (float(sums.times_s.min()), float(sums.times_s.max()))
    basis = time_basis(sums.times_s, span_s, doppler_hz)
    ranks, size = sums.grams.shape[1], basis.shape[1]
    gram = np.zeros((ranks, size, ranks, size), complex)
    for kind, one in enumerate(sums.grams):
        part = basis[sums.kinds == kind]
        gram += one[:, None, :, None] * ((part.T * sums.weights[sums.kinds == kind]) @ part)[None, :, None, :]
    matrix = gram.reshape(ranks * size, ranks * size) + np.eye(ranks * size)
    matched = np.einsum("abr,bs->ars", sums.matched, basis).reshape(len(sums.matched), -1)
    factor = scipy.linalg.cho_factor(matrix, lower=True, check_finite=False)
    solved = scipy.linalg.cho_solve(factor, matched.T, check_finite=False).T
    determinant = 2 * float(np.log(np.diag(factor[0]).real).sum())
    evidence = float(np.vdot(matched, solved).real) - len(matched) * determinant
    return Motion(doppler_hz, evidence, solved.reshape(-1, ranks, size), factor[0], span_s)


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
