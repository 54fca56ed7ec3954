import json
import shutil

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from models.codecs.registry import symbols_to_latent
from models.decoding.decoder import SemanticDecoder, choose_device
from models.errors import ModelError
from models.layout import gathered
from models.package.manifest import describe_file
from models.side_information import SideInformation
from tests.float32 import NETWORK_ATOL

SIDE = SideInformation(7.0, np.array([0.5, 1.5], np.float32), np.zeros(2, np.float32))


@pytest.fixture(scope="module")
def decoder(exported):
    return SemanticDecoder.load(exported, device="cpu")


def features(count):
    rng = np.random.default_rng(count)
    return (rng.standard_normal(count) + 1j * rng.standard_normal(count)).astype(np.complex64)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (5, 3), (32, 32), (33, 18)])
def test_shape_and_range(decoder, height, width):
    received = features(8 * -(-height // 4) * -(-width // 4))
    image = decoder.decode_float(received, 0, SIDE, height, width)
    assert image.shape == (3, height, width)
    assert image.dtype == np.float32
    assert 0 <= image.min() <= image.max() <= 1
    pixels = decoder.decode(received, 0, SIDE, height, width)
    assert pixels.dtype == np.uint8
    assert np.abs(pixels.transpose(2, 0, 1) / 255 - image).max() <= 0.5 / 255 + 1e-6


def test_the_folder_holds_the_network(decoder, tiny_codec):
    received = features(512)
    for user in range(2):
        vector = torch.from_numpy(SIDE.vector(user, decoder.manifest.side_information))[None]
        with torch.no_grad():
            ordered = gathered(received, decoder.all_channels).ravel()
            view = symbols_to_latent(torch.from_numpy(ordered)[None], 8, 8)
            expected = tiny_codec.decoders[user](view, vector).clamp(0, 1)[0].numpy()
        np.testing.assert_allclose(decoder.decode_float(received, user, SIDE, 32, 32), expected, atol=NETWORK_ATOL)
        other = decoder.decode_float(received, 1 - user, SIDE, 32, 32)
        assert np.abs(other - expected).max() > 100 * NETWORK_ATOL  # the other user's network is another


def test_wrong_length_and_values_are_refused(decoder):
    with pytest.raises(ModelError, match=r"\[512\]"):
        decoder.decode(features(511), 0, SIDE, 32, 32)
    broken = features(512)
    broken[3] = np.nan
    with pytest.raises(ModelError, match="not finite"):
        decoder.decode(broken, 0, SIDE, 32, 32)


def test_an_absent_device_is_one_sentence():
    with pytest.raises(ModelError, match="not available"):
        choose_device("cuda:99")
    with pytest.raises(ModelError, match="not available"):
        choose_device("toaster")


def test_tensors_of_another_network_are_refused(exported, tmp_path):
    folder = shutil.copytree(exported, tmp_path / "codec")
    path = folder / "decoders.safetensors"
    tensors = load_file(path)
    tensors.pop(next(iter(tensors)))
    save_file(tensors, path)
    content = json.loads((folder / "manifest.json").read_text())
    content["files"]["decoders"] = describe_file(path).model_dump()
    (folder / "manifest.json").write_text(json.dumps(content))
    with pytest.raises(ModelError, match="does not hold this codec's decoders"):
        SemanticDecoder.load(folder, device="cpu")


def test_pictures_that_are_decoded_together_are_each_as_alone(decoder, monkeypatch):
    """Each with its own features and side information, also where not all fit at once."""
    given = [features(512) * (1 + place) for place in range(5)]
    sides = [SideInformation(snr_db, SIDE.gains, SIDE.phases_rad) for snr_db in (0.0, 20.0, 7.0, -3.0, 12.0)]
    alone = [decoder.decode_float(one, 1, side, 31, 32) for one, side in zip(given, sides, strict=True)]
    assert np.abs(alone[0] - alone[1]).max() > 1e-3
    for pixels in (1 << 16, 2 * 31 * 32, 1):
        monkeypatch.setattr("models.decoding.decoder.PIXELS_AT_ONCE", pixels)
        together = decoder.decode_all(given, 1, sides, 31, 32)
        for one, other in zip(together, alone, strict=True):
            assert one.shape == (3, 31, 32)
            np.testing.assert_allclose(one, other, atol=NETWORK_ATOL)
    with pytest.raises(ModelError, match="not finite"):
        decoder.decode_all([given[0], given[1] * np.nan], 1, sides[:2], 31, 32)
