"""The site builds without a warning, loads nothing from elsewhere, and its reference is complete."""

import os
import re
import subprocess
import sys

import pytest

from hil.config import RunConfig
from radio.air.config import AirConfig
from tests.docs.blocks import ROOT
from tests.docs.test_commands import load_reference


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    pytest.importorskip("mkdocs", reason="mkdocs is not installed: pip install '.[docs]'")
    pytest.importorskip("mkdocstrings", reason="mkdocstrings is not installed: pip install '.[docs]'")
    pytest.importorskip("material", reason="mkdocs-material is not installed: pip install '.[docs]'")
    out = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(out)]
    environment = os.environ | {"NO_MKDOCS_2_WARNING": "1", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stdout + done.stderr
    return out


def test_nothing_is_loaded_from_elsewhere(site):
    """Links may lead out of the site; stylesheets, scripts, fonts and pictures may not come from there."""
    for page in site.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        loaded = re.findall(r'<(?:script|img|iframe|source)[^>]*\ssrc="(//|https?:)', text)
        loaded += re.findall(r'<link[^>]*rel="(?:stylesheet|icon|preload|preconnect)"[^>]*href="(?://|https?:)', text)
        assert not loaded, page
    for style in site.rglob("*.css"):
        assert not re.findall(r"(?:url\(|@import\s*)['\"]?(?://|https?:)", style.read_text(encoding="utf-8")), style


def test_pages_hold_what_was_generated_for_them(site):
    assert "semnoma-hil twin check" in (site / "reference" / "cli.html").read_text()
    assert "air.phase_noise" in (site / "reference" / "configuration.html").read_text()
    assert "truth/tap_gains" in (site / "howto" / "data-sets.html").read_text()
    assert "simulate_3_0.png" in (site / "notebooks" / "simulate.html").read_text()
    assert "idle_until" in (site / "reference" / "radio.html").read_text()
    house = (site / "reference" / "house.html").read_text()
    assert "<svg" in house and "generated: house" not in house
    assert "radio.waveform.acquisition</code>" in house and ">acquisition</text>" in house
    assert "generated:" not in re.sub(r"<code>.*?</code>", "", (site / "reference" / "cli.html").read_text())


def test_the_reference_has_every_command_and_every_option():
    from hil.cli.main import COMMANDS

    text = load_reference().cli_reference()
    for name in COMMANDS:
        assert f"## semnoma-hil {name}\n" in text
    assert "--passes" in text and "## semnoma-hil calibrate show\n" in text


def test_the_reference_has_every_value_with_its_default():
    text = load_reference().configuration_reference()
    for name in (*RunConfig.model_fields, *AirConfig.model_fields):
        assert f"| `{name}` |" in text
    assert "| `snr_db` | number, -30 to 60 | `10.0` |" in text
    assert "| `delay_spread_s` | number, >=&nbsp;0 | `1e-07` |" in text
