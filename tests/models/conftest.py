"""A tiny codec and refiner with fresh weights, exported as real ones are."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from models.codecs.compact import Codec, CompactArguments
from models.export.codec_folder import CodecCard, export_codec
from models.export.refiner_folder import export_refiner
from models.package.manifest import Provenance
from models.refiner.network import ARCHITECTURE_NAME, build_prior, small_prior_arguments
from models.training.running import runner

torch.set_num_threads(1)

TINY = CompactArguments(encoder_widths=(8, 8), encoder_blocks=(1, 1), decoder_widths=(8, 8), decoder_blocks=(1, 2))
PROVENANCE = Provenance(data="none", command="none", seed=0, minutes=0, images_seen=0)
FIELDS = ["snr_db_over_20", "own_gain", "other_gain_rss"]


@pytest.fixture(scope="session")
def tiny_codec() -> Codec:
    torch.manual_seed(3)
    codec = Codec(TINY)
    # What half precision stores, so that torch and the folder hold the same numbers.
    codec.decoders.load_state_dict({k: v.half().float() for k, v in codec.decoders.state_dict().items()})
    return codec.eval()


@pytest.fixture(scope="session")
def exported(tiny_codec: Codec, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Shared and read-only: copy it before changing it."""
    folder = tmp_path_factory.mktemp("codec") / "tiny"
    export_codec(tiny_codec, folder, CodecCard("tiny", "0", FIELDS, PROVENANCE, {}, "Apache-2.0"))
    return folder


@pytest.fixture(scope="session")
def exported_refiner(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(4)
    arguments = small_prior_arguments([8, 16], 16)
    folder = tmp_path_factory.mktemp("refiner") / "tiny"
    prior = build_prior(ARCHITECTURE_NAME, arguments)
    export_refiner(prior, folder, "tiny", "0", arguments, PROVENANCE, {}, "Apache-2.0")
    return folder


@pytest.fixture
def whole_and_in_parts(tmp_path, monkeypatch):
    """Trains by ``train(folder, resume)`` once to the end, and once killed when its second checkpoint is written and
    resumed; gives the tensors of both last checkpoints. The run must save one at every update (checkpoint_s=1e-9).
    """

    def trained(train):
        train(tmp_path / "whole", False)
        original, calls = runner.save_checkpoint, []

        def killing(*given):
            original(*given)
            calls.append(1)
            if len(calls) == 2:
                raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(runner, "save_checkpoint", killing)
            with pytest.raises(KeyboardInterrupt):
                train(tmp_path / "parts", False)
        train(tmp_path / "parts", True)
        return [load_file(tmp_path / name / "checkpoint.safetensors") for name in ("whole", "parts")]

    return trained
