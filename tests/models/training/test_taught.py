"""One half of an adaptive codec taught by another codec."""

import shutil
from pathlib import Path

import pytest
import torch

from models.errors import ModelError
from models.package.manifest import load_manifest, write_manifest
from models.training.adaptive.finish import finish_adaptive
from models.training.adaptive.loop import train_adaptive
from models.training.adaptive.taught import Teacher, symbol_error
from models.training.adaptive.thin import thin_run
from models.training.codec.warm_start import load_torch_codec
from tests.models.codecs.test_adaptive import settings


def test_a_taught_encoder_keeps_the_teachers_decoder(tmp_path: Path) -> None:
    train_adaptive(settings(tmp_path / "one", 2))
    finish_adaptive(tmp_path / "one", tmp_path / "one" / "tiny")
    folder = tmp_path / "one" / "tiny"
    smaller = settings(tmp_path / "two", 2)
    changes = {"teacher": folder, "arguments": smaller.arguments | {"encoder_widths": [4, 4]}}
    student, _ = train_adaptive(smaller.model_copy(update=changes))
    teacher = load_torch_codec(folder)
    for name, value in teacher.decoders.state_dict().items():
        torch.testing.assert_close(student.decoders.state_dict()[name], value, rtol=0, atol=0)
    manifest = finish_adaptive(tmp_path / "two", tmp_path / "student")
    assert "--teacher tiny --taught encoder --distil 10" in manifest.provenance.command
    thin_run(tmp_path / "two", tmp_path / "thin")
    assert str(tmp_path) not in (tmp_path / "thin" / "settings.json").read_text()
    old = tmp_path / "old"
    shutil.copytree(folder, old)
    (old / "foresight.onnx").unlink()
    manifest = load_manifest(folder)
    kept = manifest.files.model_copy(update={"foresight": None})
    write_manifest(old, manifest.model_copy(update={"files": kept, "levels": None}))
    with pytest.raises(ModelError, match=r"has no foresight\.onnx"):
        Teacher(old, "encoder", torch.device("cpu"))
    wrong = changes | {"out": tmp_path / "three", "arguments": smaller.arguments | {"latent_channels": 8}}
    with pytest.raises(ModelError, match="latent_channels is the teacher's, 16"):
        train_adaptive(smaller.model_copy(update=wrong))


def test_a_taught_decoder_keeps_the_teachers_encoder_and_learns_from_its_pictures(tmp_path: Path) -> None:
    train_adaptive(settings(tmp_path / "one", 2))
    finish_adaptive(tmp_path / "one", tmp_path / "tiny")
    teacher = load_torch_codec(tmp_path / "tiny")
    decoders = []
    for distil in (0.0, 1000.0):
        student = settings(tmp_path / f"{distil:g}", 3)
        changes = {"teacher": tmp_path / "tiny", "taught": "decoder", "distil": distil}
        taught, _ = train_adaptive(student.model_copy(update=changes))
        for name, value in teacher.encoder.state_dict().items():
            torch.testing.assert_close(taught.encoder.state_dict()[name], value, rtol=0, atol=0)
        decoders.append(torch.cat([value.flatten() for value in taught.decoders.parameters()]))
    assert not torch.equal(*decoders)


def test_symbol_error_is_blind_to_power_and_to_what_is_not_sent() -> None:
    torch.manual_seed(1)
    target = torch.randn(2, 8, 4, 4)
    counts = torch.full((2, 4, 4), 3)
    other = 5 * target
    other[:, 3] = other[:, 7] = 1e3  # the fourth complex channel, which is not sent
    assert symbol_error(other, target, counts) < 1e-9
    assert float(symbol_error(-target, target, counts)) == pytest.approx(4.0, rel=1e-4)
