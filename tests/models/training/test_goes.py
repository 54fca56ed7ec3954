"""Goes of a few minutes add up to the run that nobody interrupted."""

import torch

from models.training.adaptive.loop import train_adaptive
from models.training.config import AdaptiveTraining

TINY = {
    "latent_channels": 16,
    "encoder_widths": [8, 8],
    "encoder_blocks": [1, 1],
    "decoder_widths": [8, 8],
    "decoder_blocks": [1, 1],
}


def settings(out, **more):
    return AdaptiveTraining(
        arguments=TINY, images=["demo"], out=out, steps=3, batch_pixels=2048, crops_px=[32], channel={"counts": [4, 8]},
        **more,
    )  # fmt: skip


def test_goes_add_up_to_the_uninterrupted_run(tmp_path):
    whole, progress = train_adaptive(settings(tmp_path / "whole"))
    assert progress.finished
    for go in (1, 2, 3):
        parts, progress = train_adaptive(settings(tmp_path / "parts", go_minutes=1e-9), resume=True)
        assert (progress.step, progress.finished) == (go, go == 3)
    for name, tensor in whole.state_dict().items():
        assert torch.equal(tensor, parts.state_dict()[name]), name
