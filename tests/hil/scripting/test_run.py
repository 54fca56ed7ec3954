"""A run's folder through Python: rows, frame, pictures and channel estimates are what was recorded."""

import sys

import numpy as np
import pytest

import hil
from hil.errors import UsageError
from hil.results.rows import ResultRow, ResultsError
from hil.results.run_folder import write_config
from hil.results.writer import ResultWriter
from hil.scripting.run import _config


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(0)
    pictures = {(0, user): rng.integers(0, 256, (8, 12, 3), np.uint8) for user in (1, 0)}
    writer = ResultWriter(tmp_path, resume=False)
    for (frame, user), pixels in pictures.items():
        row = ResultRow(frame=frame, user=user, decoded=True, reason=None, psnr_db=20.0 + user, latency_ms={"phy": 2.0})
        writer.append(row, original=pixels, received=255 - pixels)
    writer.append(ResultRow(frame=1, user=0, decoded=False, reason="not detected"))
    estimates = np.array([[1j, 2], [3, np.nan]], np.complex64)
    writer.save_diagnostics(0, response=estimates, response_hz=np.array([-1.0, 1.0]))
    writer.close()
    write_config(tmp_path, hil.config.RunConfig())
    return tmp_path, pictures, estimates


def test_what_was_recorded_comes_back(folder):
    path, pictures, estimates = folder
    run = hil.open_run(path)
    assert [(row["frame"], row["user"], row["reason"]) for row in run.rows] == [
        (0, 0, None), (0, 1, None), (1, 0, "not detected")
    ]  # fmt: skip
    sent, received = run.pictures("original"), run.pictures()
    assert sent.keys() == received.keys() == pictures.keys()
    for key, pixels in pictures.items():
        assert (sent[key] == pixels).all() and (received[key] == 255 - pixels).all()
    found, offsets = run.channel(0)
    assert np.array_equal(found, estimates, equal_nan=True) and offsets.tolist() == [-1.0, 1.0]
    assert run.config == hil.config.RunConfig()


def test_a_frame_has_a_row_per_picture_and_plain_columns(folder, monkeypatch):
    pytest.importorskip("pyarrow")
    table = hil.open_run(folder[0]).frame()
    values = table["latency_ms.phy"]  # of a pyarrow Table as of a DataFrame
    assert len(values) == 3 and list(values.to_numpy())[:2] == [2.0, 2.0] and np.isnan(values.to_numpy()[2])
    monkeypatch.setitem(sys.modules, "pandas", None)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(UsageError, match="pandas or pyarrow"):
        hil.open_run(folder[0]).frame()


def test_what_is_not_there_is_said(folder, tmp_path):
    run = hil.open_run(folder[0])
    with pytest.raises(ResultsError, match="frame 7"):
        run.channel(7)
    with pytest.raises(ResultsError, match=r"summary\.json"):
        _ = run.summary
    with pytest.raises(UsageError, match="received"):
        run.pictures("sent")
    with pytest.raises(ResultsError, match="no run"):
        hil.open_run(tmp_path / "none")


def test_configurations_of_every_kind():
    assert _config({"snr_db": "5dB"}, {"air.clock_ppm": 3}).air.clock_ppm == 3
    assert _config("loopback", {"frames": 2}).frames == 2
    assert _config(None, {}) == hil.config.RunConfig()
    with pytest.raises(UsageError, match="model_copy"):
        _config(hil.config.RunConfig(), {"frames": 2})
    with pytest.raises(UsageError, match="did you mean"):
        hil.run({"frmes": 2})
