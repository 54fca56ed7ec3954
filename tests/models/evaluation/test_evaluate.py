"""Evaluation against torchmetrics, the shipped manifest's own figures, and rows as scripts read them."""

import json

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from torchmetrics.image import PeakSignalNoiseRatio, StructuralSimilarityIndexMeasure

from hil.cli.codecs.evaluate import command
from models.errors import ModelError
from models.evaluation.compare import common_uses, compare
from models.evaluation.frames import frames_of
from models.evaluation.metrics import ms_ssim, psnr_db, ssim
from models.evaluation.schemes import open_scheme
from models.images import open_images


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    y, x = np.mgrid[:32, :32] / 32
    rng = np.random.default_rng(5)
    smooth = [np.stack([np.sin(a * x + b * y + c) for c in range(3)], axis=2) for a, b in rng.uniform(1, 9, (5, 2))]
    path = tmp_path_factory.mktemp("data") / "five.npz"
    np.savez(path, images=np.rint(127 + 120 * np.array(smooth)).astype(np.uint8))
    return path


def test_figures_are_torchmetrics(pictures):
    originals = np.load(pictures)["images"]
    noise = np.random.default_rng(1).normal(0, 9, originals.shape)
    decoded = np.clip(originals + noise, 0, 255).astype(np.uint8)
    planes = [torch.from_numpy(a).permute(0, 3, 1, 2).float() / 255 for a in (decoded, originals)]
    one_by_one = [float(PeakSignalNoiseRatio(data_range=1.0)(a[None], b[None])) for a, b in zip(*planes, strict=True)]
    assert psnr_db(originals, decoded) == pytest.approx(one_by_one, abs=1e-3)
    assert ssim(originals, decoded).mean() == pytest.approx(
        float(StructuralSimilarityIndexMeasure(data_range=1.0)(*planes)), abs=1e-5
    )
    assert ms_ssim(originals, decoded) is None
    assert psnr_db(originals, originals).tolist() == [100.0] * 5
    large = np.random.default_rng(2).integers(0, 256, (2, 176, 180, 3), dtype=np.uint8)
    assert ms_ssim(large, large) == pytest.approx([1.0, 1.0])
    assert ssim(large[:, :8], large[:, :8]) is None


def test_frames_cover_every_picture_once_with_the_same_draws(pictures):
    images = np.load(pictures)["images"]
    frames = list(frames_of(images, "rayleigh", 2, 512, 7))
    assert [frame.counted for frame in frames] == [2, 2, 1]
    assert np.array_equal(np.concatenate([f.pictures[: f.counted] for f in frames]), images)
    again = list(frames_of(images, "rayleigh", 2, 512, 7))
    assert all(
        torch.equal(a.channel, b.channel) and a.noise_seed == b.noise_seed for a, b in zip(frames, again, strict=True)
    )
    assert not torch.equal(frames[0].channel, frames[1].channel)


def test_the_command_prints_rows_and_draws(pictures, tmp_path):
    plot = tmp_path / "psnr.png"
    names = "compact-2u,digital-jpeg,digital-jpeg-capacity"
    arguments = ["--images", str(pictures), "--scheme", names, "--snr", "0:20:10", "--channel", "random-phase"]
    result = CliRunner().invoke(command, [*arguments, "--json", "--plot", str(plot)], catch_exceptions=False)
    rows = json.loads(result.stdout)
    assert len(rows) == 9
    assert {row["channel_uses"] for row in rows} == {512}
    assert {row["images"] for row in rows} == {5}
    for name in names.split(","):
        values = [row["psnr_db"] for row in rows if row["scheme"] == name]
        assert values == sorted(values)
    for snr_db in (0, 10, 20):
        real, bound = (next(r for r in rows if (r["scheme"], r["snr_db"]) == (n, snr_db)) for n in names.split(",")[1:])
        assert real["psnr_db"] <= bound["psnr_db"]
    assert plot.read_bytes().startswith(b"\x89PNG")
    assert rows == json.loads(CliRunner().invoke(command, [*arguments, "--json"]).output)


def test_a_perfect_scheme_has_the_highest_figures_and_rows_count_pictures(pictures):
    class Perfect:
        name, link, refiner_passes = "perfect", "none", 0

        def natural_uses(self, height, width):
            return None

        def send(self, frame, snr_db, channel_uses):
            return frame.pictures

    (row,) = compare(open_images(pictures), [Perfect()], "awgn", 3, [4.0], limit=4)
    assert (row.psnr_db, row.ssim, row.images, row.channel_uses) == (100.0, 1.0, 4, 512)


def test_schemes_must_take_the_same_channel_uses():
    codec, digital = open_scheme("compact-2u", 2), open_scheme("digital-webp", 2)
    assert common_uses([codec, digital], 32, 32) == 512
    assert common_uses([digital], 32, 32, 1 / 12) == 256
    with pytest.raises(ModelError, match="same channel uses"):
        common_uses([codec, digital], 32, 32, 1 / 12)


@pytest.mark.parametrize("name", ["digital-bmp", "no-such-codec", "digital-"])
def test_an_unknown_scheme_is_one_sentence(name):
    with pytest.raises(ModelError) as caught:
        open_scheme(name, 2)
    assert "\n" not in str(caught.value)


def test_too_many_users_for_a_codec():
    with pytest.raises(ModelError, match="serves 2 users, but 3"):
        open_scheme("compact-2u", 3)


@pytest.mark.parametrize("plot", ["no-such-folder/a.png", "a.xyz"])
def test_a_figure_that_cannot_be_written_is_refused_before_measuring(pictures, tmp_path, plot):
    arguments = ["--images", str(pictures), "--scheme", "digital-jpeg", "--plot", str(tmp_path / plot)]
    result = CliRunner().invoke(command, arguments)
    assert isinstance(result.exception, ModelError)
    assert result.output == ""
