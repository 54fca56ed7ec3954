"""The evidence of a motion against Gaussian densities of all known elements, written out."""

import numpy as np
import pytest

from radio.waveform.tracking.motion import Known, Sums, moved, time_basis


def test_evidence_and_estimate_are_those_of_the_joint_gaussian():
    rng, ranks, blocks, elements, antennas = np.random.default_rng(1), 3, 7, 5, 2
    atoms = [rng.standard_normal((elements, ranks)) + 1j * rng.standard_normal((elements, ranks)) for _ in range(2)]
    kinds, weights = np.arange(blocks) % 2, rng.uniform(0.5, 2, blocks)
    times_s = np.sort(rng.uniform(0, 5e-3, blocks))
    seen = rng.standard_normal((antennas, blocks, elements)) + 1j * rng.standard_normal((antennas, blocks, elements))
    matched = np.stack(
        [[w * atoms[kind].conj().T @ y for kind, w, y in zip(kinds, weights, one, strict=True)] for one in seen]
    )
    sums = Sums(Known(np.stack([a.conj().T @ a for a in atoms]), kinds, weights, times_s), matched)
    for doppler_hz in (0.0, 80.0, 300.0):
        basis = time_basis(times_s, (times_s[0], times_s[-1]), doppler_hz)
        each = [np.kron(atoms[kind], u) for kind, u in zip(kinds, basis[:, None], strict=True)]
        mixing = np.concatenate(each)  # all elements from amplitudes [r, s] of unit variance
        noise = np.diag(np.repeat(1 / weights, elements))
        covariance = mixing @ mixing.conj().T + noise
        expected = 0.0
        for one in seen:
            y = one.reshape(-1)
            still = (y.conj() @ np.linalg.solve(noise, y)).real + np.linalg.slogdet(noise)[1]
            expected += still - (y.conj() @ np.linalg.solve(covariance, y)).real - np.linalg.slogdet(covariance)[1]
        motion = moved(sums, doppler_hz)
        assert motion.evidence == pytest.approx(expected, rel=1e-9)
        estimate = mixing.conj().T @ np.linalg.solve(covariance, seen[1].reshape(-1))
        np.testing.assert_allclose(motion.amplitudes[1].reshape(-1), estimate, atol=1e-9)
        posterior = np.eye(mixing.shape[1]) - mixing.conj().T @ np.linalg.solve(covariance, mixing)
        at = np.kron(atoms[0], time_basis(times_s[3:4], (times_s[0], times_s[-1]), doppler_hz))
        error = np.einsum("ei,ij,ej->e", at, posterior, at.conj()).real.mean()
        assert motion.error_variance(atoms[0], float(times_s[3])) == pytest.approx(error, rel=1e-9)
