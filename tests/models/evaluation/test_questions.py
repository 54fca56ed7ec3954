"""One table and one figure for each question, against rows whose answers are known by hand."""

import importlib.util

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from hil.cli.codecs.evaluate import command
from models.errors import ModelError
from models.evaluation.compare import Row
from models.evaluation.plot import plot_rows
from models.evaluation.questions import answer, refiner_gains
from models.evaluation.schemes import open_scheme


def row(scheme, snr_db, psnr_db, distance=None, passes=0):
    perceptual = {} if distance is None else {"st-lpips": distance}
    return Row(scheme, "awgn", 2, snr_db, 512, 4, psnr_db, 0.8, None, "superposed", 1, perceptual, passes)


ROWS = [row("a", 0, 20, 0.2), row("b", 0, 19), row("a", 10, 25, 0.1), row("b", 10, 26.5)]
REFINED = [*ROWS, row("a+r", 0, 19.6, 0.15, 4), row("a+one", 0, 20.1, 0.22, 1), row("a+r", 10, 24.5, 0.09, 4)]


def test_ablation_is_what_the_others_differ_from_the_first():
    told = answer(ROWS, "ablation")
    assert told.columns == ["0 dB", "10 dB"]
    assert told.lines == [("a", ["20.00", "25.00"]), ("b", ["-1.00", "+1.50"])]
    assert answer(ROWS, "scheme").lines == [("a", ["20.00", "25.00"]), ("b", ["19.00", "26.50"])]


def test_a_refiners_gain_is_against_its_codec_at_the_same_snr():
    gains = refiner_gains(REFINED)
    assert [(g.scheme, g.snr_db, g.passes) for g in gains] == [("a+r", 0, 4), ("a+one", 0, 1), ("a+r", 10, 4)]
    assert [g.perceptual_share for g in gains] == pytest.approx([0.25, -0.1, 0.1])
    assert [g.loss_db for g in gains] == pytest.approx([0.4, -0.1, 0.5])
    assert answer(REFINED, "refiner").lines[0] == ("a+r, 0 dB", ["4", "25.0", "0.40"])
    for rows, message in (
        (ROWS, "CODEC\\+REFINER"),
        (REFINED[4:], "its codec"),
        ([row("a", 0, 20), row("a+r", 0, 20, 0.1, 4)], "--metric"),
    ):
        with pytest.raises(ModelError, match=message):
            refiner_gains(rows)


@pytest.mark.parametrize("question", ["scheme", "ablation", "refiner"])
def test_every_question_has_a_figure(question, tmp_path):
    plot_rows(REFINED, tmp_path / "f.png", question)
    with Image.open(tmp_path / "f.png") as picture:
        assert min(picture.size) > 400
        assert np.asarray(picture.convert("L")).std() > 5


@pytest.mark.skipif(importlib.util.find_spec("stlpips_pytorch") is None, reason="needs stlpips-pytorch")
def test_a_refined_scheme_is_the_codec_then_the_refiner(exported, exported_refiner, tmp_path):
    pictures = tmp_path / "set.npz"
    np.savez(pictures, images=np.random.default_rng(1).integers(0, 256, (2, 32, 32, 3), dtype=np.uint8))
    name = f"{exported}+{exported_refiner}"
    scheme = open_scheme(name, 2)
    assert (scheme.name, scheme.refiner_passes) == ("tiny+tiny", 4)
    arguments = ["--images", str(pictures), "--snr", "5", "--metric", "st-lpips", "--question", "refiner"]
    result = CliRunner().invoke(command, [*arguments, "--scheme", f"{exported},{name}"], catch_exceptions=False)
    assert result.exit_code == 0 and "tiny+tiny, 5 dB" in result.output
