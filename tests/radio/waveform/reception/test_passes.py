"""The receiver's single passes, compiled and plain, against the formulas that they stand for."""

import itertools
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import scipy.fft
from hypothesis import given, settings
from hypothesis import strategies as st

from radio import acceleration
from radio.waveform.acquisition.carrier_likelihood import gram_of_delays, likelihood_peak
from radio.waveform.acquisition.folding import fold
from radio.waveform.acquisition.gate import HOP, repetition
from radio.waveform.acquisition.matching import matched, preamble_symbol
from radio.waveform.burst.grid import ResourceGrid
from radio.waveform.burst.windows import symbol_bins
from radio.waveform.channel.delay_basis import delay_basis
from radio.waveform.channel.delay_profile import clusters, relative_frequencies
from radio.waveform.channel.delay_refinement import climb
from radio.waveform.channel.delay_search import LEAST_RATIO, Found, search
from radio.waveform.channel.path_search import held_by_cluster, with_paths
from radio.waveform.channel.strongest_path import strongest_path_samples
from radio.waveform.config import WaveformConfig
from radio.waveform.quality.slips import _likeliest
from radio.waveform.separation.equalizer import lmmse_features, lmmse_weights_of
from radio.waveform.separation.still import separate
from radio.waveform.tracking.known_elements import band_phasors, known_phasors
from radio.waveform.tracking.steady import steady_mean
from radio.waveform.tracking.straightening import ramps, straighten, straightened_uses, turn_band
from radio.waveform.tracking.tracker import Phasors, clock_offset, track
from radio.waveform.transforms.fourier import add_powers, place_subcarriers, transform
from radio.waveform.transforms.periodogram import spectrum_near_zero

CONFIG = WaveformConfig(rx_antennas=2)
GRID = ResourceGrid(CONFIG)
NUMBERS = np.round(GRID.frequencies_hz / CONFIG.subcarrier_spacing_hz)


def noise(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return (rng.standard_normal(shape) + 1j * rng.standard_normal(shape)).astype(np.complex64)


def test_bins_of_a_shifted_carrier_are_the_fourier_transform_with_it_undone(each_backend):
    rng = np.random.default_rng(1)
    samples, starts, cfo_hz, origin = noise(rng, 2, 2000), np.array([0, 333, 1744]), 12345.6, 77.0
    n = np.arange(CONFIG.fft_size)
    for m, start in enumerate(starts):
        undone = np.exp(-2j * np.pi * cfo_hz / CONFIG.sample_rate_hz * (start + n - origin))
        kernel = np.exp(-2j * np.pi * np.outer(NUMBERS, n) / CONFIG.fft_size) / np.sqrt(CONFIG.fft_size)
        expected = (samples[:, start : start + CONFIG.fft_size] * undone) @ kernel.T
        np.testing.assert_allclose(
            symbol_bins(samples, GRID, starts, cfo_hz, origin)[:, m], expected, rtol=0, atol=2e-5
        )


def test_straightening_is_a_ramp_and_a_weighted_sum(each_backend):
    rng = np.random.default_rng(2)
    received, weights = noise(rng, 2, 7, 200), noise(rng, 2, 200)
    delay, phase = rng.uniform(-3, 3, 7), rng.uniform(-9, 9, 7)
    turns = np.exp(1j * (2 * np.pi * np.outer(delay, NUMBERS) / CONFIG.fft_size - phase[:, None]))
    expected = np.einsum("ak,amk->mk", weights.conj(), received) * turns
    np.testing.assert_allclose(straighten(received, weights, delay, phase, GRID), expected, rtol=0, atol=5e-5)
    np.testing.assert_allclose(ramps(delay, phase, GRID), turns, rtol=0, atol=5e-6)
    turned = turn_band(weights, 2 * np.pi / CONFIG.fft_size * delay[0], -phase[0])
    np.testing.assert_allclose(turned, weights * turns[0], rtol=0, atol=2e-5)


@pytest.mark.parametrize("active", [32, 40, 254])
def test_straightening_fits_every_width_of_the_band(each_backend, active):
    config = WaveformConfig(active_subcarriers=active, pilots_per_user=2, header_symbols=7)
    rng = np.random.default_rng(3)
    received, weights, delay, phase = (
        noise(rng, 1, 3, active),
        noise(rng, 1, active),
        np.array([1.5, 0, -2]),
        np.ones(3),
    )
    expected = received[0] * weights[0].conj() * ramps(delay, phase, ResourceGrid(config))
    np.testing.assert_allclose(
        straighten(received, weights, delay, phase, ResourceGrid(config)), expected, rtol=0, atol=2e-5
    )


def test_phasors_are_sums_over_the_halves_of_the_band(each_backend):
    rng = np.random.default_rng(4)
    bins, channel = noise(rng, 2, 5, 200), noise(rng, 2, 200)
    positions, values = rng.permuted(np.tile(np.arange(200), (5, 1)), axis=1)[:, :16], noise(rng, 5, 16)
    lower, upper, energy, seen = known_phasors(bins, channel, positions, values)
    for m in range(5):
        expected = channel[:, positions[m]] * values[m]
        products = bins[:, m, positions[m]] * expected.conj()
        low = positions[m] < 100
        assert lower[m] == pytest.approx(products[:, low].sum(), abs=1e-4)
        assert upper[m] == pytest.approx(products[:, ~low].sum(), abs=1e-4)
        assert energy[m] == pytest.approx(np.sum(np.abs(expected) ** 2), rel=1e-5)
    picked = np.take_along_axis(bins, np.broadcast_to(positions, (2, 5, 16)), axis=2)
    assert seen == pytest.approx(np.sum(np.abs(picked) ** 2), rel=1e-5)


def test_few_cells_of_a_spectrum_are_those_of_scipy(each_backend):
    values = noise(np.random.default_rng(5), 150).astype(np.complex128)
    cells = np.arange(-40, 41)
    np.testing.assert_allclose(
        spectrum_near_zero(values, 4096, 40), scipy.fft.fft(values, 4096)[cells], rtol=0, atol=1e-9
    )


def test_the_mean_of_drifting_symbols_is_the_channel_and_the_noise_is_unbiased(each_backend):
    rng, noise_power = np.random.default_rng(6), 0.3
    channel, drift = noise(rng, 2, 200), np.linspace(-0.4, 0.4, 16)
    turned = channel[:, None] * np.exp(-2j * np.pi * np.outer(drift, NUMBERS) / CONFIG.fft_size)
    clean = steady_mean(turned.astype(np.complex64), drift, GRID)
    np.testing.assert_allclose(clean.values, channel, rtol=0, atol=1e-5)
    assert clean.noise_power < 1e-10
    noisy = steady_mean((turned + np.sqrt(noise_power / 2) * noise(rng, 2, 16, 200)).astype(np.complex64), drift, GRID)
    assert noisy.noise_power == pytest.approx(noise_power, rel=0.05)  # 6000 degrees of freedom: 1.3 % of deviation
    assert (noisy.symbols, steady_mean(turned[:, :1].astype(np.complex64), drift[:1], GRID).noise_power) == (16, 0)


@given(offset_hz=st.floats(-900, 900), seed=st.integers(0, 99))
@settings(max_examples=30)
def test_the_likelihood_peaks_at_the_offset_of_noiseless_observations(offset_hz, seed):
    rng, times_s = np.random.default_rng(seed), np.sort(np.random.default_rng(seed).uniform(0, 3e-4, 9))
    seen = np.exp(2j * np.pi * offset_hz * times_s)[:, None] * noise(rng, 1, 5)
    gram = seen @ seen.conj().T
    for compiled in {acceleration.NUMBA, False}:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(acceleration, "NUMBA", compiled)
            assert likelihood_peak(gram, times_s, 1000.0, 10.0) == pytest.approx(offset_hz, abs=0.1)


@pytest.mark.parametrize("onset", [-0.7, 4.3, 20.05])
@pytest.mark.parametrize("cluster", [0, 3, 5])
def test_a_cluster_is_found_where_it_begins(each_backend, onset, cluster):
    """Drawn from the cluster's own prior, the onset that is found explains it at least as well as the true one."""
    config, rng, variance = WaveformConfig(), np.random.default_rng(7), 1e-3
    part, frequencies = clusters(config)[cluster], relative_frequencies(config)
    amplitudes = np.sqrt(part.powers / 2) * noise(rng, part.powers.size)
    clean = np.exp(-2j * np.pi * onset * frequencies) * (part.vectors @ amplitudes)
    measured = (clean + np.sqrt(variance / 2) * noise(rng, 200)).astype(np.complex64)[None]
    found = search(measured, config, variance, float(np.mean(np.abs(measured) ** 2)))
    best = climb(measured, config, variance, found[cluster])
    prior = best.power * part.powers

    def log_evidence(at: float) -> float:
        c = part.vectors.conj().T @ (measured[0] * np.exp(2j * np.pi * at * frequencies))
        return float(np.sum(np.abs(c) ** 2 * prior / (variance * (prior + variance)) - np.log1p(prior / variance)))

    assert best.evidence == pytest.approx(log_evidence(best.onset), rel=2e-3, abs=0.5)
    assert log_evidence(best.onset) >= log_evidence(onset) - 0.5
    assert abs(best.onset - onset) < (0.05 if cluster == 0 else 1.5)


def test_the_clock_is_read_off_the_halves_of_the_band(each_backend):
    """Half a band apart by D Hz, a clock that is c fast turns the halves by 2 pi D c t against each other."""
    clock, symbols, reference, period_s = 12e-6, 180, 3.5, 72e-6
    phasors = Phasors.empty(GRID, symbols, reference)
    elapsed_s = (np.arange(symbols) - reference) * period_s
    turn = np.exp(1j * np.pi * phasors.separation_hz * clock * elapsed_s)
    energy = np.where(np.arange(symbols) % 7 == 3, 0.0, 40.0)
    phasors.put(0, energy / 2 * turn.conj(), energy / 2 * turn, energy)
    assert clock_offset(phasors, period_s, 0.01) == pytest.approx(clock, rel=0.02)
    phasors.put(0, *np.zeros((2, symbols)), np.zeros(symbols))
    assert clock_offset(phasors, period_s, 0.01) == 0.0


def test_uses_are_the_straightened_elements_at_their_places(each_backend):
    """Where the other user's payload ends, the weights change; unused elements and pilots are nobody's."""
    rng, k = np.random.default_rng(8), 184 * 6 - 50
    received, weights = noise(rng, 2, 6, 200), noise(rng, 2, 2, 200)
    delay, phase = rng.uniform(-3, 3, 6), rng.uniform(-9, 9, 6)
    turns = np.exp(1j * (2 * np.pi * np.outer(delay, NUMBERS) / CONFIG.fft_size - phase[:, None]))
    each = weights[[0, 0, 1, 1, 1, 1]]  # [symbols, antennas, active]
    expected = np.einsum("mak,amk->mk", each.conj(), received) * turns
    found = straightened_uses(received, weights, delay, phase, GRID, np.array([2, 4]), k)
    np.testing.assert_allclose(found, expected.reshape(-1)[GRID.payload_positions(k)], rtol=0, atol=5e-5)


@pytest.mark.parametrize("frequency_hz", [-23.4, 0.0, 51.7])
def test_phase_and_carrier_of_a_burst_are_followed(each_backend, frequency_hz):
    """A straight phase is found with its slope, and a slow sway around it."""
    symbols, period_s, clock = 200, GRID.symbol_samples / CONFIG.sample_rate_hz, -8e-6
    phasors = Phasors.empty(GRID, symbols, 2.0)
    times = np.arange(symbols) * period_s
    sway = 0.1 * np.cos(2 * np.pi * np.arange(symbols) / 50)
    turn = np.exp(1j * (0.7 + 2 * np.pi * frequency_hz * times + sway))
    tilt = np.exp(1j * np.pi * phasors.separation_hz * clock * (times - 2.0 * period_s))
    energy = np.full(symbols, 30.0)
    phasors.put(0, 15 * turn * tilt.conj(), 15 * turn * tilt, energy)
    found = track(phasors, GRID, 0.01, 20.0)
    assert found.frequency_hz == pytest.approx(frequency_hz, abs=0.5)
    assert found.clock_ppm == pytest.approx(clock * 1e6, abs=0.2)
    expected_delay = -clock * (np.arange(symbols) - 2.0) * GRID.symbol_samples
    np.testing.assert_allclose(found.delay_samples, expected_delay, atol=0.01)
    expected = 0.7 + 2 * np.pi * frequency_hz * times + sway
    inner = slice(20, -20)
    error = np.angle(np.exp(1j * (found.phase_rad - expected)))[inner]
    assert np.abs(error).max() < 2e-3


def test_folded_repeats_add_up_with_their_carrier_undone(each_backend):
    rng, period, repeats, length, part = np.random.default_rng(9), 64, 5, 90, 0.31
    samples = noise(rng, 2, (repeats - 1) * period + length)
    places = np.arange(length)
    each = [samples[:, m * period + places] * np.exp(-2j * np.pi * part * m) for m in range(repeats)]
    expected = sum(each) * np.exp(-2j * np.pi * part * places / period)
    np.testing.assert_allclose(fold(samples, period, repeats, length, part), expected, rtol=0, atol=2e-5)


def test_the_metric_of_repetition_is_its_formula(each_backend):
    rng, n, length = np.random.default_rng(10), CONFIG.fft_size, (CONFIG.preamble_repeats - 1) * CONFIG.fft_size
    samples = noise(rng, 2, n + length + 5 * HOP)
    samples[:, : n + length] += np.tile(noise(rng, 2, n), CONFIG.preamble_repeats)
    metric, totals = repetition(samples, CONFIG)
    assert metric.size == 6
    for i in range(metric.size):
        first, second = samples[:, HOP * i :][:, :length], samples[:, HOP * i + n :][:, :length]
        products = np.sum(first.conj() * second, axis=1, dtype=complex)
        energies = np.maximum(*(np.sum(np.abs(x) ** 2, axis=1, dtype=float) for x in (first, second)))
        assert totals[i] == pytest.approx(products.sum(), rel=1e-5)
        assert metric[i] == pytest.approx(np.mean(length * np.abs(products) ** 2 / energies**2), rel=1e-5)


def test_paths_beside_a_cluster_are_added_as_the_direct_solution_has_them(each_backend):
    """What a prior holds of a path is b^H M b with M = A C A^H / v; a found path changes M as inverting anew would."""
    rng, variance, config = np.random.default_rng(13), 1e-3, WaveformConfig()
    frequencies, cluster = relative_frequencies(config), clusters(config)[5]
    found = Found(5, 3.3, 0.4, 0.0)
    kept = cluster.powers * found.power / variance > LEAST_RATIO
    vectors = cluster.vectors[:, kept] * np.exp(-2j * np.pi * found.onset * frequencies)[:, None]
    atoms, powers = vectors, cluster.powers[kept] * found.power

    def projection(atoms: np.ndarray, powers: np.ndarray) -> np.ndarray:
        covariance = np.linalg.inv(atoms.conj().T @ atoms / variance + np.diag(1 / powers))
        return atoms @ covariance @ atoms.conj().T / variance

    delays = np.arange(-12, config.cp_samples * 4) / 4
    paths = np.exp(-2j * np.pi * np.outer(frequencies, delays))
    held = np.einsum("kd,kl,ld->d", paths.conj(), projection(atoms, powers), paths).real
    np.testing.assert_allclose(held_by_cluster(config, found, variance), held, rtol=0, atol=1e-3)

    far = np.exp(-2j * np.pi * 24.4 * frequencies)
    channel = vectors @ (np.sqrt(powers / 2) * noise(rng, powers.size)) + 0.04 * far
    measured = (channel + np.sqrt(variance / 2) * noise(rng, 200)).astype(np.complex64)[None]
    explained = with_paths(measured, found, config, variance)
    assert explained.delays == 2 and explained.evidence > 100
    direct = projection(np.column_stack([atoms, far]), np.append(powers, 0.0016))
    difference = explained.estimate[0] - direct @ measured[0]
    assert np.mean(np.abs(difference) ** 2) < 0.02 * variance  # by the path's delay, which was not known
    assert explained.parameters == pytest.approx(np.trace(direct).real, rel=0.01)
    assert np.mean(np.abs(explained.estimate[0] - channel) ** 2) < 2 * variance * explained.parameters / 200


@pytest.mark.parametrize("delay", [7.3, 8.0, -0.46, 31.94])
def test_the_strongest_path_is_found_between_the_samples(delay):
    weaker = 0.6 * np.exp(-2j * np.pi * (delay + 5.2) * relative_frequencies(CONFIG))
    channel = np.exp(-2j * np.pi * delay * relative_frequencies(CONFIG)) + weaker
    assert strongest_path_samples(channel[None].astype(np.complex64), CONFIG) == pytest.approx(delay, abs=0.12)
    alone = np.exp(-2j * np.pi * delay * relative_frequencies(CONFIG))[None].astype(np.complex64)
    assert strongest_path_samples(alone, CONFIG) == pytest.approx(delay, abs=2e-3)


@pytest.mark.parametrize("inverse", [False, True])
def test_transforms_are_the_sum_that_defines_them_and_every_thread_has_its_own(each_backend, inverse):
    rng, rows, size = np.random.default_rng(11), 3, 96
    values = noise(rng, rows, size)
    sign = 1 if inverse else -1
    kernel = np.exp(sign * 2j * np.pi * np.outer(np.arange(size), np.arange(size)) / size)
    mine = transform(rows, size, inverse)
    mine.source[:] = values
    with ThreadPoolExecutor(1) as elsewhere:
        assert elsewhere.submit(transform, rows, size, inverse).result().source is not mine.source
    assert transform(rows, size, inverse).source is mine.source
    np.testing.assert_allclose(mine.run(), values @ kernel, rtol=0, atol=2e-4)


def test_the_gram_matrix_holds_inner_products_within_the_prefix(each_backend):
    rng, basis = np.random.default_rng(12), delay_basis(CONFIG).astype(complex)
    seen = noise(rng, 2, 5, 200)
    inside = seen @ basis.conj() @ basis.T  # projected, in the band
    expected = np.einsum("amk,ank->mn", inside, inside.conj())
    np.testing.assert_allclose(gram_of_delays(seen, CONFIG), expected, rtol=0, atol=5e-4)


def test_matched_filters_are_the_product_over_the_subcarriers_and_see_nothing_outside(each_backend):
    rng, n, cfo_hz = np.random.default_rng(14), CONFIG.fft_size, -4321.0
    samples, starts = noise(rng, 2, 1000), np.array([-1, 0, 17, 1000 - n, 1001 - n])
    found = matched(samples, starts, preamble_symbol(CONFIG, 1), cfo_hz / CONFIG.sample_rate_hz, 55.0)
    seen = symbol_bins(samples, GRID, starts[1:4], cfo_hz, 55.0) @ GRID.preamble(1).conj()
    np.testing.assert_allclose(found[:, 1:4], seen, rtol=0, atol=1e-3)
    assert not found[:, [0, 4]].any()


def test_symbols_known_throughout_are_known_elements_at_every_place(each_backend):
    rng = np.random.default_rng(15)
    bins, channel, values = noise(rng, 2, 5, 200), noise(rng, 2, 200), noise(rng, 3, 200)
    everywhere = np.tile(np.arange(200), (3, 1))
    expected = known_phasors(bins[:, 1:4], channel, everywhere, values)
    for one, other in zip(band_phasors(bins, 1, channel, values), expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-2)


@pytest.mark.parametrize("antennas", [1, 2])
def test_a_user_is_separated_from_those_whose_payload_lasts(each_backend, antennas):
    rng, symbols, k = np.random.default_rng(16), 5, 184 * 5
    received, channels, still = noise(rng, antennas, symbols, 200), noise(rng, 2, antennas, 200), np.zeros(symbols)
    found = separate(received, channels, [5, 3], 0, 0.2, GRID, still, still, k)
    views = [lmmse_features(received[:, m], channels * np.array([1, m < 3])[:, None, None], 0.2)[0] for m in range(5)]
    np.testing.assert_allclose(found, GRID.demap_payload(np.stack(views), k), rtol=0, atol=2e-5)


@pytest.mark.parametrize("antennas", [1, 2])
def test_a_user_is_separated_from_those_alone_who_send_in_a_part(each_backend, antennas):
    rng, symbols, k = np.random.default_rng(18), 4, 184 * 4
    received, channels, still = noise(rng, antennas, symbols, 200), noise(rng, 2, antennas, 200), np.zeros(symbols)
    powers = np.array([[2.0, 0.0, 2.0, 0.0], [0.0, 2.0, 1.0, 1.0]])
    found = separate(received, channels, [4, 4], 0, 0.2, GRID, still, still, k, powers).reshape(-1, 4)
    loud = np.sqrt(powers)
    for part in range(4):
        gains = channels * loud[:, part, None, None]
        views = np.stack([lmmse_features(received[:, m], gains, 0.2)[0] for m in range(symbols)])
        expected = loud[0, part] * GRID.demap_payload(views, k)[part::4]
        np.testing.assert_allclose(found[:, part], expected, rtol=0, atol=4e-5)


def test_powers_are_added_from_a_place_on_and_subcarriers_lie_around_zero(each_backend):
    rng = np.random.default_rng(17)
    found, total = noise(rng, 3, 64), np.ones((3, 20), np.float32)
    add_powers(found, -5, total)
    np.testing.assert_allclose(total, 1 + np.abs(np.roll(found, 5, axis=1)[:, :20]) ** 2, rtol=1e-5)
    bins, rows = noise(rng, 2, CONFIG.fft_size), noise(rng, 2, 200)
    place_subcarriers(rows, bins)
    np.testing.assert_array_equal(bins[:, GRID.bins], rows)
    assert np.count_nonzero(bins) == rows.size


@pytest.mark.parametrize("antennas", [1, 2, 4])
def test_one_users_weights_are_the_solution_of_the_normal_equations(each_backend, antennas):
    rng, noise_power = np.random.default_rng(14), 0.2
    gains = noise(rng, 3, antennas, 50)
    for user in range(3):
        weights = lmmse_weights_of(gains, noise_power, user)
        for k in range(50):
            g = gains[:, :, k].T.astype(complex)
            expected = np.linalg.solve(g @ g.conj().T + noise_power * np.eye(antennas), g[:, user])
            np.testing.assert_allclose(weights[:, k], expected, atol=1e-5)


def test_the_course_of_slips_is_the_best_of_all_courses(each_backend):
    """Five symbols and five states: all 3125 courses, each paid for from the middle on."""
    rng, cost = np.random.default_rng(15), {0: 0.0, 1: 4.0, 2: 14.0, 3: np.inf, 4: np.inf}
    for _ in range(5):
        likelihood = 10 * rng.random((5, 5))
        best = max(
            itertools.product(range(5), repeat=5),
            key=lambda course: sum(
                likelihood[m, state] - cost[abs(state - before)]
                for m, (before, state) in enumerate(itertools.pairwise((2, *course)))
            ),
        )
        assert _likeliest(likelihood, 4.0, 2).tolist() == list(best)
