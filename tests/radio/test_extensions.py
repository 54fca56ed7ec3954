"""Radios, channels and measurements of other packages: found by their entry points, refused with a sentence."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
from click.testing import CliRunner

from calibration.measure.measurement import Measurement
from hil.calibrating.added import measure_added
from hil.cli.radios.calibrate import command as calibrate_command
from hil.config import load_config
from hil.errors import UsageError
from radio.air.channel import Channel
from radio.air.channel_names import channel_names, installed_profile
from radio.air.config import AirConfig
from radio.backends import describe_backends, open_unguarded
from radio.errors import ConfigurationError, DeviceError
from radio.extensions import CHANNELS, MEASUREMENTS, RADIOS, load
from radio.safety.sentinel import needs_sentinel

ADDED = """
[semnoma_hil.radios]
addedradio = added_for_test
sim = added_for_test
emptyradio = added_empty
brokenradio = added_broken

[semnoma_hil.channels]
cabin = added_for_test:CABIN
notone = added_for_test:open_device
uneven = added_for_test:UNEVEN
negative = added_for_test:NEGATIVE
heavy = added_for_test:HEAVY
endless = added_for_test:ENDLESS

[semnoma_hil.measurements]
level = added_for_test:level
text = added_for_test:text
"""
MODULE = '''"""A radio for a test.

More."""
import numpy as np
from calibration.measure.measurement import Measurement
from radio.air.tdl import DelayProfile

DEFAULT_ADDRESS = "here"
CABIN = DelayProfile(np.array([0.0, 2.0]), np.array([0.8, 0.2]), 3.0)
UNEVEN = DelayProfile(np.array([0.0, 2.0]), np.array([1.0]), 0.0)
NEGATIVE = DelayProfile(np.array([0.0, -2.0]), np.array([0.8, 0.2]), 0.0)
ENDLESS = DelayProfile(np.array([0.0]), np.array([1.0]), np.inf)
HEAVY = DelayProfile(np.array([0.0, 2.0]), np.array([0.8, 0.8]), 0.0)

def open_device(address, role, index):
    return address, role, index

def level(bench, user):
    return {"level": Measurement(bench.level + user, 0.5, "dB")}

def text(bench, user):
    return "loud"
'''


@pytest.fixture(autouse=True)
def added(tmp_path, monkeypatch):
    """A distribution as pip leaves it."""
    (tmp_path / "added_for_test.py").write_text(MODULE)
    (tmp_path / "added_empty.py").write_text("")
    (tmp_path / "added_broken.py").write_text("import no_such_driver\n")
    info = tmp_path / "added_for_test-0.1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: added-for-test\nVersion: 0.1\n")
    (info / "entry_points.txt").write_text(ADDED)
    monkeypatch.syspath_prepend(str(tmp_path))
    installed_profile.cache_clear()
    yield
    installed_profile.cache_clear()


def test_an_added_scheme_is_opened_like_any_other():
    assert open_unguarded("addedradio:there", "tx", 1) == ("there", "tx", 1)
    assert open_unguarded("addedradio", "rx", 0) == ("here", "rx", 0)
    assert needs_sentinel("addedradio:there") and not needs_sentinel("sim:x") and needs_sentinel("pluto:usb:")


def test_a_name_of_this_packages_own_cannot_be_taken():
    with pytest.raises(DeviceError):  # the simulated air's own answer: nobody is there
        open_unguarded("sim:nowhere", "rx", 0)


def test_doctor_tells_of_added_radios_and_why_one_cannot_be_used():
    reports = {one.name: one for one in describe_backends()}
    assert reports["addedradio"].available and reports["addedradio"].what == "A radio for a test"
    assert reports["addedradio"].example == "addedradio:here"
    assert not reports["brokenradio"].available and "no_such_driver" in reports["brokenradio"].reason


@pytest.mark.parametrize(
    ("uri", "sentence"),
    [("emptyradio:", "has no function open_device"), ("brokenradio:", "no_such_driver"), ("radioo:", "addedradio:")],
)
def test_what_cannot_be_opened_is_a_sentence(uri, sentence):
    with pytest.raises((DeviceError, ConfigurationError), match=sentence):
        open_unguarded(uri, "rx", 0)


def test_what_is_not_installed_is_a_sentence():
    for group in (RADIOS, CHANNELS, MEASUREMENTS):
        with pytest.raises(ConfigurationError, match="no installed package adds 'absent'"):
            load(group, "absent")


def test_an_added_channel_fades_by_its_profile():
    config = load_config(None, {"channel": "cabin", "air.delay_spread_s": 5e-7})
    assert config.air.channel == "cabin" and "cabin" in channel_names()
    channel = Channel(config.air, 0)
    np.testing.assert_allclose(channel.delays_samples, [0.0, 2.0 * 5e-7 * config.sample_rate_hz])
    blocks = [channel.gains(block * 1000, np.array([0]), 1000)[0, :, 0] for block in range(4000)]
    powers = np.abs(blocks) ** 2
    np.testing.assert_allclose(powers.mean(axis=0), [0.8, 0.2], rtol=0.06)
    # Var |h|^2 over its squared mean is (1 + 2 K) / (1 + K)^2 for Rician fading, 1 for Rayleigh.
    spread = powers.var(axis=0) / powers.mean(axis=0) ** 2
    np.testing.assert_allclose(spread, [7 / 16, 1.0], rtol=0.1)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [("notone", "must be a DelayProfile"), ("uneven", "2 delays and 1 powers"), ("negative", "negative or not finite"),
     ("heavy", "powers of sum 1.6"), ("endless", "negative or not finite")],
)  # fmt: skip
def test_a_profile_that_is_none_is_refused(name, sentence):
    with pytest.raises(ConfigurationError, match=sentence):
        Channel(AirConfig(channel=name), 0)


def test_an_unknown_channel_is_refused_with_what_there_is():
    with pytest.raises(UsageError, match=r"channel is 'cave': input should be one of 'awgn', .*'tdl-e', 'cabin'"):
        load_config(None, {"channel": "cave"})


def test_an_added_measurement_gives_values_by_name():
    found = measure_added("level", SimpleNamespace(level=-20.0), 1)
    assert found == {"level": Measurement(-19.0, 0.5, "dB")}
    with pytest.raises(UsageError, match="returned a str"):
        measure_added("text", None, 0)


def test_the_command_refuses_a_measurement_that_nothing_has():
    result = CliRunner().invoke(calibrate_command, ["measure", "lewel"])
    assert isinstance(result.exception, UsageError) and "installed are: level, text" in str(result.exception)


def test_the_command_prints_what_was_measured(monkeypatch):
    import contextlib

    from hil.cli.radios import characterise

    @contextlib.contextmanager
    def bench(context, user):
        yield None, SimpleNamespace(level=-3.0)

    monkeypatch.setattr(characterise, "_bench", bench)
    result = CliRunner().invoke(calibrate_command, ["measure", "level", "--json"], catch_exceptions=False)
    row = {"name": "level", "value": -3.0, "standard_uncertainty": 0.5, "unit": "dB"}
    assert json.loads(result.stdout) == {"rows": [row]}
