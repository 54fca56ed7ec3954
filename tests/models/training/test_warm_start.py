"""Training from a codec that exists: the same codec again, more users, other decoders, and refusals."""

import math

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from hil.cli.codecs.train import command as train_command
from models.codecs.registry import build_codec
from models.errors import ModelError
from models.export.codec_folder import CodecCard, export_codec
from models.package.manifest import Provenance, load_manifest
from models.package.zoo import codec_folder
from models.training.codec.frames import SIDE_FIELDS
from models.training.codec.loop import starting_codec
from models.training.codec.two_stage import teacher_network
from models.training.codec.warm_start import load_torch_codec, warm_start
from models.training.config import CodecTraining
from models.training.stage_config import BaselineTraining, TeacherTraining

TINY = {"encoder_widths": [8, 16], "encoder_blocks": [1, 1], "decoder_widths": [8, 16], "decoder_blocks": [1, 2]}


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """Not fresh: the exporter stores equal parameters, of which fresh weights have many, only once."""
    codec = build(2)
    with torch.no_grad():
        for parameter in codec.parameters():
            parameter.add_(0.01 * torch.randn_like(parameter))
    codec.decoders.load_state_dict({k: v.half().float() for k, v in codec.decoders.state_dict().items()})
    provenance = Provenance(data="none", command="none", seed=0, minutes=0, images_seen=0)
    folder = tmp_path_factory.mktemp("codec") / "small"
    export_codec(codec, folder, CodecCard("small", "0", SIDE_FIELDS, provenance, {}, "MIT"))
    return folder


def build(users, **arguments):
    torch.manual_seed(5)
    return build_codec("compact", {"users": users, "side_size": 3, **TINY, **arguments})


def test_a_shipped_codec_is_read_back_from_its_onnx_file():
    codec = load_torch_codec(codec_folder("compact-2u"))
    again = starting_codec(CodecTraining(images=["x"], out="y", initial_codec=codec_folder("compact-2u")))
    for name, tensor in codec.state_dict().items():
        assert torch.equal(tensor, again.state_dict()[name]), name
    assert codec.training


def test_more_users_take_over_a_parents_symbols_each_its_own(exported):
    """Users 0 and 1 descend from 0, users 2 and 3 from 1, and of their symbols each keeps the quarter that is its."""
    initial = load_torch_codec(exported)
    arguments = {
        key: list(value) if isinstance(value, tuple) else value for key, value in vars(initial.arguments).items()
    }
    codec = build_codec("compact", arguments | {"users": 4, "shared_start": 0.25})
    warm_start(codec, exported)
    half = initial.arguments.latent_channels // 2
    for user, parent in enumerate((0, 0, 1, 1)):
        own = torch.tensor([symbol * 4 // half == user for symbol in range(half)]).repeat(2)
        loudness = torch.where(own, 1.0, 0.25)
        torch.testing.assert_close(codec.encoder.projection[user], initial.encoder.projection[parent] * loudness)
        stem = initial.decoders[parent].stem.weight * math.sqrt(2) * loudness[None, :, None, None]
        torch.testing.assert_close(codec.decoders[user].stem.weight, stem)
        output, before = codec.decoders[user].up_full[1].weight, initial.decoders[parent].up_full[1].weight
        assert torch.equal(output, before)
    assert torch.equal(codec.encoder.stem.weight, initial.encoder.stem.weight)
    assert not torch.equal(codec.encoder.embedding.weight[0], codec.encoder.embedding.weight[1])


def test_other_decoders_start_as_user_0s(exported):
    initial = load_torch_codec(exported)
    arguments = {
        key: list(value) if isinstance(value, tuple) else value for key, value in vars(initial.arguments).items()
    }
    common = {"images": ["x"], "out": "y", "arguments": arguments, "initial_codec": exported}
    teacher = teacher_network(TeacherTraining(**common))
    joint = starting_codec(BaselineTraining(**common, baseline="joint-decoder"))
    latent, side = torch.randn(2, initial.arguments.latent_channels, 2, 3), torch.rand(2, 3)
    with torch.no_grad():
        expected = initial.decoders[0](latent, side)
        for user in (0, 1):
            torch.testing.assert_close(teacher.decoders[user](latent, side), expected)
            # Pixel shuffle takes four channels for each of an output: a joint decoder's are those, once a user.
            torch.testing.assert_close(joint.decoders[user](latent, side), expected)


def test_what_does_not_fit_is_refused(exported, tmp_path):
    with pytest.raises(ModelError, match="nothing in it fits"):
        warm_start(build(2, latent_channels=8), exported)
    with pytest.raises(ModelError, match="manifest"):
        warm_start(build(2), tmp_path)


def test_the_command_starts_from_a_codec_and_says_so(exported, tmp_path):
    pictures = tmp_path / "set.npz"
    np.savez(pictures, images=np.random.default_rng(1).integers(0, 256, (6, 32, 32, 3), dtype=np.uint8))
    config = tmp_path / "c.yaml"
    arguments = load_manifest(exported).arguments
    config.write_text(f"arguments: {arguments | {'users': 4}}\nbatch_pixels: 2048\ncrops_px: [32]\n")
    command = ["codec", "--config", str(config), "--images", str(pictures), "--users", "4", "--steps", "1"]
    command += ["--initial-codec", str(exported), "--out", str(tmp_path / "run"), "--name", "four"]
    CliRunner().invoke(train_command, command, catch_exceptions=False)
    manifest = load_manifest(tmp_path / "run" / "four")
    assert manifest.users == 4
    assert f"--users 4 --initial-codec {exported.name}" in manifest.provenance.command
    assert '"batch_pixels":2048' in manifest.provenance.note
    # And a run, finished or not, is a start like any other.
    command[-1], command[command.index("--out") + 1] = "five", str(tmp_path / "next")
    command[command.index("--initial-codec") + 1] = str(tmp_path / "run")
    CliRunner().invoke(train_command, command, catch_exceptions=False)
    assert load_manifest(tmp_path / "next" / "five").users == 4
