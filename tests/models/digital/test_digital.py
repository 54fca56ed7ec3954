"""Digital baselines against Pillow's own files, closed forms of information theory, and Shannon's limit."""

import io

import numpy as np
import pytest
from PIL import Image

from models.digital.capacity import fair_rates
from models.digital.formats import FORMATS
from models.digital.link import best_efficiency, measured_rates, time_shared_bits
from models.digital.sources import best_within, code_picture
from models.errors import ModelError


@pytest.fixture(scope="module")
def picture():
    y, x = np.mgrid[:48, :40] / 40
    planes = [127 + 90 * np.sin(7 * x), 200 * y / 1.3, 120 + 60 * np.cos(5 * (x + y))]
    return np.stack(planes, axis=2).clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize("name", FORMATS)
def test_more_bits_mean_less_error_and_files_are_real(picture, name):
    coded = code_picture(picture, name)
    assert [entry.bits for entry in coded] == sorted(entry.bits for entry in coded)
    assert [entry.mse for entry in coded] == sorted((entry.mse for entry in coded), reverse=True)
    best = coded[-1]
    error = np.mean((best.decode().astype(float) - picture) ** 2)
    assert best.mse == pytest.approx(error, rel=1e-4)
    assert 10 * np.log10(255**2 / error) > 30
    # What is counted is part of the file that Pillow wrote, so it cannot be more than the file.
    assert 0 < best.bits <= 8 * len(best.content) + 8
    assert Image.open(io.BytesIO(best.content)).format == FORMATS[name].pillow_name


def test_what_is_not_counted_is_header_only(picture):
    """Two pictures that differ in content only differ in the counted bytes, not in the rest."""
    noise = np.random.default_rng(1).integers(0, 256, picture.shape, dtype=np.uint8)
    for name in ("jpeg", "webp", "jpeg2000"):
        form = FORMATS[name]
        rest = []
        for pixels in (picture, noise):
            stream = io.BytesIO()
            Image.fromarray(pixels).save(stream, form.pillow_name, **form.settings[10])
            rest.append(len(stream.getvalue()) - form.counted(stream.getvalue()))
        assert abs(rest[0] - rest[1]) <= 1, name  # RIFF pads to even


def test_nothing_and_little_can_always_be_sent(picture):
    coded = code_picture(picture, "jpeg")
    assert (best_within(coded, 0).decode() == 128).all()
    mean = best_within(coded, 24).decode()
    assert np.abs(mean.reshape(-1, 3).mean(axis=0) - picture.reshape(-1, 3).mean(axis=0)).max() <= 0.5
    with pytest.raises(ModelError, match="not known"):
        code_picture(picture, "bmp")


def test_fair_rates_are_the_closed_forms():
    # Equal users: the sum capacity, shared (numbers.md: 0, 10, 20 dB at ratio 1/6 are 0.25, 0.865, 1.665 bit a pixel).
    for snr_db, bits_per_pixel in ((0, 0.25), (10, 0.865), (20, 1.665)):
        rates = fair_rates(np.ones(2), snr_db)
        assert rates[0] == rates[1]
        assert rates[0] / 2 == pytest.approx(bits_per_pixel, abs=6e-4)
    assert fair_rates(np.ones(5), 7.0).sum() == pytest.approx(np.log2(1 + 10**0.7))
    # One weak user: limited by itself, and the strong one has the rest of the sum.
    weak, strong = fair_rates(np.array([0.01, 2.0]), 10.0)
    assert weak == pytest.approx(np.log2(1 + 0.01**2 * 5))
    assert weak + strong == pytest.approx(np.log2(1 + (0.01**2 + 4) * 5))
    assert fair_rates(np.zeros(2), 10.0).tolist() == [0, 0]


def test_every_measured_rate_obeys_shannon_and_comes_near():
    for rate in measured_rates():
        gap_db = rate.threshold_db - 10 * np.log10(2**rate.efficiency - 1)
        assert 0.3 < gap_db < 4.5, rate


def test_the_link_never_beats_capacity_and_grows_with_snr():
    snrs = np.arange(-5, 31, 0.5)
    for symbols in (256, 16384):
        efficiencies = [best_efficiency(snr_db, symbols) for snr_db in snrs]
        assert efficiencies == sorted(efficiencies)
        assert all(e < np.log2(1 + 10 ** (s / 10)) for e, s in zip(efficiencies, snrs, strict=True))
    rng = np.random.default_rng(2)
    for _ in range(50):
        gains = rng.rayleigh(np.sqrt(0.5), (2, 64))
        assert time_shared_bits(gains, 10.0, 512).sum() < 512 * np.log2(1 + 10 * (gains**2).sum(0) / 2).mean() * 1.2
    equal = time_shared_bits(np.ones(2), 10.0, 512)
    assert (equal == 256 * best_efficiency(10.0, 256)).all()
    assert equal.sum() < 512 * fair_rates(np.ones(2), 10.0).sum()
