"""Our codec beside one that was brought in is given as many channel uses."""

import pytest

from hil.trial.beside import channels_like
from models.package.manifest import load_manifest
from models.package.zoo import codec_folder


@pytest.mark.parametrize(
    ("ratio", "channels"), [(1 / 6, 32), (1 / 12, 16), (0.5, 32), (1e-4, 1)]
)  # 32 channels at 8x8 pixels of three colours are 1/6, and all there are
def test_ours_sends_as_many_symbols_as_it_can(ratio, channels):
    ours = load_manifest(codec_folder("real-time"))
    theirs = load_manifest(codec_folder("compact-2u")).model_copy(update={"channel_use_ratio": ratio})
    assert channels_like(theirs, ours) == channels
    assert channels_like(ours, theirs) is None
