"""Single properties measured over the simulated air, against what the air was told and closed forms."""

import json

import numpy as np
import pytest
from click.testing import CliRunner
from scipy.optimize import brentq
from scipy.special import j0

from hil.cli.main import cli


def run(*arguments):
    return CliRunner().invoke(cli, ["calibrate", *map(str, arguments)])


def found(*arguments):
    done = run(*arguments, "--json")
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def test_a_rapp_amplifier_is_compressed_by_1_db_where_its_equation_says(tmp_path):
    """Rapp: out = in / (1 + (in / A)^(2 p))^(1 / (2 p))."""
    saturation, smoothness = 0.5, 2.0
    plot = tmp_path / "gain.png"
    result = found(
        *("--set", f"air.power_amplifier.saturation_amplitude={saturation}", "--snr", 25),
        *("linearity", "--from-dbfs", -30, "--step-db", 3, "--plot", plot),
    )
    ratio = (10 ** (2 * smoothness / 20) - 1) ** (1 / (2 * smoothness))
    expected = 20 * np.log10(saturation * ratio)
    assert result["compression_point_dbfs"] == pytest.approx(expected, abs=0.5)
    assert [row["level_dbfs"] for row in result["rows"]] == list(range(-30, 1, 3))
    assert plot.stat().st_size > 10_000


def test_a_linear_transmitter_has_no_compression_point():
    result = found("--snr", 25, "linearity", "--from-dbfs", -30, "--step-db", 6)
    assert result["compression_point_dbfs"] is None
    assert all(abs(row["gain_db"]) < 0.5 for row in result["rows"])


def test_antennas_of_the_air_differ_in_phase_only():
    result = found("--set", "rx_antennas=3", "--snr", 20, "antennas", "--frames", 8)
    assert [row["antenna"] for row in result["rows"]] == [1, 2]
    assert all(abs(row["gain_db"]) < 0.1 for row in result["rows"])
    again = found("--set", "rx_antennas=3", "--snr", 20, "antennas", "--frames", 8)
    phases = [[row["phase_deg"] for row in one["rows"]] for one in (result, again)]
    np.testing.assert_allclose(phases[0], phases[1], atol=1.0)


def test_the_coherence_time_of_clarkes_channel_is_where_its_correlation_is_a_half():
    doppler_hz = 25.0
    options = ("channel=rayleigh", "air.coherence=doppler", f"air.doppler_hz={doppler_hz}")
    result = found(*(part for one in options for part in ("--set", one)), "coherence", "--frames", 160)
    expected_s = brentq(lambda x: j0(x) - 0.5, 0, 2.4) / (2 * np.pi * doppler_hz)
    assert result["coherence_time_s"] == pytest.approx(expected_s, rel=0.4)
    assert not result["at_least"]


def test_a_still_channel_is_coherent_at_least_as_long_as_it_was_watched():
    result = found("coherence", "--frames", 20, "--spacing-ms", 10)
    assert result["at_least"] and result["coherence_time_s"] == pytest.approx(0.09, rel=0.02)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("antennas",), "rx_antennas=2"),
        (("linearity", "--user", 5), "--user 5 does not exist"),
        (("linearity", "--from-dbfs", 3), "from-dbfs"),
    ],
)
def test_what_cannot_be_measured_is_refused_in_a_sentence(arguments, words):
    done = run(*arguments)
    text = done.output + str(done.exception or "")
    assert done.exit_code != 0 and words in text
