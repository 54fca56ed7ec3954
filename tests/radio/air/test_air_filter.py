"""The filter with moving taps against its own formula, sample by sample; and large arrays that are used again."""

import numpy as np
import pytest

from radio.air.buffers import Buffers
from radio.air.config import AirConfig
from radio.air.filters.time_varying_filter import TapTrack, filter_track
from radio.air.medium import Medium


def by_formula(x, track, n):
    k = np.arange(track.start.shape[1])
    out = np.zeros(n, complex)
    for i in range(n):
        s, within = divmod(i, track.span)
        taps = track.start[s] + within / track.span * track.change[s]
        places = i + track.bases[s] + k
        inside = (places >= 0) & (places < x.size)
        out[i] = taps[inside] @ x[places[inside]]
    return out


@pytest.mark.parametrize("kind", [float, complex])
@pytest.mark.parametrize(("change", "limit"), [(0.0, 3e-6), (0.01, 1e-3), (0.3, 3e-6)])  # fixed, held a while, ramp
@pytest.mark.parametrize(("n", "span", "n_taps"), [(1, 64, 8), (701, 301, 16), (4100, 2050, 40)])
def test_filter_follows_its_formula(each_backend, noise_like, kind, change, limit, n, span, n_taps):
    rng = np.random.default_rng(n)
    segments = -(-n // span)
    drawn = rng.standard_normal((2, segments, n_taps, 2))
    start, moved = drawn[..., 0] if kind is float else drawn @ np.array([1, 1j])
    track = TapTrack(span, rng.integers(-n_taps // 2, 2, segments), start, change * moved)
    x, out = noise_like(n), np.empty(n, np.complex64)
    filter_track(x, track, out)
    expected = by_formula(x, track, n)
    assert np.linalg.norm(out - expected) < limit * np.linalg.norm(expected)


def test_arrays_come_back_and_are_not_shared():
    buffers = Buffers()
    first, second = buffers.take(2, 100), buffers.take(1, 150)
    assert first.shape == (2, 100) and not np.shares_memory(first, second)
    buffers.give(first)
    again = buffers.take(1, 120)
    assert np.shares_memory(again, first) and not np.shares_memory(again, second)
    assert not np.shares_memory(buffers.take(1, 120), first)


def test_used_arrays_leave_no_trace(noise_like, burst):
    config = AirConfig(channel="tdl-a", rx_antennas=2)
    used, fresh = Medium(config), Medium(config)
    for slot in range(4):
        size = 3000 - 500 * slot
        for user in range(2):
            used.add_burst(user, burst(noise_like(size, seed=2 * slot + user), 4000 * slot))
        got = used.render(4000 * slot, 4000)
        used.forget_before(4000 * (slot + 1))
    for user in range(2):
        fresh.add_burst(user, burst(noise_like(1500, seed=6 + user), 12_000))
    assert np.array_equal(got, fresh.render(12_000, 4000))
