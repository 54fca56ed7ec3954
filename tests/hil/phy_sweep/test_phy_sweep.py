"""The sweep's rows, and its bounds against closed forms."""

import json
import math

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from hil.cli.measure.phy_sweep import command
from hil.cli.options.ranges import NumberList
from hil.errors import UsageError
from hil.phy_sweep.bounds import carrier_variance_bound, channel_error_bound
from hil.phy_sweep.plot import plot_rows
from hil.phy_sweep.point import SweepPoint, run_point
from hil.phy_sweep.run import run_points
from radio.air.config import AirConfig
from radio.waveform.channel import delay_memory
from radio.waveform.config import WaveformConfig


@pytest.fixture(scope="module")
def rows():
    return run_points([SweepPoint(10.0, "awgn"), SweepPoint(10.0, "tdl-c")], frames=6, seed=3)


def test_users_are_found_and_measured_near_the_bounds(rows):
    for row in rows:
        assert row["detection_rate"] == 1.0 and row["false_alarm_rate"] == 0.0
        assert row["cfo_rmse_hz"] < row["cfo_bound_hz"]  # the bound is the preamble's; header and pilots add to it
        assert -2 < row["csi_nmse_db"] - row["csi_bound_db"] < 5  # 12 users' worth of luck
    assert rows[0]["evm_db"] == pytest.approx(-10.0, abs=0.5)  # alone in the header, 3 dB louder: the total SNR


def test_rows_repeat_from_their_seed_whatever_the_number_of_processes(rows):
    points = [SweepPoint(10.0, "awgn"), SweepPoint(10.0, "tdl-c")]
    assert run_points(points, 6, 3, jobs=2) == rows
    assert run_point(points[0], 6, 4)["csi_nmse_db"] != rows[0]["csi_nmse_db"]


def test_noise_alone_is_not_a_user():
    row = run_point(SweepPoint(-40.0, "awgn"), frames=8, seed=1)
    assert row["detection_rate"] == 0.0 and row["cfo_rmse_hz"] is None


def test_channel_bound_of_one_path_is_one_amplitude():
    waveform = WaveformConfig()
    known = 2 * 10 * 7 * waveform.active_subcarriers  # boost^2 snr symbols subcarriers
    bound = channel_error_bound(waveform, AirConfig(channel="rayleigh"), 0, 10.0, 7)
    assert bound == pytest.approx(1 / (1 + known), rel=1e-6)


def test_carrier_bound_is_the_published_figure():
    """Two halves of 128 samples at 1.92 Msamples/s: 183 Hz at 0 dB for a single user, who has no boost."""
    waveform = WaveformConfig(users=1, fft_size=128, active_subcarriers=96, preamble_repeats=2, sample_rate_hz=1.92e6)
    assert math.sqrt(carrier_variance_bound(waveform, 1.0)) == pytest.approx(183, rel=0.01)


def test_json_is_rows_and_nothing_else_and_the_plot_is_written(tmp_path):
    arguments = ["--snr", "0,10", "--channel", "awgn", "--frames", "2", "--json", "--plot", str(tmp_path / "p.png")]
    result = CliRunner().invoke(command, arguments)
    assert result.exit_code == 0, result.output
    parsed = json.loads(result.stdout)
    assert [row["snr_db"] for row in parsed] == [0.0, 10.0]
    assert (tmp_path / "p.png").stat().st_size > 10_000


def test_a_plot_of_nothing_found_is_drawn(tmp_path):
    rows = [run_point(SweepPoint(-40.0, "awgn"), 1, 1)]
    plot_rows(rows, tmp_path / "empty.svg")
    with pytest.raises(UsageError, match="cannot be written"):
        plot_rows(rows, tmp_path / "no" / "folder.svg")
    assert (tmp_path / "empty.svg").read_text().lstrip().startswith("<?xml")


@pytest.mark.parametrize(
    "arguments", [["--channel", "tdl-x"], ["--users", "9"], ["--cfo-ppm", "50"], ["--delay", "99"], ["--series", "999"]]
)
def test_values_that_cannot_be_swept_are_refused(arguments):
    result = CliRunner().invoke(command, [*arguments, "--frames", "1"])
    assert isinstance(result.exception, UsageError) and arguments[0] in str(result.exception)


@given(st.floats(-50, 50), st.integers(0, 60), st.floats(0.1, 5))
def test_a_range_includes_its_end(start, count, step):
    values = NumberList().convert(f"{start!r}:{start + count * step!r}:{step!r}", None, None)
    np.testing.assert_allclose(values, start + step * np.arange(count + 1), atol=1e-9)


@pytest.mark.parametrize("text", ["", "a", "1:2", "1:2:0", "0:1:-1", "nan", "0:1e9:1e-9", "1,,2"])
def test_what_is_no_list_of_numbers_is_refused(text):
    import click

    with pytest.raises(click.BadParameter):
        NumberList().convert(text, None, None)


def test_remembered_arrivals_save_what_finding_them_costs(monkeypatch):
    """One path: its delay costs 1.76 dB in every burst alone and next to nothing once it is remembered."""
    point = SweepPoint(5.0, "awgn", series=32)
    remembered = run_point(point, 32, 1)
    monkeypatch.setattr(delay_memory, "AGREEMENTS", 1000)  # the same noise, but nothing is ever used
    alone = run_point(point, 32, 1)
    assert remembered["detection_rate"] == alone["detection_rate"] == 1.0
    assert remembered["csi_nmse_db"] < alone["csi_nmse_db"] - 0.3
