"""The conditioned refiner against what is known of it in closed form, and its training end to end."""

import math

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from hil.cli.codecs.train import command as train_command
from models.errors import ModelError
from models.package.manifest import load_refiner_manifest
from models.refiner import Refiner
from models.refiner.conditioned import (
    END_RATIO,
    PASSES,
    START_RATIO,
    STRENGTH,
    contracted,
    denoise,
    drawn_ratios,
    ratios,
    refine_conditioned,
    refine_conditioned_at_once,
    shown,
)
from models.refiner.start_step import error_rms
from models.training.config import RefinerTraining
from models.training.refiner.conditioned_loop import conditioned_network, train_conditioned
from models.training.refiner.decoded_pairs import DecodedPairs


class Answer(torch.nn.Module):
    """Gives ``value`` as F whatever it is asked, and keeps what it was asked."""

    def __init__(self, value=0.0):
        super().__init__()
        self.value, self.asked = value, []

    def forward(self, inputs, step):
        self.asked.append((inputs, step))
        return type("Out", (), {"sample": torch.full_like(inputs[:, :3], self.value)})


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    path = tmp_path_factory.mktemp("pictures") / "own.npz"
    np.savez(path, images=np.random.default_rng(5).integers(0, 256, (6, 32, 32, 3)).astype(np.uint8))
    return str(path)


def settings(pictures, codec, out, **changes):
    given = {"codec": codec, "images": [pictures], "out": out, "steps": 3, "batch": 2, "pairs": 6, "seed": 4}
    return RefinerTraining(**given | {"conditioned": True, "channels": [8, 16]} | changes)


def test_a_network_of_zeros_is_the_best_linear_estimate():
    """x0 = y + r, r ~ N(0, e^2), seen in noise sigma: the conditional mean, and F's own target has unit variance."""
    rng = torch.Generator().manual_seed(1)
    error, ratio = 0.2, 0.7
    decoded = torch.zeros(1, 3, 256, 256)
    original = error * torch.randn(decoded.shape, generator=rng)
    noisy = original + ratio * error * torch.randn(decoded.shape, generator=rng)
    levels = torch.tensor([ratio]), torch.tensor([error])
    estimate = denoise(Answer(), noisy, decoded, *levels)
    slope = float((noisy * original).mean() / noisy.square().mean())
    torch.testing.assert_close(estimate, slope * noisy, rtol=0.02, atol=1e-3)
    reach = denoise(Answer(1.0), noisy, decoded, *levels) - estimate
    assert float(((original - estimate) / reach).square().mean()) == pytest.approx(1, rel=0.02)
    inputs, step = Answer(), None
    denoise(inputs, noisy, decoded, *levels)
    seen, step = inputs.asked[0]
    assert float(seen[:, :3].square().mean()) == pytest.approx(1, rel=0.02)
    assert float(seen[0, 6, 0, 0]) == pytest.approx(10 * error)
    assert float(step) == pytest.approx(500 + 200 * math.log(ratio))


@pytest.mark.parametrize("passes", [2, PASSES, 200])
def test_the_passes_follow_the_closed_form_of_a_gaussian(passes):
    """For Gaussian errors the estimate of a step scales u - y by a = 1 / (1 + ratio^2) and DDIM's step is linear in it;
    with many steps samples get the deviation of the errors, but for what the last pass takes out, sqrt(1 + end^2).
    """
    decoded, error = torch.zeros(1, 3, 16, 16), 0.1
    refined = refine_conditioned(Answer(), decoded, error, passes)
    wanted = contracted(decoded, error)
    for level, following in zip(ratios(passes), [*ratios(passes)[1:], 0.0], strict=True):
        kept = 1 / (1 + level**2)
        wanted = wanted * (kept + following / level * (1 - kept))
    torch.testing.assert_close(refined, wanted, rtol=1e-4, atol=1e-6)
    if passes == 200:
        assert float(refined.std()) == pytest.approx(error / math.sqrt(1 + END_RATIO**2), rel=0.05)


def test_one_pass_looks_once_where_several_start():
    decoded = torch.rand(2, 3, 16, 16) * 1.8 - 0.9
    network = Answer()
    refine_conditioned_at_once(network, decoded, 0.1)
    ((inputs, step),) = network.asked
    assert float(step[0]) == pytest.approx(500 + 200 * math.log(START_RATIO))
    several = Answer()
    refine_conditioned(several, decoded, 0.1)
    assert len(several.asked) == PASSES
    torch.testing.assert_close(several.asked[0][0], inputs)


def test_what_is_shown_costs_the_share_of_a_sample_s_error():
    """With r and the sample's own details independent and of deviation e, the error is e^2 (1 + STRENGTH^2) less what
    the estimate knows: here nothing, so that 10 log10(1 + STRENGTH^2) dB are lost.
    """
    rng = torch.Generator().manual_seed(3)
    original, details = (0.1 * torch.randn(1, 3, 256, 256, generator=rng) for _ in range(2))
    decoded = torch.zeros_like(original)
    loss = (shown(decoded, details) - original).square().mean() / original.square().mean()
    assert float(loss) == pytest.approx(1 + STRENGTH**2, rel=0.01)
    assert torch.equal(shown(original, original), original)


def test_training_draws_all_levels_in_use():
    drawn = drawn_ratios(4000, torch.Generator().manual_seed(2))
    assert END_RATIO / 2 <= drawn.min() < END_RATIO
    assert START_RATIO < drawn.max() <= 6 * START_RATIO
    lowest, highest = math.log(END_RATIO / 2), math.log(6 * START_RATIO)
    assert float(drawn.log().mean()) == pytest.approx((lowest + highest) / 2, abs=0.06)


def test_the_error_falls_with_the_snr_and_ends_at_its_ends():
    levels = torch.tensor([-10.0, 0.0, 10.0, 30.0])
    torch.testing.assert_close(error_rms(levels), torch.tensor([error_rms(float(level)) for level in levels]))
    assert error_rms(-99.0) == error_rms(-10.0) > error_rms(0.0) > error_rms(30.0) == error_rms(99.0)


def test_pairs_belong_together(pictures, exported):
    pairs = DecodedPairs([pictures], exported, 40, 32, (0.0, 20.0), 3)
    whole = np.load(pictures)["images"].astype(np.float32).transpose(0, 3, 1, 2) / 127.5 - 1
    known = torch.from_numpy(np.concatenate([whole, whole[..., ::-1]]))
    rng = np.random.default_rng(1)
    original, decoded, snr_db = pairs.draw(rng, 24)
    assert ((original[:, None] - known[None]).abs().amax(dim=(2, 3, 4)).amin(dim=1) < 1e-6).all()
    assert decoded.shape == original.shape and -1 <= decoded.min() <= decoded.max() <= 1
    assert len(snr_db.unique()) == 2  # 40 crops are decoded 32 at a time.
    _, _, level_db = pairs.draw_alike(rng, 24)
    assert level_db in snr_db.tolist()
    again = DecodedPairs([pictures], exported, 40, 32, (0.0, 20.0), 3).draw(np.random.default_rng(1), 24)
    assert torch.equal(again[1], decoded)


def test_training_needs_a_codec_and_lowers_the_loss(pictures, exported, tmp_path):
    with pytest.raises(ModelError, match="--codec"):
        train_conditioned(settings(pictures, None, tmp_path / "none"))
    # A fresh codec's error is far larger than a trained one's, and all of it can be learnt from six pictures.
    chosen = settings(pictures, exported, tmp_path / "run", steps=40, learning_rate=1e-2, batch=6)
    trained, progress = train_conditioned(chosen)
    assert progress.images_seen == 240
    pairs = DecodedPairs([pictures], exported, 6, 32, chosen.snr_db, chosen.seed)
    original, decoded, snr_db = pairs.draw(np.random.default_rng(9), 6)
    noise = torch.randn(decoded.shape, generator=torch.Generator().manual_seed(1))
    errors, level = error_rms(snr_db), torch.ones(6)
    noisy = original + errors.view(-1, 1, 1, 1) * noise
    with torch.no_grad():
        after, before = (
            (denoise(network, noisy, decoded, level, errors) - original).square().mean()
            for network in (trained.eval(), conditioned_network(chosen))
        )
    assert after < 0.9 * before


def test_a_resumed_run_is_the_uninterrupted_run(pictures, exported, whole_and_in_parts):
    whole, parts = whole_and_in_parts(
        lambda out, resume: train_conditioned(settings(pictures, exported, out, checkpoint_s=1e-9), resume)
    )
    assert all(torch.equal(whole[name], parts[name]) for name in whole)


def test_the_commands_train_distil_and_refine(pictures, exported, tmp_path):
    small = tmp_path / "small.yaml"
    small.write_text("channels: [8, 16]\npairs: 4\nbatch: 2\n", encoding="utf-8")
    common = ["--codec", str(exported), "--images", pictures, "--steps", "2"]
    given = ["refiner", "--conditioned", *common, "--validation", pictures, "--config", str(small)]
    CliRunner().invoke(train_command, [*given, "--out", str(tmp_path), "--name", "ten"], catch_exceptions=False)
    manifest = load_refiner_manifest(tmp_path / "ten")
    assert manifest.method == "conditioned-diffusion"
    assert "--conditioned" in manifest.provenance.command
    assert "own.npz" in manifest.metrics["before_and_after"]
    fewer = tmp_path / "fewer.yaml"
    fewer.write_text("pairs: 4\nbatch: 2\n", encoding="utf-8")
    given = ["one-step", "--refiner", str(tmp_path / "ten"), *common, "--config", str(fewer)]
    given += ["--out", str(tmp_path / "distilled"), "--name", "one"]
    CliRunner().invoke(train_command, given, catch_exceptions=False)
    assert load_refiner_manifest(tmp_path / "distilled" / "one").method == "conditioned-one-step"
    image = np.random.default_rng(1).random((3, 20, 33), np.float32)
    for folder, wanted in ((tmp_path / "ten", PASSES), (tmp_path / "distilled" / "one", 1)):
        refiner, calls = Refiner.load(folder, "cpu"), []
        refiner.network.register_forward_hook(lambda *given, kept=calls: kept.append(1))
        refined = refiner.refine(image, 5.0)
        assert refined.shape == image.shape and 0 <= refined.min() <= refined.max() <= 1
        assert len(calls) == refiner.passes == refiner.useful_passes(5.0) == wanted
        np.testing.assert_array_equal(refined, refiner.refine(image, 5.0))
    assert len(calls) == 2
