"""Pictures that a trained codec breaks are found, however good the mean is."""

import logging
from pathlib import Path

import numpy as np
import pytest

from models.package.manifest import load_manifest
from models.package.zoo import codec_folder
from models.training.adaptive import measure
from models.training.adaptive.finish import finish_adaptive
from models.training.adaptive.loop import train_adaptive
from models.training.adaptive.measure import breaks, measured
from tests.models.codecs.test_adaptive import settings


def test_a_picture_breaks_where_it_gets_worse_as_the_noise_falls() -> None:
    rising, noise = [20.0, 24.0, 26.0, 26.5], [20.0, 24.0, 23.9, 24.1]
    at_the_end, between = [20.0, 24.0, 26.0, 16.0], [20.0, 14.0, 26.0, 27.0]
    found = breaks(np.array([rising, noise, at_the_end, between]).T)
    np.testing.assert_array_equal(found, [False, False, True, True])


def test_the_manifest_names_them_and_the_command_warns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    np.savez(tmp_path / "three.npz", images=np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), np.uint8))
    run = settings(tmp_path / "run", 1).model_copy(update={"validation": [str(tmp_path / "three.npz")]})
    train_adaptive(run)
    assert "broken" not in finish_adaptive(tmp_path / "run", tmp_path / "whole").metrics
    plain = measure._psnr_db

    def worse(encoder, decoder, pictures, sinr_db):  # type: ignore[no-untyped-def]
        found = plain(encoder, decoder, pictures, sinr_db)
        return [found[0] - 30 * (sinr_db == 20.0), *found[1:]]

    monkeypatch.setattr(measure, "_psnr_db", worse)
    with caplog.at_level(logging.WARNING):
        broken = finish_adaptive(tmp_path / "run", tmp_path / "broken").metrics["broken"]
    ((source, names),) = broken.items()
    assert len(names) == 1 and f"1 pictures of {source} get worse" in caplog.text and names[0] in caplog.text


@pytest.mark.slow
def test_the_packaged_codec_breaks_no_packaged_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measure, "SINRS_DB", (5.0, 15.0, 25.0))
    folder = codec_folder("real-time")
    assert measured(folder, load_manifest(folder), "demo").broken == []
