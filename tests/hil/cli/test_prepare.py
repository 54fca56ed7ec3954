"""`prepare` says what it compiles, warms up receiver and air, and says so where there is nothing to compile."""

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from hil.cli.main import cli
from radio import acceleration
from radio.air.medium import Medium
from radio.waveform.reception.receiver import BurstReceiver

MAKEFILE = (Path(__file__).parents[3] / "Makefile").read_text()


@pytest.mark.parametrize("numba", [True, False])
def test_receiver_and_air_are_warmed_up_with_a_line_each(numba, monkeypatch):
    warmed = []
    monkeypatch.setattr(acceleration, "NUMBA", numba)
    for kind in (Medium, BurstReceiver):
        monkeypatch.setattr(kind, "warm_up", lambda self: warmed.append(type(self)))
    result = CliRunner().invoke(cli, ["prepare", "--json"], catch_exceptions=False)
    assert set(warmed) == ({Medium, BurstReceiver} if numba else set())
    assert len(json.loads(result.stdout)["compiled_s"]) == result.stderr.count("compiling ") == len(warmed)


def test_the_build_of_torch_is_chosen_by_one_variable_and_the_default_asks_no_other_index():
    assert re.search(r"^TORCH \?=$", MAKEFILE, re.M)
    default = MAKEFILE[MAKEFILE.index('"")') :].partition(";;")[0]
    assert "index-url" not in default and "constraints.txt" in default
