"""The conditional-GAN refiner: losses by hand, gradients, what each step moves, exact resume, the command."""

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from hil.cli.codecs.train import command as train_command
from models.package.manifest import load_refiner_manifest
from models.refiner import Refiner
from models.refiner.generator import generate, snr_step
from models.training.refiner.adversarial import PatchCritic, adversarial_losses, critic_loss
from models.training.refiner.conditional_gan import Rivals, generator_loss, train_conditional_gan
from models.training.stage_config import ConditionalGanTraining


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "set.npz"
    np.savez(path, images=np.random.default_rng(1).integers(0, 256, (6, 32, 32, 3), dtype=np.uint8))
    return str(path)


def settings(pictures, exported, out, **changes):
    small = {"channels": [8, 16], "critic_channels": [4, 8], "crop_px": 16, "batch": 2, "steps": 3}
    return ConditionalGanTraining(images=[pictures], codec=exported, out=out, **small | changes)


def linear_critic(weight):
    """D(x, c) = weight * sum(x) - sum(c): its gradient has the norm |weight| sqrt(3 H W) everywhere."""
    return lambda x, c: [2 * x, (weight * x.sum(dim=(1, 2, 3)) - c.sum(dim=(1, 2, 3)))[:, None, None, None]]


def test_losses_by_hand():
    real, made = torch.full((2, 3, 2, 2), 0.5), torch.full((2, 3, 2, 2), 0.25)
    condition = torch.ones(2, 3, 2, 2)
    # 12 values: sums 6 and 3, so D(made) - D(real) = 0.5 (3 - 6); the slope is 0.5 sqrt(12) = sqrt(3).
    loss = critic_loss(linear_critic(0.5), real, made, condition, 10.0, torch.tensor([0.0, 0.3]).reshape(2, 1, 1, 1))
    assert loss.item() == pytest.approx(-1.5 + 10 * (3**0.5 - 1) ** 2, rel=1e-5)
    # A slope of one costs nothing.
    unit = critic_loss(linear_critic(12**-0.5), real, made, condition, 10.0, torch.full((2, 1, 1, 1), 0.5))
    assert unit.item() == pytest.approx(-3 / 12**0.5, rel=1e-5)
    adversarial, features = adversarial_losses(linear_critic(0.5), real, made, condition)
    assert adversarial.item() == pytest.approx(-(1.5 - 12))
    assert features.item() == pytest.approx(2 * 0.25)
    weights = ConditionalGanTraining(images=["x"], out="y", codec="z", reconstruction=3, adversarial=0.1, feature=2)
    total, error = generator_loss(linear_critic(0.5), real, made, condition, weights)
    assert error.item() == pytest.approx(0.25)
    assert total.item() == pytest.approx(3 * 0.25 + 0.1 * 10.5 + 2 * 0.5, rel=1e-5)


def test_the_critics_penalty_and_the_generators_loss_reach_their_weights(exported, pictures, tmp_path):
    torch.manual_seed(2)
    rivals = Rivals(settings(pictures, exported, tmp_path))
    real, decoded = torch.rand(2, 3, 16, 16), torch.rand(2, 3, 16, 16)
    # Without the difference of scores only the penalty is left: it must move every convolution by second derivatives.
    critic_loss(rivals.critic, decoded, decoded, decoded, 10.0, torch.full((2, 1, 1, 1), 0.5)).backward()
    assert all(layer.weight.grad.abs().sum() > 0 for layer in [*rivals.critic.layers, rivals.critic.score])
    rivals.critic.requires_grad_(False).zero_grad()
    made = generate(rivals.generator, decoded, 5.0)
    torch.testing.assert_close(made, decoded)  # A fresh generator changes nothing.
    adversarial, features = adversarial_losses(rivals.critic, real, made, decoded)
    for loss in (adversarial, features):
        (slope,) = torch.autograd.grad(loss, rivals.generator.conv_out.weight, retain_graph=True)
        assert slope.abs().sum() > 0


def test_the_snr_and_the_size_of_the_picture_reach_the_networks(exported, pictures, tmp_path):
    assert [snr_step(snr_db) for snr_db in (-40, -10, 0, 20, 99)] == [0, 0, 100, 300, 400]
    torch.manual_seed(2)
    rivals = Rivals(settings(pictures, exported, tmp_path))
    torch.nn.init.normal_(rivals.generator.conv_out.weight)
    picture = torch.rand(1, 3, 16, 24) - 0.5
    with torch.no_grad():
        assert not torch.equal(generate(rivals.generator, picture, 0.0), generate(rivals.generator, picture, 20.0))
        assert PatchCritic([4, 8])(picture, picture)[-1].shape == (1, 1, 4, 6)


def test_a_resumed_run_is_the_uninterrupted_run(pictures, exported, whole_and_in_parts):
    whole, parts = whole_and_in_parts(
        lambda out, resume: train_conditional_gan(settings(pictures, exported, out, checkpoint_s=1e-9), resume)
    )
    assert whole.keys() == parts.keys()
    assert any(name.startswith("network.critic") for name in whole)
    assert all(torch.equal(whole[name], parts[name]) for name in whole)


def test_the_command_makes_a_refiner_that_runs_like_any(pictures, exported, tmp_path):
    config = tmp_path / "c.yaml"
    config.write_text("channels: [8, 16]\ncritic_channels: [4]\ncrop_px: 16\nbatch: 2\nlearning_rate: 1.0e-2\n")
    arguments = ["baseline", "conditional-gan", "--codec", str(exported), "--config", str(config), "--images", pictures]
    arguments += ["--steps", "3", "--out", str(tmp_path / "run"), "--name", "rival"]
    result = CliRunner().invoke(train_command, arguments, catch_exceptions=False)
    assert result.exit_code == 0
    manifest = load_refiner_manifest(tmp_path / "run" / "rival")
    assert manifest.method == "conditional-gan"
    assert f"--codec {exported.name}" in manifest.provenance.command
    refiner, calls = Refiner.load(tmp_path / "run" / "rival", "cpu"), []
    refiner.network.register_forward_hook(lambda *given: calls.append(1))
    image = np.random.default_rng(1).random((3, 20, 33), np.float32)
    refined = refiner.refine(image, 5.0)
    assert refined.shape == image.shape and not np.array_equal(refined, image)
    assert len(calls) == 1
    wrong = CliRunner().invoke(train_command, ["baseline", "orthogonal", "--codec", str(exported), *arguments[4:]])
    assert wrong.exit_code == 2 and "--codec" in wrong.output
