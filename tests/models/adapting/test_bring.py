"""Codecs of other projects: what arrives at their decoders is what they were trained with, and nothing of theirs is run
unasked.
"""

import json
import pickle

import numpy as np
import onnx
import pytest
import torch
from click.testing import CliRunner
from onnx import TensorProto, helper, numpy_helper

from hil.cli.codecs.models import command as models_command
from models.adapting.bring import bring
from models.decoding.decoder import SemanticDecoder
from models.errors import ModelError
from models.layout import gathered
from models.runtime.encoder import SemanticEncoder
from models.side_information import SideInformation

STRIDE, LATENT = 2, 12
QUARTER = 0.25  # of the latent is the picture that the decoder makes, so that nothing is clipped

ADAPTER = """
from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn


@dataclass
class Settings:  # as codes of research have them
    stride: int = 2


def describe():
    return {"name": "blocks", "licence": "MIT", "stride": 2, "latent_channels": 12, "symbols": "channel-pairs",
            "side_information": ["snr_db"]}


def build(weights, config):
    decoder = nn.Sequential(nn.Conv2d(12, 12, 1, bias=False), nn.PixelShuffle(2))
    decoder.load_state_dict(weights)
    return nn.PixelUnshuffle(2), decoder


def encode(encoder, image, side, user):
    latent = encoder(image)
    return latent * torch.rsqrt(latent.square().mean(dim=(1, 2, 3), keepdim=True))


def decode(decoder, features, side, user):
    return decoder(features) + 0 * side.sum()
"""


def picture(side_px=64):
    return np.random.default_rng(3).integers(30, 226, (side_px, side_px, 3), dtype=np.uint8)


def blocks(image):
    """float [12, h, w]: pixel (2r + i, 2c + j) of colour k in channel 4k + 2i + j."""
    height, width = image.shape[:2]
    parts = (image / 255).reshape(height // 2, 2, width // 2, 2, 3)
    return parts.transpose(4, 1, 3, 0, 2).reshape(12, height // 2, width // 2)


def told(sinr_db, users=2):
    one = np.ones(users, np.float32)
    return SideInformation(7.0, one, 0 * one, sinr_db * one, 0 * one)


@pytest.fixture(scope="module")
def brought(tmp_path_factory):
    """The adapter's codec in this project's form."""
    place = tmp_path_factory.mktemp("theirs")
    (place / "adapter.py").write_text(ADAPTER)
    torch.save({"0.weight": QUARTER * torch.eye(12)[:, :, None, None]}, place / "weights.pt")
    return bring(place / "weights.pt", place / "adapter.py", {}, place / "ours"), place / "ours"


def test_what_was_found_is_what_the_networks_are(brought):
    found = brought[0].found
    assert (found.stride, found.latent_channels, found.normalises) == (STRIDE, LATENT, True)
    assert found.symbol_power == pytest.approx(2, rel=1e-3)  # two reals of power 1 each
    assert brought[0].parity < 1e-5
    manifest = brought[0].manifest
    assert (manifest.users, manifest.latent_channels) == (2, 24) and manifest.takes_any_share
    assert manifest.channel_use_ratio == pytest.approx(2 * LATENT / 2 / STRIDE**2 / 3)


@pytest.mark.parametrize("user", [0, 1])
def test_each_user_sends_its_own_code_on_its_own_part(brought, user):
    sent = SemanticEncoder.load(brought[1]).encode(picture(), user, told(10.0))
    channels = gathered(sent, LATENT)  # 6 complex channels a user
    latent = blocks(picture())
    code = (latent[0::2] + 1j * latent[1::2]).reshape(6, -1)
    code /= np.sqrt(np.mean(np.abs(code) ** 2) / 2)  # alone on half of the channel uses: twice the power there
    np.testing.assert_allclose(channels[user::2], code, atol=1e-5)
    assert not channels[1 - user :: 2].any()


@pytest.mark.parametrize("sinr_db", [0.0, 10.0])
def test_the_decoder_gets_the_symbols_and_noise_without_the_estimators_bias(brought, sinr_db):
    """An LMMSE estimate of SINR s holds the share s / (1 + s) of the symbol; networks know y = x + n."""
    sent = SemanticEncoder.load(brought[1]).encode(picture(), 0, told(sinr_db))
    sinr = 10 ** (sinr_db / 10)
    rng = np.random.default_rng(5)
    noise = (rng.standard_normal((sent.size, 2)) @ [1, 1j]) / np.sqrt(2 * sinr)  # against power 2 on own uses
    estimate = sinr / (1 + sinr) * (sent + np.sqrt(2) * noise)
    view = np.where(sent != 0, estimate, 0).astype(np.complex64)
    decoder = SemanticDecoder.load(brought[1], "cpu")
    made = blocks(255 * decoder.decode_float(view, 0, told(sinr_db), 64, 64).transpose(1, 2, 0))
    latent = blocks(picture())
    latent /= np.sqrt(np.mean(latent**2))
    inside = (made > 0) & (made < 1)  # a picture is clipped to its range; little of this one is
    assert inside.mean() > 0.85 if sinr_db else inside.mean() > 0.8
    sure = latent * QUARTER
    low, high = np.quantile(sure, [0.2, 0.8])
    slope = (made[sure > high].mean() - made[sure < low].mean()) / (sure[sure > high].mean() - sure[sure < low].mean())
    assert slope == pytest.approx(1, abs=0.06 if sinr_db else 0.2)


def network(path, kind, weight, given, attributes, opset=13, extra=None):
    values = [
        helper.make_tensor_value_info(given, TensorProto.FLOAT, [1, weight.shape[0 if "T" in kind else 1], None, None])
    ]
    nodes = [helper.make_node(kind, [given, "image"], ["made"], **attributes)]  # an inner name that is one of ours
    if extra:
        values.append(helper.make_tensor_value_info(extra, TensorProto.FLOAT, [1]))
        nodes.append(helper.make_node("Mul", ["made", extra], ["times"]))
    result = helper.make_tensor_value_info(nodes[-1].output[0], TensorProto.FLOAT, [1, None, None, None])
    graph = helper.make_graph(
        nodes, kind, values, [result], [numpy_helper.from_array(weight.astype(np.float32), "image")]
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=7), path)


@pytest.fixture
def pair(tmp_path):
    """Encoder and decoder of the pixels, with names of their own; the decoder multiplies by the SINR in dB."""
    place = tmp_path / "pair"
    place.mkdir()
    eye = np.eye(12).reshape(12, 3, 2, 2)
    network(place / "encoder.onnx", "Conv", eye, "x", {"strides": [2, 2]})
    network(place / "decoder.onnx", "ConvTranspose", 0.02 * eye, "z", {"strides": [2, 2]}, extra="snr")
    return place


@pytest.mark.parametrize("symbols", ["halves", "channel-pairs", "flat-pairs"])
def test_symbols_are_the_pairs_that_were_said(pair, tmp_path, symbols):
    said = {"symbols": symbols, "side_information": ["sinr_db"], "users": 1}
    made = bring(pair, None, said, tmp_path / symbols)
    assert not made.found.normalises and made.manifest.users == 1
    sent = SemanticEncoder.load(tmp_path / symbols).encode(picture(), 0, told(10.0, 1))
    reals = blocks(picture())
    left, right = {
        "halves": (reals[:6], reals[6:]), "channel-pairs": (reals[0::2], reals[1::2]),
        "flat-pairs": (reals.ravel()[0::2], reals.ravel()[1::2]),
    }[symbols]  # fmt: skip
    expected = (left + 1j * right).ravel()
    expected /= np.sqrt(np.mean(np.abs(expected) ** 2))
    assert np.sort_complex(gathered(sent, 6).ravel().round(4)) == pytest.approx(
        np.sort_complex(expected.astype(np.complex64).round(4)), abs=3e-4
    )
    decoder = SemanticDecoder.load(tmp_path / symbols, "cpu")
    image = decoder.decode_float(sent, 0, told(10.0, 1), 64, 64)  # 0.02 times 10 dB times the symbols' reals
    scale = 0.2 * np.sqrt(1.1) / np.sqrt(np.mean(np.abs(left + 1j * right) ** 2))
    assert image == pytest.approx(scale * (picture() / 255).transpose(2, 0, 1), abs=1e-5)


def test_a_pair_is_added_by_one_command(pair, tmp_path, monkeypatch):
    monkeypatch.setenv("SEMNOMA_HIL_MODELS", str(tmp_path / "added"))
    words = ["add", str(pair), "--name", "theirs", "--side", "snr_db", "--json"]
    result = CliRunner().invoke(models_command, words, catch_exceptions=False)
    added = json.loads(result.output)
    assert added["name"] == "theirs" and added["found"]["latent_channels"] == LATENT
    assert sorted(path.name for path in (tmp_path / "added" / "theirs").iterdir()) == [
        "decoder-0.onnx", "encoder.onnx", "manifest.json",
    ]  # fmt: skip
    with pytest.raises(ModelError, match="--replace"):
        CliRunner().invoke(models_command, words, catch_exceptions=False)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("def build(weights, config): pass", "defines no function describe"),
        ("raise RuntimeError('no disk')", "cannot be run: RuntimeError: no disk"),
        (ADAPTER.replace('"licence"', '"license"'), "license is not an option .did you mean licence"),
        (ADAPTER.replace('"snr_db"', '"own_gain"'), "is told snr_db.*not own_gain"),
        (ADAPTER.replace("nn.PixelUnshuffle(2), decoder", "decoder"), "must give an encoder and a decoder"),
        (ADAPTER.replace("nn.PixelUnshuffle(2), decoder", "1, decoder"), "must give torch modules"),
        (ADAPTER.replace('"stride": 2', '"stride": 4'), "said to have stride 4, but its encoder gives 2"),
        (ADAPTER.replace("load_state_dict(weights)", "load_state_dict({})"), "build fails: RuntimeError"),
        (ADAPTER.replace("latent = encoder(image)", "latent = encoder(image[:, :1])"), "gives .* not|channels"),
    ],
)
def test_an_adapter_that_does_not_fit_is_one_sentence(tmp_path, code, message):
    (tmp_path / "adapter.py").write_text(code)
    torch.save({"0.weight": torch.eye(12)[:, :, None, None]}, tmp_path / "weights.pt")
    with pytest.raises(ModelError, match=message) as caught:
        bring(tmp_path / "weights.pt", tmp_path / "adapter.py", {}, tmp_path / "ours")
    assert "\n" not in str(caught.value)


def test_code_and_pickles_of_a_downloaded_folder_are_never_run(tmp_path):
    folder = tmp_path / "downloaded"
    folder.mkdir()
    trap = f"open({str(tmp_path / 'ran')!r}, 'w').close()"
    for name in ("adapter.py", "modeling.py", "__init__.py"):
        (folder / name).write_text(trap)
    (folder / "config.json").write_text(json.dumps({"architecture": "theirs", "auto_map": {"AutoModel": "modeling.M"}}))
    with pytest.raises(ModelError, match=r"code of its own, which is not run.*--adapter"):
        bring(folder, None, {}, tmp_path / "ours")
    (tmp_path / "mine.py").write_text(ADAPTER)
    (folder / "model.pt").write_bytes(pickle.dumps(Trap(trap)))
    with pytest.raises(ModelError, match="neither safetensors nor a torch file of plain tensors"):
        bring(folder / "model.pt", tmp_path / "mine.py", {}, tmp_path / "ours")
    assert not (tmp_path / "ran").exists()


class Trap:
    def __init__(self, code):
        self.code = code

    def __reduce__(self):
        return exec, (self.code,)


def test_a_network_of_one_size_and_one_with_files_of_its_own_are_refused(pair, tmp_path):
    model = onnx.load(pair / "encoder.onnx")
    for axis in (2, 3):
        model.graph.input[0].type.tensor_type.shape.dim[axis].dim_value = 32
    onnx.save(model, pair / "encoder.onnx")
    with pytest.raises(ModelError, match="any multiple of its stride must do"):
        bring(pair, None, {"side_information": ["snr_db"]}, tmp_path / "ours")
    onnx.save(model, pair / "encoder.onnx", save_as_external_data=True, location="w.bin", size_threshold=0)
    with pytest.raises(ModelError, match="keeps its weights in another file"):
        bring(pair, None, {"side_information": ["snr_db"]}, tmp_path / "ours")


def test_our_architectures_come_in_the_layout_of_hugging_face(tmp_path):
    from safetensors.torch import save_file

    from models.codecs.registry import build_codec

    arguments = {"users": 2, "side_size": 3, "latent_channels": 4, "encoder_widths": [8, 8], "decoder_widths": [8, 8]}
    arguments |= {"encoder_blocks": [1, 1], "decoder_blocks": [1, 2]}
    torch.manual_seed(2)
    codec = build_codec("compact", arguments)
    save_file(codec.state_dict(), tmp_path / "model.safetensors")
    fields = ["snr_db_over_20", "own_gain", "other_gain_rss"]
    config = {"architecture": "compact", "arguments": arguments, "name": "hub", "side_information": fields}
    (tmp_path / "config.json").write_text(json.dumps(config))
    made = bring(tmp_path, None, {}, tmp_path / "ours")
    assert made.manifest.name == "hub" and made.parity < 1e-4
    side = SideInformation.default(2)
    image = torch.from_numpy(picture().transpose(2, 0, 1)[None]).float() / 255
    with torch.inference_mode():
        latent = codec.eval().encoder(image, torch.tensor([1]), torch.from_numpy(side.vector(1, fields))[None])
    reals = latent.numpy().astype(float).reshape(2, -1)
    expected = reals[0] + 1j * reals[1]
    expected /= np.sqrt(np.mean(np.abs(expected) ** 2))
    sent = SemanticEncoder.load(tmp_path / "ours").encode(picture(), 1, side)
    np.testing.assert_allclose(gathered(sent, 2).ravel(), expected, atol=1e-4)
