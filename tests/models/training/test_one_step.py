"""The one-step refiner: exact where theory says so, learns what several passes do, runs like any refiner."""

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from hil.cli.codecs.export import command as export_command
from hil.cli.codecs.train import command as train_command
from models.evaluation.frames import frames_of
from models.evaluation.learned import LearnedScheme
from models.export.refiner_folder import export_refiner
from models.package.manifest import Provenance, load_refiner_manifest
from models.refiner import Refiner
from models.refiner.network import (
    ARCHITECTURE_NAME,
    SCHEDULER_ARGUMENTS,
    build_prior,
    build_scheduler,
    small_prior_arguments,
)
from models.refiner.refiner import contract_and_denoise, refine_at_once
from models.refiner.start_step import start_timestep
from models.training.refiner.one_step import student_of, train_one_step
from models.training.stage_config import OneStepTraining

SCHEDULER = build_scheduler(SCHEDULER_ARGUMENTS)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "set.npz"
    np.savez(path, images=np.random.default_rng(1).integers(0, 256, (6, 32, 32, 3), dtype=np.uint8))
    return str(path)


def test_the_error_scaled_as_noise_is_taken_off():
    """For x_init = x0 + e, eps_hat = e sqrt(abar / (1 - abar)) must give x0: the definition solved for eps."""
    clean, error = torch.rand(1, 3, 8, 8) - 0.5, 0.1 * torch.randn(1, 3, 8, 8)
    abar = SCHEDULER.alphas_cumprod[80]

    class Oracle(torch.nn.Module):
        def forward(self, given, step):
            torch.testing.assert_close(given, abar.sqrt() * (clean + error))
            assert step == 80
            return type("Out", (), {"sample": torch.cat((error, error), dim=1) * (abar / (1 - abar)).sqrt()})

    torch.testing.assert_close(refine_at_once(Oracle(), SCHEDULER, clean + error, 80), clean)
    assert refine_at_once(Oracle(), SCHEDULER, clean, 0) is clean


def settings(pictures, exported, exported_refiner, out, **changes):
    common = {"images": [pictures], "refiner": exported_refiner, "codec": exported, "batch": 4, "pairs": 64}
    return OneStepTraining(**common, out=out, **{"steps": 4} | changes)


def test_it_learns_the_mean_of_what_the_refiner_does(pictures, exported, tmp_path, monkeypatch):
    """A prior that always predicts noise of about 1 darkens; a pass that starts by doing nothing must learn that."""
    torch.manual_seed(4)
    arguments = small_prior_arguments([8, 16], 16)
    prior = build_prior(ARCHITECTURE_NAME, arguments)
    torch.nn.init.ones_(prior.conv_out.bias)
    provenance = Provenance(data="none", command="none", seed=0, minutes=0, images_seen=0)
    export_refiner(prior, tmp_path / "dark", "dark", "0", arguments, provenance, {}, "MIT")
    refiner = Refiner.load(tmp_path / "dark", "cpu")

    def silent_student(of):
        student = student_of(of)
        torch.nn.init.zeros_(student.conv_out.weight)
        torch.nn.init.zeros_(student.conv_out.bias)
        return student

    monkeypatch.setattr("models.training.refiner.one_step.student_of", silent_student)
    narrow = {"steps": 60, "learning_rate": 2e-2, "snr_db": (0.0, 0.1)}
    trained, _ = train_one_step(settings(pictures, exported, tmp_path / "dark", tmp_path / "run", **narrow))
    scheme = LearnedScheme(str(exported), 2, "cpu")
    frames = frames_of(np.load(pictures)["images"], "random-phase", 2, 512, 3)
    decoded = torch.from_numpy(np.concatenate([scheme.send_float(frame, 0.0) for frame in frames])) * 2 - 1
    start = start_timestep(0.0, SCHEDULER.alphas_cumprod.numpy())
    runs = [contract_and_denoise(refiner.network, refiner.scheduler, decoded, start, seed) for seed in range(32)]
    mean = torch.stack(runs).mean(dim=0)
    with torch.no_grad():
        after = (refine_at_once(trained.eval(), refiner.scheduler, decoded, start) - mean).abs().mean()
    assert after < 0.5 * (decoded - mean).abs().mean()


def test_a_resumed_run_is_the_uninterrupted_run(pictures, exported, exported_refiner, whole_and_in_parts):
    def train(out, resume):
        train_one_step(settings(pictures, exported, exported_refiner, out, checkpoint_s=1e-9), resume)

    whole, parts = whole_and_in_parts(train)
    assert all(torch.equal(whole[name], parts[name]) for name in whole)


def test_the_command_trains_measures_and_exports(pictures, exported, exported_refiner, tmp_path):
    (tmp_path / "few.yaml").write_text("pairs: 8\n", encoding="utf-8")
    arguments = ["one-step", "--config", str(tmp_path / "few.yaml"), "--refiner", str(exported_refiner)]
    arguments += ["--codec", str(exported), "--images", pictures]
    arguments += ["--validation", pictures, "--steps", "2", "--out", str(tmp_path), "--name", "quick"]
    CliRunner().invoke(train_command, arguments, catch_exceptions=False)
    manifest = load_refiner_manifest(tmp_path / "quick")
    assert manifest.method == "one-step"
    assert manifest.metrics["distilled_from"] == "tiny 0"
    assert (manifest.metrics["network_passes"], manifest.metrics["of_the_refiner_network_passes"]) == (1, 4)
    assert manifest.metrics["before_and_after"].keys() == manifest.metrics["of_the_refiner"].keys()
    again = ["--run", str(tmp_path), "--kind", "refiner", "--out", str(tmp_path / "again")]
    assert CliRunner().invoke(export_command, again, catch_exceptions=False).exit_code == 0
    refiner = Refiner.load(tmp_path / "quick", "cpu")
    calls = []
    refiner.network.register_forward_hook(lambda *given: calls.append(1))
    image = np.random.default_rng(1).random((3, 20, 33), np.float32)
    assert refiner.refine(image, 5.0).shape == image.shape
    assert len(calls) == 1
