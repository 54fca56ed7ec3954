"""The map's channels, rates and cells against closed forms and hand calculation."""

import csv
import json
import math
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from scipy.special import exp1

from hil.cli.main import cli
from hil.errors import UsageError
from hil.sharing_map.channels import CHANNELS, draw_channel, spread_over
from hil.sharing_map.plot import plot_map, winner_of
from hil.sharing_map.rates import rates
from hil.sharing_map.run import grid, weights, write_table

SPREAD_S, BANDWIDTH_HZ = 300e-9, 3e6


@pytest.mark.parametrize("channel", CHANNELS)
def test_every_antenna_of_every_user_has_unit_mean_power_and_its_own_fading(channel: str) -> None:
    draws = np.stack([draw_channel(channel, 4, 3, (1, n), SPREAD_S, BANDWIDTH_HZ) for n in range(1500)])
    power = np.mean(np.abs(draws) ** 2, axis=(0, 3))
    np.testing.assert_allclose(power, 1, atol=0.15)
    flat = draws[:, :, :, 0].reshape(len(draws), -1)
    correlation = np.abs(flat.conj().T @ flat) / len(draws)
    assert (correlation - np.diag(np.diag(correlation))).max() < 0.15


def test_fewer_antennas_are_the_first_of_the_same_draw() -> None:
    whole = draw_channel("tdl-a", 4, 2, (1, 2), SPREAD_S, BANDWIDTH_HZ)
    np.testing.assert_array_equal(draw_channel("tdl-a", 2, 2, (1, 2), SPREAD_S, BANDWIDTH_HZ), whole[:2])
    assert whole.shape[2] > 1 and spread_over(whole, 1000, (1,)).shape == (4, 2, 1000)
    assert np.abs(whole[0, 0]).std() > 0.05  # selective


def test_one_antenna_taking_turns_is_the_ergodic_capacity_of_rayleigh_fading() -> None:
    """E log2(1 + g |h|^2) = e^(1/g) E1(1/g) / ln 2 (Goldsmith, Wireless Communications, 4.4), a half for each user."""
    draws = np.stack([draw_channel("rayleigh", 1, 2, (3, n), SPREAD_S, BANDWIDTH_HZ) for n in range(6000)])
    expected = math.exp(0.1) * exp1(0.1) / math.log(2) / 2
    assert rates(draws, 10.0).parted == pytest.approx(expected, abs=0.03)


def test_rates_of_a_fixed_channel_by_hand() -> None:
    """Two users at right angles on two antennas, |h|^2 = 1: superposed log2(1 + snr/2), parted log2(1 + snr) / 2."""
    fixed = np.eye(2, dtype=complex)[None, :, :, None]
    found = rates(fixed, 10.0)
    assert found.parted == pytest.approx(math.log2(11) / 2)
    assert found.superposed == pytest.approx(math.log2(6)) == pytest.approx(found.joint)
    assert found.grouped == found.superposed


def test_rates_of_users_on_one_line_by_hand() -> None:
    """h the same: SINR = (snr/2) / (1 + snr/2); the sum capacity is what taking turns reaches."""
    found = rates(np.ones((1, 1, 2, 1), complex), 10.0)
    assert found.superposed == pytest.approx(math.log2(1 + 5 / 6))
    assert (
        found.parted == pytest.approx(math.log2(11) / 2) == pytest.approx(found.joint) == pytest.approx(found.grouped)
    )


def test_pairs_of_users_at_right_angles_by_hand() -> None:
    """Users 0 and 2 on one antenna, 1 and 3 on the other. In two groups, 0+2 and 1+3, nobody can be told apart; in
    three, 0+3, 1 and 2, everybody, with three times the power of 1/4.
    """
    lines = np.array([[1, 0, 1, 0], [0, 1, 0, 1]], complex)[None, :, :, None]
    assert rates(lines, 10.0).grouped == pytest.approx(math.log2(1 + 7.5) / 3)
    good = rates(lines[:, :, [0, 2, 1, 3]], 10.0)  # now 0+2 is one of each line
    assert good.grouped == pytest.approx(math.log2(1 + 5) / 2)


def row(way: str, psnr_db: float, **other: object) -> dict[str, object]:
    return {
        "channel": "rayleigh", "users": 2, "antennas": 1, "snr_db": 0.0, "way": way, "psnr_db": psnr_db,
        "gain_db": psnr_db - 25.0, "predicted_db": psnr_db, "rate_parted": 1.0, "rate_superposed": 1.0,
        "rate_grouped": 1.0,
    } | other  # fmt: skip


def test_a_cell_is_won_by_what_is_the_same_in_every_frame() -> None:
    cell = {one["way"]: one for one in (row("parted", 25.0), row("superposed", 26.0), row("auto", 27.0))}
    assert winner_of(cell) == "superposed"  # type: ignore[arg-type]
    cell["superposed"] = row("superposed", 25.05)
    assert winner_of(cell) == "parted"  # type: ignore[arg-type]


def test_the_map_is_drawn_and_tabled(tmp_path: Path) -> None:
    rows = []
    for users, antennas, snr in product((2, 4), (1, 2), (0.0, 10.0)):
        where = {"users": users, "antennas": antennas, "snr_db": snr}
        rows += [row("parted", 25.0, **where), row("superposed", 24.0, **where), row("auto", 25.2, **where)]
    for name in ("map.png", "map.svg"):
        plot_map(rows, tmp_path / name)
        assert (tmp_path / name).stat().st_size > 10_000
    write_table(rows, tmp_path / "map.csv", "semnoma-hil compare sharing")
    with (tmp_path / "map.csv").open() as file:
        read = list(csv.DictReader(file))
    assert len(read) == len(rows) and {line["command"] for line in read} == {"semnoma-hil compare sharing"}


def test_a_map_that_was_cut_off_goes_on_with_the_same_weights_only(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    np.savez(tmp_path / "two.npz", images=rng.integers(0, 255, (2, 16, 16, 3), np.uint8))
    arguments = ["compare", "sharing", "--images", str(tmp_path / "two.npz"), "--out", str(tmp_path), "--users", "1"]
    arguments += ["--antennas", "1", "--snr", "0,10", "--limit", "1"]
    assert CliRunner().invoke(cli, arguments).exit_code == 0
    table = tmp_path / "sharing.csv"
    whole = table.read_text().splitlines()
    half = [line for line in whole if ",10.0," not in line]
    table.write_text("\n".join(half) + "\n")
    result = CliRunner().invoke(cli, [*arguments, "--resume"])
    assert result.exit_code == 0 and "2 of 2: rayleigh, 1 users, 1 antennas, 10 dB" in result.stderr
    assert "1 of 2" not in result.stderr and table.read_text().splitlines() == whole
    table.write_text(table.read_text().replace(weights("real-time"), "0" * 12))
    refused = CliRunner().invoke(cli, [*arguments, "--resume"])
    assert isinstance(refused.exception, UsageError) and "other weights" in str(refused.exception)
    table.write_text("no table\nat all\n")
    assert isinstance(CliRunner().invoke(cli, [*arguments, "--resume"]).exception, UsageError)


def test_half_of_the_channels_are_half_of_the_spectrum(tmp_path: Path) -> None:
    """Parted users of 16 channels have 8 each, which tell less of a picture than 16 do."""
    x, y = np.meshgrid(np.arange(64), np.arange(64))
    waves = [127 + 120 * np.sin(x / (2 + n) + y / (5 - n)) for n in range(3)]
    np.savez(tmp_path / "one.npz", images=np.stack([np.stack(waves, -1)] * 2).astype(np.uint8))
    arguments = ["compare", "sharing", "--images", str(tmp_path / "one.npz"), "--out", str(tmp_path), "--users", "2"]
    arguments += ["--antennas", "4", "--snr", "20", "--limit", "2", "--json"]
    found = {}
    for options in ([], ["--codec-channels", "16"]):
        result = CliRunner().invoke(cli, [*arguments, *options])
        assert result.exit_code == 0, result.output
        rows = json.loads(result.stdout)["rows"]
        found |= {(one["codec_channels"], one["way"]): one["psnr_db"] for one in rows}
    assert {channels for channels, _ in found} == {16, 32}
    assert found[16, "parted"] < found[32, "parted"] - 1
    assert found[16, "superposed"] < found[32, "superposed"]


@pytest.mark.parametrize("name", ["no/such/folder/map.png", "map.nonsense"])
def test_a_map_that_cannot_be_written_is_one_sentence(tmp_path: Path, name: str) -> None:
    rows = [row("parted", 25.0), row("auto", 25.2)]
    with pytest.raises(UsageError, match="cannot be written"):
        plot_map(rows, tmp_path / name)


def test_every_combination_is_a_point() -> None:
    points = grid(["rayleigh", "tdl-a"], [2, 4], [1, 2], [0.0], SPREAD_S, BANDWIDTH_HZ, 1)
    assert len(set(points)) == len(points) == 8


@pytest.mark.parametrize("wrong", [["--users", "9"], ["--antennas", "0"], ["--channel", "awgn"], ["--users", "2.5"]])
def test_what_cannot_be_swept_is_one_sentence(wrong: list[str]) -> None:
    result = CliRunner().invoke(cli, ["compare", "sharing", "--images", "demo", *wrong])
    assert isinstance(result.exception, UsageError) and str(result.exception).endswith(".")
