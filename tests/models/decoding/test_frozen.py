"""A frozen decoder gives the network's images, whatever its form and the image's size."""

import numpy as np
import pytest
import torch
from torch import nn

from models.codecs.registry import build_codec
from models.decoding.decoder import EAGER_PICTURES, SemanticDecoder
from models.decoding.frozen import FrozenDecoder, freeze
from models.side_information import SideInformation
from tests.float32 import NETWORK_ATOL

SMALL = {
    "compact": {
        "encoder_widths": (8, 16), "encoder_blocks": (1, 1), "decoder_widths": (8, 16), "decoder_blocks": (1, 2),
    },
}  # fmt: skip
FORMS = [{}, {"decoders": "shared"}, {"decoders": "joint"}, {"sharing": "time"}]


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_frozen_compact_decoders(form):
    torch.manual_seed(1)
    codec = build_codec("compact", SMALL["compact"] | form).eval()
    for user in range(2):
        network = codec.decoders[user].eval()
        frozen = freeze(network, 16, 3)
        assert isinstance(frozen, FrozenDecoder)
        for rows, columns in ((8, 8), (1, 1), (5, 9), (16, 4)):
            given = torch.randn(1, 16, rows, columns), torch.rand(1, 3)
            with torch.inference_mode():
                torch.testing.assert_close(frozen(*given), network(*given), atol=NETWORK_ATOL, rtol=0)


class DependsOnItsSize(nn.Module):
    """A trace of it is wrong for every other size."""

    def forward(self, features, side):
        return features[:, :3] / float(features.shape[2])


class CannotBeTraced(nn.Module):
    def forward(self, features, side):
        raise RuntimeError("no")


@pytest.mark.parametrize("network", [DependsOnItsSize(), CannotBeTraced()], ids=["size", "error"])
def test_what_cannot_be_frozen_stays(network):
    assert freeze(network, 4, 2) is network


def test_a_decoder_gives_the_same_before_and_after(exported):
    decoder = SemanticDecoder.load(exported, device="cpu")
    rng = np.random.default_rng(0)
    side = SideInformation(7.0, np.array([0.5, 1.5], np.float32), np.zeros(2, np.float32))
    features = (rng.standard_normal((2, 512)) + 1j * rng.standard_normal((2, 512))).astype(np.complex64)
    for user in range(2):
        images = [decoder.decode_float(features[user], user, side, 32, 32) for _ in range(EAGER_PICTURES + 2)]
        np.testing.assert_allclose(images[-1], images[0], atol=NETWORK_ATOL)
