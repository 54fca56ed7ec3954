"""Baselines: what they share, what they do not, and that each trains, exports and is evaluated."""

import json

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from hil.cli.codecs.evaluate import command as evaluate_command
from hil.cli.codecs.train import command as train_command
from models.codecs.registry import build_codec
from models.package.manifest import load_manifest
from models.runtime.encoder import SemanticEncoder
from models.side_information import SideInformation
from models.training.stage_config import BASELINES, BaselineTraining

TINY = {"encoder_widths": [8, 8], "encoder_blocks": [1, 1], "decoder_widths": [8, 8], "decoder_blocks": [1, 2]}


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "set.npz"
    np.savez(path, images=np.random.default_rng(1).integers(0, 256, (4, 32, 32, 3), dtype=np.uint8))
    return str(path)


@pytest.fixture(scope="module")
def runs(pictures, tmp_path_factory):
    place = tmp_path_factory.mktemp("runs")
    config = place / "tiny.yaml"
    config.write_text(json.dumps({"arguments": TINY, "batch_pixels": 2048, "crops_px": [32], "steps": 2}))
    for name in BASELINES:
        arguments = ["baseline", name, "--config", str(config), "--images", pictures, "--validation", pictures]
        CliRunner().invoke(train_command, [*arguments, "--out", str(place / name)], catch_exceptions=False)
    return place


@pytest.mark.parametrize("name", BASELINES)
def test_every_baseline_is_a_codec_with_the_same_channel_uses(runs, name):
    manifest = load_manifest(runs / name / name)
    assert manifest.channel_uses(32, 32) == 512
    assert manifest.provenance.command.startswith(f"semnoma-hil train baseline {name} --images")
    assert manifest.metrics["psnr_db"]["set.npz"]["images"] == 4
    overlap = manifest.metrics["symbol_overlap"]["set.npz"]["10"]
    assert (overlap == 0) == (name == "orthogonal")


def test_they_are_compared_in_one_table(runs, pictures):
    names = ",".join(str(runs / name / name) for name in BASELINES)
    arguments = ["--images", pictures, "--scheme", f"{names},digital-jpeg", "--snr", "10", "--json"]
    result = CliRunner().invoke(evaluate_command, arguments, catch_exceptions=False)
    rows = json.loads(result.stdout)
    assert [row["scheme"] for row in rows] == [*BASELINES, "digital-jpeg"]
    assert {row["channel_uses"] for row in rows} == {512}


def test_time_shared_users_send_at_full_power_on_their_share(runs):
    encoder = SemanticEncoder.load(runs / "orthogonal" / "orthogonal")
    picture = np.random.default_rng(2).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    sent = np.stack([encoder.encode(picture, user, SideInformation.default(2)) for user in range(2)])
    used = np.abs(sent) > 0
    assert used.sum(axis=1).tolist() == [256, 256]
    assert not (used[0] & used[1]).any()
    assert np.mean(np.abs(sent[0][used[0]]) ** 2) == pytest.approx(2, rel=1e-5)


def test_the_joint_decoder_is_one_network_of_all_pictures():
    codec = build_codec("compact", TINY | {"users": 3, "decoders": "joint"})
    features, side = torch.randn(2, 16, 4, 4), torch.rand(2, 3)
    whole = codec.decoders.decoder(features, side)
    assert whole.shape == (2, 9, 16, 16)
    torch.testing.assert_close(torch.cat([decoder(features, side) for decoder in codec.decoders], dim=1), whole)


def test_a_baseline_cannot_be_configured_into_another():
    settings = BaselineTraining(
        images=["a"], out="o", baseline="orthogonal", arguments=TINY | {"sharing": "superposed"}
    )
    assert settings.arguments["sharing"] == "time"
    assert settings.arguments["decoder_blocks"] == [1, 2]
