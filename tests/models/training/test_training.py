import json

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import load_file

from hil.cli.codecs.export import command as export_command
from hil.cli.codecs.train import command as train_command
from models.errors import ModelError
from models.package.manifest import load_manifest, load_refiner_manifest
from models.training.codec.loop import LOG_MSE_FLOOR, objective, train_codec
from models.training.config import CodecTraining, RefinerTraining
from models.training.refiner.loop import train_refiner
from models.training.running.dataset import CropPool, split_weight
from models.training.running.schedule import learning_rate_at

TINY = {
    "encoder_widths": [8, 8],
    "encoder_blocks": [1, 1],
    "decoder_widths": [8, 8],
    "decoder_blocks": [1, 2],
}


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "set.npz"
    np.savez(path, images=np.random.default_rng(1).integers(0, 256, (6, 40, 48, 3), dtype=np.uint8))
    return str(path)


def codec_settings(pictures, out, steps, **changes):
    return CodecTraining(
        images=[pictures], out=out, steps=steps, arguments=TINY, batch_pixels=2048, crops_px=[32], **changes
    )


def test_a_resumed_run_is_the_uninterrupted_run(pictures, tmp_path):
    train_codec(codec_settings(pictures, tmp_path / "whole", 6, learning_rate=1e-3))
    # The schedule depends on the length of the run, so the interruption is a copy of the half-way state.
    half = codec_settings(pictures, tmp_path / "parts", 6, checkpoint_s=1e-9)

    class Killed(Exception):
        pass

    import models.training.running.runner as runner

    original, calls = runner.save_checkpoint, []

    def killing(*arguments):
        original(*arguments)
        calls.append(1)
        if len(calls) == 3:
            raise Killed

    runner.save_checkpoint = killing
    try:
        with pytest.raises(Killed):
            train_codec(half.model_copy(update={"learning_rate": 1e-3}))
    finally:
        runner.save_checkpoint = original
    train_codec(codec_settings(pictures, tmp_path / "parts", 6, learning_rate=1e-3), resume=True)
    whole, parts = (load_file(tmp_path / name / "checkpoint.safetensors") for name in ("whole", "parts"))
    assert whole.keys() == parts.keys()
    for name in whole:
        assert torch.equal(whole[name], parts[name]), name


def test_a_checkpoint_is_not_overwritten_nor_mixed_up(pictures, tmp_path):
    settings = codec_settings(pictures, tmp_path, 1)
    train_codec(settings)
    with pytest.raises(ModelError, match="already holds a checkpoint"):
        train_codec(settings)
    with pytest.raises(ModelError, match="seed 1, not 2"):
        train_codec(codec_settings(pictures, tmp_path, 2, seed=2), resume=True)
    (tmp_path / "checkpoint.safetensors").write_bytes(b"broken")
    with pytest.raises(ModelError, match="cannot be resumed"):
        train_codec(settings, resume=True)


def test_the_command_trains_measures_exports_and_exports_again(pictures, tmp_path):
    config = tmp_path / "tiny.yaml"
    config.write_text(json.dumps({"arguments": TINY, "batch_pixels": 2048, "crops_px": [32]}))
    arguments = ["codec", "--config", str(config), "--images", f"{pictures}=2", "--validation", pictures]
    arguments += ["--steps", "2", "--seed", "3", "--name", "mine", "--out", str(tmp_path / "run")]
    result = CliRunner().invoke(train_command, arguments, catch_exceptions=False)
    assert result.exit_code == 0
    manifest = load_manifest(tmp_path / "run" / "mine")
    assert manifest.provenance.seed == 3
    assert manifest.provenance.images_seen == 8
    assert str(tmp_path) not in manifest.model_dump_json()
    assert manifest.metrics["psnr_db"]["set.npz"]["images"] == 6
    assert all(0 <= overlap <= 1 for overlap in manifest.metrics["symbol_overlap"]["set.npz"].values())
    again = ["--run", str(tmp_path / "run"), "--out", str(tmp_path / "again")]
    assert CliRunner().invoke(export_command, again, catch_exceptions=False).exit_code == 0
    first = (tmp_path / "run" / "mine" / "decoders.safetensors").read_bytes()
    assert (tmp_path / "again" / "decoders.safetensors").read_bytes() == first


def test_a_refiner_trains_and_exports(pictures, tmp_path):
    settings = RefinerTraining(images=[pictures], out=tmp_path, steps=2, channels=[8, 16], crop_px=16, batch=2)
    train_refiner(settings)
    arguments = ["--run", str(tmp_path), "--kind", "refiner", "--out", str(tmp_path / "out")]
    assert CliRunner().invoke(export_command, arguments, catch_exceptions=False).exit_code == 0
    assert load_refiner_manifest(tmp_path / "out").provenance.images_seen == 4


@pytest.mark.parametrize("text", ["colour: 1", "- a", "a: [", "steps: 0"])
def test_a_bad_yaml_is_one_sentence(pictures, tmp_path, text):
    (tmp_path / "bad.yaml").write_text(text)
    arguments = [
        "codec",
        "--config",
        str(tmp_path / "bad.yaml"),
        "--images",
        pictures,
        "--out",
        str(tmp_path / "o"),
    ]
    result = CliRunner().invoke(train_command, arguments)
    assert isinstance(result.exception, ModelError)
    assert "\n" not in str(result.exception)


def test_schedule_rises_then_falls_to_zero():
    rates = [learning_rate_at(share, 1e-3, 0.1) for share in np.linspace(0, 1, 101)]
    assert max(rates) == pytest.approx(1e-3)
    assert rates[:11] == sorted(rates[:11])
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[-1] == pytest.approx(0, abs=1e-9)


def test_objective_leaves_silent_users_out():
    errors = torch.tensor([[0.1, torch.nan], [0.3, 0.2]])
    assert objective(errors, "mse") == pytest.approx(0.2)
    expected = np.mean(np.log(np.array([0.1, 0.3, 0.2]) + LOG_MSE_FLOOR))
    assert objective(errors, "log-mse") == pytest.approx(expected, rel=1e-5)


def test_crops_are_parts_of_the_pictures(tmp_path):
    image = np.arange(40 * 36, dtype=np.uint16).reshape(40, 36)
    rgb = np.dstack([image % 256, image // 256, image * 0]).astype(np.uint8)
    np.savez(tmp_path / "one.npz", images=rgb[None])
    pool = CropPool([str(tmp_path / "one.npz")], smallest_px=36)
    crops = pool.draw(np.random.default_rng(1), 20, 36)
    windows = [rgb[top : top + 36] for top in range(5)]
    windows += [window[:, ::-1] for window in windows]
    assert all(any(np.array_equal(crop, window) for window in windows) for crop in crops)
    assert np.array_equal(crops, pool.draw(np.random.default_rng(1), 20, 36))


def test_weights_of_sources(tmp_path):
    assert split_weight("a/b=2.5") == ("a/b", 2.5)
    assert split_weight("a=b") == ("a=b", 1.0)
    assert split_weight("a") == ("a", 1.0)
    with pytest.raises(ModelError):
        split_weight("a=-1")
    np.savez(tmp_path / "small.npz", images=np.zeros((1, 8, 8, 3), np.uint8))
    with pytest.raises(ModelError, match="32x32"):
        CropPool([str(tmp_path / "small.npz")])
