"""The shipped weights, as a user gets them."""

import numpy as np
import pytest

from models.decoding.decoder import SemanticDecoder
from models.errors import ModelError
from models.evaluation.compare import compare
from models.evaluation.frames import frames_of
from models.evaluation.learned import LearnedScheme
from models.evaluation.schemes import open_scheme
from models.images import open_images
from models.package.manifest import load_manifest
from models.package.zoo import DEFAULT_REFINER, codec_folder, list_codecs, list_refiners, refiner_folder, weights_folder
from models.refiner import Refiner
from models.runtime.encoder import SemanticEncoder
from models.side_information import SideInformation

BUDGET_BYTES = 48e6


def scene(size):
    """A smooth scene with one sharp edge: uint8 [size, size, 3]."""
    y, x = np.mgrid[:size, :size] / size
    planes = np.stack([0.5 + 0.4 * np.sin(5 * x), 0.3 + 0.5 * y, 0.6 - 0.3 * x * y], axis=2)
    planes[(x - 0.5) ** 2 + (y - 0.5) ** 2 < 0.06] = (0.9, 0.8, 0.2)
    return np.rint(planes * 255).astype(np.uint8)


def test_names_and_paths_are_found(exported):
    assert load_manifest(codec_folder()).name == "real-time"
    assert codec_folder(exported) == exported
    assert codec_folder("compact-2u") in list_codecs()
    assert refiner_folder() in list_refiners()
    with pytest.raises(ModelError, match="compact-2u"):
        codec_folder("no-such-codec")
    with pytest.raises(ModelError):
        codec_folder("")


def test_everything_shipped_fits_the_budget():
    assert sum(path.stat().st_size for path in weights_folder().rglob("*") if path.is_file()) < BUDGET_BYTES


@pytest.mark.parametrize(
    ("codec", "size", "least_psnr_db"),
    [
        ("compact-2u", 32, 22.0),
        ("compact-2u", 64, 24.0),
        ("student-2u", 64, 24.0),
        ("superposed-2u", 32, 21.0),
    ],
)
def test_all_users_at_ten_decibels_are_recognised(codec, size, least_psnr_db):
    """Numpy alone between encoder and decoder: the superposition as the paper writes it, random phases."""
    encoder, decoder = (
        SemanticEncoder.load(codec_folder(codec)),
        SemanticDecoder.load(codec_folder(codec), device="cpu"),
    )
    users = encoder.users
    rng = np.random.default_rng(8)
    views = (np.s_[:], np.s_[::-1, :, ::-1], np.s_[:, ::-1], np.s_[::-1])
    pictures = [scene(size)[view].copy() for view in views[:users]]
    phases = rng.uniform(0, 2 * np.pi, users)
    side = SideInformation(10.0, np.ones(users, np.float32), phases.astype(np.float32))
    sent = np.stack([encoder.encode(picture, user, side) for user, picture in enumerate(pictures)])
    g = np.exp(1j * phases) / np.sqrt(users)
    noise = rng.standard_normal((2, sent.shape[1])) * np.sqrt(0.1 / 2)
    received = g @ sent + noise[0] + 1j * noise[1]
    for user, picture in enumerate(pictures):
        view = (g[user].conj() * received / (np.sum(np.abs(g) ** 2) + 0.1)).astype(np.complex64)
        decoded = decoder.decode(view, user, side, size, size)
        error = np.mean((decoded.astype(float) - picture) ** 2)
        assert 10 * np.log10(255**2 / error) > least_psnr_db


@pytest.mark.parametrize(
    ("users", "way", "antennas", "least_psnr_db"),
    [
        (1, "parted", 1, 27.0),
        (2, "parted", 1, 26.0),
        (4, "parted", 1, 24.0),
        (8, "parted", 1, 22.0),
        (2, "superposed", 4, 26.0),
        (8, "auto", 4, 24.0),
    ],
)
def test_real_time_serves_any_number_of_users(users, way, antennas, least_psnr_db, tmp_path):
    views = (np.s_[:], np.s_[::-1, :, ::-1], np.s_[:, ::-1], np.s_[::-1])
    np.savez(tmp_path / "set.npz", images=np.stack([scene(64)[view] for view in 2 * views]))
    scheme = open_scheme(f"real-time@{way}", users, "cpu")
    source = open_images(str(tmp_path / "set.npz"), split="test")
    [row] = compare(source, [scheme], "random-phase", users, [10.0], antennas=antennas)
    assert row.images == 8 and row.psnr_db > least_psnr_db and row.link == way


def test_real_times_curve_is_in_its_manifest_and_rises():
    table = load_manifest(codec_folder("real-time")).metrics["psnr_db"]["photos_val"]
    for psnr_db in (*table.values(), *({count: row[snr] for count, row in table.items()} for snr in table["16"])):
        assert list(psnr_db.values()) == sorted(psnr_db.values())
    assert table["16"]["10"] > 29


@pytest.mark.parametrize(("codec", "least_psnr_db"), [("compact-2u", 24), ("student-2u", 25)])
def test_the_manifest_tells_the_truth_about_parity_and_figures(codec, least_psnr_db):
    manifest = load_manifest(codec_folder(codec))
    assert manifest.metrics["encoder_parity_max_abs"] < 1e-3
    table = manifest.metrics["psnr_db"]["cifar10_test_first512.npz"]["psnr_db"]["random-phase"]
    assert list(table.values()) == sorted(table.values())
    assert table["10"] > least_psnr_db


@pytest.mark.parametrize("name", [DEFAULT_REFINER, "text-refiner-32"])
def test_the_shipped_refiners_keep_the_picture_that_their_codec_decodes_and_sharpen_it(name):
    refiner, codec = Refiner.load(refiner_folder(name), device="cpu"), LearnedScheme("real-time", 1)
    pictures = np.stack([scene(32), scene(32)[:, ::-1]])
    for frame in frames_of(pictures, "awgn", 1, codec.natural_uses(32, 32), 1):
        image = frame.pictures[0].transpose(2, 0, 1).astype(np.float32) / 255
        decoded = codec.send_float(frame, 5.0)[0]
        refined = refiner.refine(decoded, 5.0)
        assert np.mean((refined - image) ** 2) < 1.3 * np.mean((decoded - image) ** 2)
        assert np.abs(np.diff(refined)).mean() > np.abs(np.diff(decoded)).mean()
