"""A picture whose rate map does not arrive beside one whose map does."""

import numpy as np
import pytest

from hil.decoding.burst import Tried, decode_together
from hil.decoding.pictures import ReceivedPictures
from models.decoding.decoder import SemanticDecoder
from models.package.zoo import codec_folder
from models.runtime.encoder import SemanticEncoder
from models.sharing import Sharing
from models.side_information import SideInformation


def picture():
    """128x256 pixels, noise on the right and a grey sky on the left."""
    rng = np.random.default_rng(3)
    pixels = np.full((128, 256, 3), 128, np.uint8)
    pixels[:, 160:] = rng.integers(0, 256, (128, 96, 3))
    return pixels


@pytest.fixture(scope="module")
def codec():
    folder = codec_folder("real-time")
    return SemanticEncoder.load(folder), SemanticDecoder.load(folder, "cpu")


def told(sinr_db, floor_db=None):
    users = np.ones(2, np.float32)
    floor = None if floor_db is None else np.full(2, floor_db, np.float32)
    return SideInformation(sinr_db, users, 0 * users, sinr_db * users, 0 * users, None, floor)


def test_it_is_said_to_be_lost_and_the_other_is_decoded(codec):
    encoder, decoder = codec
    side, sharing = told(15.0), Sharing()
    assert not encoder.plan(picture(), 0, side, sharing).even
    sent = encoder.encode(picture(), 0, side, sharing)
    noise = np.random.default_rng(4).standard_normal((sent.size, 2)) @ [1, 1j]
    tries = [Tried(None, one.astype(np.complex64), (128, 256), side) for one in (sent, sent + noise)]
    good, lost = decode_together(ReceivedPictures(decoder), tries, 0, sharing)
    assert good.shape == (3, 128, 256) and "rate map" in lost and not lost.endswith(".")
    assert np.mean((good.transpose(1, 2, 0)[:, :140] - 128 / 255) ** 2) < 1e-3


def test_nothing_is_staked_on_a_map_that_a_fade_may_take(codec):
    encoder, _ = codec
    assert encoder.plan(picture(), 0, told(15.0, floor_db=1.0), Sharing()).even
    assert not encoder.plan(picture(), 0, told(15.0, floor_db=14.0), Sharing()).even


def test_a_plan_that_was_received_makes_the_same_symbols_again(codec):
    """What cancellation takes out is what was sent, whatever the encoder would have planned."""
    encoder, _ = codec
    sent = encoder.encode(picture(), 1, told(15.0), Sharing())
    plan = encoder.plan_of(sent, 1, 2, Sharing(), 128, 256)
    again = encoder.encode(picture(), 1, told(15.0, floor_db=-np.inf), Sharing(), plan)
    np.testing.assert_allclose(again, sent, rtol=1e-5, atol=1e-5)


def test_pictures_with_and_without_a_map_are_decoded_together_as_alone(codec):
    encoder, decoder = codec
    sides = [told(15.0), told(15.0, floor_db=-np.inf), told(15.0)]
    sent = [encoder.encode(picture()[:, 64:192], 0, side, Sharing()) for side in sides]
    assert len({one.tobytes() for one in sent}) == 2
    together = decoder.decode_all(sent, 0, sides, 128, 128, Sharing())
    for one, features, side in zip(together, sent, sides, strict=True):
        np.testing.assert_allclose(one, decoder.decode_float(features, 0, side, 128, 128, Sharing()), atol=1e-4)
