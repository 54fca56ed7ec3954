"""A user's own codec, built by hand from two convolutions, from its folder to rows of an evaluation."""

import json
import shutil

import numpy as np
import onnx
import pytest
from click.testing import CliRunner
from onnx import TensorProto, helper, numpy_helper

from hil.cli.codecs.evaluate import command as evaluate_command
from hil.cli.codecs.models import command as models_command
from models.errors import ModelError
from models.export.adding import add_codec, check_codec, remove_codec
from models.package.manifest import describe_file
from models.package.zoo import added_folder, codec_folder, list_codecs
from models.runtime.encoder import SemanticEncoder
from models.side_information import SideInformation
from tests.float32 import FEW_STEPS_ATOL

STRIDE, LATENT = 2, 12


@pytest.fixture(autouse=True)
def own_place(tmp_path, monkeypatch):
    monkeypatch.setenv("SEMNOMA_HIL_MODELS", str(tmp_path / "added"))


def network(path, kind, weight, inputs, output, attributes):
    values = [helper.make_tensor_value_info(n, t, s) for n, t, s in inputs]
    graph = helper.make_graph(
        [helper.make_node(kind, [inputs[0][0], "weight"], [output], **attributes)],
        kind, values, [helper.make_tensor_value_info(output, TensorProto.FLOAT, [1, None, None, None])],
        [numpy_helper.from_array(weight.astype(np.float32), "weight")],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    onnx.save(model, path)


def write_manifest(folder, **changes):
    entries = {"encoder": describe_file(folder / "e.onnx").model_dump()}
    entries["decoders"] = [describe_file(folder / "d.onnx").model_dump()]
    content = {
        "format_version": 1, "kind": "codec", "name": "mine", "version": "1", "architecture": "onnx", "arguments": {},
        "users": 1, "stride": STRIDE, "latent_channels": LATENT, "channel_use_ratio": LATENT / 2 / STRIDE**2 / 3,
        "side_information": ["snr_db_over_20"], "files": entries, "metrics": {}, "licence": "MIT",
        "provenance": {"data": "none", "command": "by hand", "seed": 0, "minutes": 0, "images_seen": 0},
    }  # fmt: skip
    (folder / "manifest.json").write_text(json.dumps(content | changes))


@pytest.fixture
def folder(tmp_path):
    """Sends every pixel as it is (each 2x2 block is 12 latent reals) and puts the reals back."""
    place = tmp_path / "mine"
    place.mkdir()
    eye = np.eye(12).reshape(12, 3, 2, 2)
    image = ("image", TensorProto.FLOAT, [1, 3, None, None])
    network(place / "e.onnx", "Conv", eye, [image], "latent", {"strides": [2, 2]})
    features = ("features", TensorProto.FLOAT, [1, LATENT, None, None])
    user = ("user", TensorProto.INT64, [1])
    network(place / "d.onnx", "ConvTranspose", eye, [features, user], "decoded", {"strides": [2, 2]})
    write_manifest(place)
    return place


def test_an_own_codec_runs_by_name(folder, tmp_path):
    result = CliRunner().invoke(models_command, ["add", str(folder)], catch_exceptions=False)
    assert result.output.startswith("added as mine: ")
    shutil.rmtree(folder)
    assert codec_folder("mine") in list_codecs()
    assert "mine" in CliRunner().invoke(models_command, [], catch_exceptions=False).output
    # A uniform picture of value v has symbols v + jv, scaled to unit power: (1 + j) / sqrt(2), whatever v is.
    encoder = SemanticEncoder.load(codec_folder("mine"))
    symbols = encoder.encode(np.full((8, 6, 3), 50, np.uint8), 0, SideInformation.default(1))
    assert symbols == pytest.approx(np.full(72, (1 + 1j) / np.sqrt(2)), abs=FEW_STEPS_ATOL)
    # White pixels of power 2 per symbol arrive at 1/sqrt(2), so the decoded value is 255/sqrt(2): PSNR 10.67 dB.
    np.savez(tmp_path / "white.npz", images=np.full((2, 32, 32, 3), 255, np.uint8))
    arguments = ["--images", str(tmp_path / "white.npz"), "--scheme", "mine", "--users", "1", "--snr", "60", "--json"]
    [row] = json.loads(CliRunner().invoke(evaluate_command, arguments, catch_exceptions=False).output)
    assert row["scheme"] == "mine"
    assert row["channel_uses"] == 1536
    assert row["psnr_db"] == pytest.approx(-20 * np.log10(1 - 1 / np.sqrt(2)), abs=0.05)
    assert CliRunner().invoke(models_command, ["remove", "mine"]).exit_code == 0
    assert list(added_folder().iterdir()) == []
    with pytest.raises(ModelError, match="no codec named"):
        remove_codec("mine")


def test_only_named_files_are_copied_and_a_name_is_taken_once(folder):
    (folder / "notes.txt").write_text("private")
    target = add_codec(folder)
    assert sorted(path.name for path in target.iterdir()) == ["d.onnx", "e.onnx", "manifest.json"]
    with pytest.raises(ModelError, match="--replace"):
        add_codec(folder)
    assert add_codec(folder, replace=True) == target
    assert [path.name for path in added_folder().iterdir()] == ["mine"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": "compact-2u"}, "belongs to a shipped model"),
        ({"name": ".."}, "belongs to a shipped model"),
        ({"users": 2}, None),
        ({"latent_channels": 6, "channel_use_ratio": 0.25}, "gave 1?"),
        ({"stride": 4, "channel_use_ratio": 0.125}, "symbols, but its manifest"),
        ({"channel_use_ratio": 0.4}, "channel_use_ratio is 0.4"),
        ({"architecture": "compact"}, "does not go with"),
        ({"side_information": ["weather"]}, "not one of"),
    ],
)
def test_a_manifest_that_lies_is_refused(folder, changes, message):
    write_manifest(folder, **changes)
    if message is None:  # One decoder that takes the user serves any number of them.
        assert check_codec(folder).users == 2
        return
    with pytest.raises(ModelError, match=message):
        add_codec(folder)
    assert not added_folder().exists() or list(added_folder().iterdir()) == []


def test_a_broken_network_is_one_sentence(folder):
    with pytest.raises(ModelError, match=r"manifest\.json"):
        add_codec(folder / "nowhere")
    network(
        folder / "d.onnx",
        "ConvTranspose",
        np.full((12, 3, 2, 2), np.nan),
        [("features", 1, [1, 12, None, None])],
        "o",
        {"strides": [2, 2]},
    )
    with pytest.raises(ModelError, match=r"d\.onnx has"):
        add_codec(folder)
    write_manifest(folder)
    with pytest.raises(ModelError, match="not finite"):
        add_codec(folder)
    network(
        folder / "d.onnx",
        "ConvTranspose",
        np.ones((12, 3, 2, 2)),
        [("features", 1, [1, 12, 4, 4])],
        "o",
        {"strides": [2, 2]},
    )
    write_manifest(folder)
    with pytest.raises(ModelError, match="cannot be run") as caught:
        add_codec(folder)
    assert "\n" not in str(caught.value)
    (folder / "e.onnx").write_bytes(b"no network")
    write_manifest(folder)
    with pytest.raises(ModelError, match="cannot be loaded"):
        add_codec(folder)
