import subprocess
import sys

import numpy as np
import pytest
import torch

from models.errors import ModelError
from models.layout import gathered
from models.runtime.encoder import SemanticEncoder
from models.side_information import SideInformation
from tests.float32 import FEW_STEPS_ATOL, NETWORK_ATOL

RNG = np.random.default_rng(5)


@pytest.fixture(scope="module")
def encoder(exported):
    return SemanticEncoder.load(exported)


def picture(height, width):
    return RNG.integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (3, 5), (4, 4), (32, 32), (33, 47), (100, 9)])
def test_unit_mean_power_and_length(encoder, height, width):
    symbols = encoder.encode(picture(height, width), 1, SideInformation.default(2))
    rows, columns = -(-height // 4), -(-width // 4)
    assert symbols.dtype == np.complex64
    assert symbols.shape == (8 * rows * columns,) == (encoder.channel_uses(height, width),)
    assert np.mean(np.abs(symbols.astype(np.complex128)) ** 2) == pytest.approx(1, abs=FEW_STEPS_ATOL)


def test_ratio_is_one_sixth(encoder):
    assert encoder.channel_uses(32, 32) == 512 == 32 * 32 * 3 // 6


def test_same_symbols_as_torch(encoder, tiny_codec):
    image = picture(24, 40)
    side = SideInformation(7.0, np.array([0.5, 1.5], np.float32), np.zeros(2, np.float32))
    for user in range(2):
        vector = torch.from_numpy(side.vector(user, encoder.manifest.side_information))[None]
        tensor = torch.from_numpy(image).permute(2, 0, 1)[None].float() / 255
        with torch.no_grad():
            latent = tiny_codec.encoder(tensor, torch.tensor([user]), vector).numpy().ravel()
        expected = latent[: latent.size // 2] + 1j * latent[latent.size // 2 :]
        expected /= np.sqrt(np.mean(np.abs(expected) ** 2))
        sent = gathered(encoder.encode(image, user, side), encoder.all_channels).ravel()
        np.testing.assert_allclose(sent, expected, atol=NETWORK_ATOL)


def test_padding_replicates_the_edge(encoder):
    image = picture(30, 31)
    padded = np.concatenate([image, image[-1:], image[-1:]])
    padded = np.concatenate([padded, padded[:, -1:]], axis=1)
    side = SideInformation.default(2)
    np.testing.assert_array_equal(encoder.encode(image, 0, side), encoder.encode(padded, 0, side))


def test_users_and_side_information_matter(encoder):
    image = picture(16, 16)
    side = SideInformation.default(2)
    quiet = SideInformation(0.0, np.ones(2, np.float32), np.zeros(2, np.float32))
    assert not np.allclose(encoder.encode(image, 0, side), encoder.encode(image, 1, side))
    assert not np.allclose(encoder.encode(image, 0, side), encoder.encode(image, 0, quiet))


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((4, 4), np.uint8),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((4, 4, 3)),
        np.zeros((0, 4, 3), np.uint8),
    ],
)
def test_another_form_of_image_is_refused(encoder, image):
    with pytest.raises(ModelError, match=r"uint8 \[H, W, 3\]"):
        encoder.encode(image, 0, SideInformation.default(2))


def test_users_that_the_codec_lacks_are_refused(encoder):
    with pytest.raises(ModelError):
        encoder.encode(picture(4, 4), 2, SideInformation.default(2))
    with pytest.raises(ModelError, match="serves 2 users"):
        encoder.encode(picture(4, 4), 0, SideInformation.default(3))


def test_a_transmitter_imports_no_torch(exported):
    """In a process of its own: the whole transmitter half, used once, and no torch among the modules."""
    script = (
        "import sys, numpy as np\n"
        "from models import images, side_information\n"
        "from models.package import manifest, zoo\n"
        "from models.runtime.encoder import SemanticEncoder\n"
        f"encoder = SemanticEncoder.load({str(exported)!r})\n"
        "image = np.zeros((8, 8, 3), np.uint8)\n"
        "encoder.encode(image, 0, side_information.SideInformation.default(2))\n"
        "loaded = {name.split('.')[0] for name in sys.modules}\n"
        "assert not loaded & {'torch', 'diffusers', 'safetensors', 'accelerate'}, loaded\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=240)


def test_the_exported_encoder_tells_nothing_about_the_machine_that_made_it(exported):
    content = (exported / "encoder.onnx").read_bytes()
    assert b".py" not in content
    assert b"stack_trace" not in content


def test_pictures_that_are_encoded_together_are_each_as_alone(encoder):
    side, pictures = SideInformation.default(2), [picture(24, 40), picture(9, 8), picture(24, 40)]
    for one, alone in zip(encoder.encode_all(pictures, 1, side), pictures, strict=True):
        np.testing.assert_array_equal(one, encoder.encode(alone, 1, side))
    with pytest.raises(ModelError, match="uint8"):
        encoder.encode_all([pictures[0], pictures[0].astype(np.float32)], 1, side)
