"""The files of `evaluate --out` against means and intervals taken by other means."""

import csv
import json
import sys

import numpy as np
import pytest
from click.testing import CliRunner
from scipy import stats

from hil.cli.codecs.evaluate import command


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("curves") / "hidden-folder"
    place.mkdir()
    rng = np.random.default_rng(2)
    np.savez(place / "set.npz", images=rng.integers(0, 256, (5, 32, 32, 3), dtype=np.uint8))
    arguments = ["--images", str(place / "set.npz"), "--scheme", "compact-2u,digital-jpeg", "--snr", "0,10"]
    arguments += ["--out", str(place / "out")]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["semnoma-hil", "evaluate", *arguments])
        result = CliRunner().invoke(command, arguments, catch_exceptions=False)
    assert result.exit_code == 0
    return place / "out"


def table(path):
    with path.open() as file:
        return list(csv.DictReader(file))


def test_every_mean_and_interval_is_of_its_pictures(folder):
    curves, pictures = table(folder / "curves.csv"), table(folder / "pictures.csv")
    assert [(row["scheme"], row["snr_db"]) for row in curves] == [
        (scheme, snr) for snr in ("0.0", "10.0") for scheme in ("compact-2u", "digital-jpeg")
    ]
    for row in curves:
        own = [p for p in pictures if (p["scheme"], p["snr_db"]) == (row["scheme"], row["snr_db"])]
        assert len({p["image_id"] for p in own}) == len(own) == int(row["images"]) == 5
        values = np.array([float(p["psnr_db"]) for p in own])
        low, high = stats.t.interval(0.95, 4, values.mean(), stats.sem(values))
        assert float(row["psnr_db"]) == pytest.approx(values.mean(), abs=1e-3)
        assert float(row["psnr_ci95_db"]) == pytest.approx((high - low) / 2, abs=1e-3)


def test_what_was_measured_how_is_told_without_folders(folder):
    text = (folder / "measured.json").read_text()
    told = json.loads(text)
    assert told["command"].startswith("semnoma-hil evaluate --images set.npz --scheme compact-2u,digital-jpeg")
    assert "hidden-folder" not in text and told["seed"] == 30000 and "snr_db" in told["conventions"]
    assert (folder / "psnr.svg").read_text().count("<svg") == 1


def test_a_place_that_cannot_be_written_is_one_sentence(folder, tmp_path):
    from hil.errors import UsageError

    (tmp_path / "file").write_text("")
    arguments = ["--images", "demo", "--limit", "1", "--scheme", "digital-jpeg", "--snr", "10"]
    result = CliRunner().invoke(command, [*arguments, "--out", str(tmp_path / "file" / "out")])
    assert isinstance(result.exception, UsageError) and "cannot be written" in str(result.exception)
