"""Configuration: what is accepted, what is refused and with which sentence, and that a file says it all."""

import math
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hil.cli.options.configuration import config_from
from hil.config import RunConfig, _set, load_config, validated
from hil.errors import FaultyInput, UsageError
from hil.packaged import packaged_config_folder
from hil.results.run_folder import write_config


def refused(overrides):
    with pytest.raises(UsageError) as caught:
        load_config(None, overrides)
    sentence = str(caught.value)
    assert sentence.endswith(".") and "\n" not in sentence
    return sentence


@given(st.floats(-30, 60), st.integers(1, 8), st.integers(0, 2**63 - 1), st.floats(0.01, 1.0))
@settings(max_examples=30)
def test_shared_values_are_handed_down_and_the_noise_follows_the_snr(snr_db, users, seed, amplitude):
    config = load_config(None, {"snr_db": snr_db, "users": users, "seed": seed, "radio.tx_amplitude": amplitude})
    assert config.waveform.users == users and config.air.seed == seed
    # Users together send unit power per channel use, times the amplitude squared.
    assert 10 * math.log10(amplitude**2 / config.air.noise_power) == pytest.approx(snr_db, abs=1e-6)


def test_what_is_written_beside_the_results_is_the_same_configuration(tmp_path):
    config = load_config(None, {"users": 3, "channel": "tdl-c", "air.clock_ppm": 7.5, "waveform.fft_size": 512})
    again = load_config(write_config(tmp_path, config))
    assert again == config and again.digest() == config.digest()


def test_every_packaged_file_is_valid():
    files = sorted(packaged_config_folder().glob("*.yaml"))
    assert files
    for file in files:
        load_config(file)


def test_the_default_file_writes_out_the_defaults():
    assert load_config(packaged_config_folder() / "loopback.yaml") == RunConfig()


def test_nodes_must_agree_on_the_air_but_not_on_addresses():
    base = load_config()
    assert load_config(None, {"bus.endpoint": "tcp://127.0.0.1:7777", "images": "x"}).digest() == base.digest()
    assert load_config(None, {"air.clock_ppm": 3.0}).digest() != base.digest()


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        ({"usres": 2}, ["usres", "did you mean users"]),
        ({"zzz": 2}, ["zzz", "allowed are", "users"]),
        ({"air.clok_ppm": 2}, ["air.clok_ppm", "clock_ppm"]),
        ({"users": 0}, ["users", "0"]),
        ({"snr_db": "loud"}, ["snr_db", "loud"]),
        ({"channel": "moon"}, ["channel", "moon", "rayleigh"]),
        ({"waveform.fft_size": 100}, ["fft_size", "power of two"]),
        ({"waveform.users": 4}, ["waveform.users", "top"]),
        ({"air.seed": 9}, ["air.seed", "top"]),
        ({"bus.endpoint": "ipc:///tmp/x"}, ["bus.endpoint"]),
        ({"bus.heartbeat_s": 10}, ["node_timeout_s"]),
        ({"guard.allowed_bands_hz": [[5, 1]]}, ["band"]),
        ({"radio.tx_amplitude": 2.0}, ["tx_amplitude"]),
        ({"bus": 5}, ["bus"]),
        ({"air": [1]}, ["air"]),
    ],
)
def test_a_wrong_value_is_one_sentence_that_names_it(overrides, words):
    sentence = refused(overrides)
    assert all(word in sentence for word in words), sentence


@pytest.mark.parametrize("text", ["a: [", "- 1\n- 2\n", "\x00", "users: {", "5"])
def test_a_file_that_is_no_mapping_is_refused(tmp_path, text):
    file = tmp_path / "c.yaml"
    file.write_text(text)
    with pytest.raises(UsageError, match=r"c\.yaml"):
        load_config(file)


MISTAKES = {  # key -> a value that is wrong whatever else is, and what its line must say
    "usres": (1, "usres is not an option (did you mean users?), but is 1"),
    "clock_ppm": (3, "clock_ppm is not an option (did you mean air.clock_ppm?), but is 3"),
    "frames": (0, "frames is 0: input should be greater than or equal to 1"),
    "snr_db": ("loud", "snr_db is 'loud': should be a number of decibels"),
    "channel": ("tdla", "channel is 'tdla' (did you mean tdl-a?): input should be one of"),
    "seed": (-1, "seed is -1: "),
    "sharing": ("half", "sharing is 'half' and must be auto"),
    "images": (5, "images is 5: "),
    "center_frequency_hz": ("2.4X", "center_frequency_hz is '2.4X': should be a frequency"),
    "air.clok_ppm": (3, "air.clok_ppm is not an option (did you mean clock_ppm?), but is 3"),
    "waveform.fft_size": (100, "waveform.fft_size is 100 and must be a power of two"),
    "waveform.users": (4, "waveform.users is 4 and the run's users is 2; set it once"),
    "bus.endpoint": ("x", "bus.endpoint is 'x': "),
    "bus.heartbeat_s": (10, "bus.node_timeout_s is 5.0 and must be at least twice bus.heartbeat_s"),
    "radio.lead_s": ("soon", "radio.lead_s is 'soon': should be a time"),
    "guard.allowed_bands_hz": ([[5, 1]], "guard.allowed_bands_hz is [[5, 1]]: a band needs"),
    "rx": ([1], "rx is [1]: "),
    "video": ({"sources": ["a", "b", "c"]}, "video.sources names 3 sources"),
    "burst.pictures": ("many", "burst.pictures is 'many' and must be"),
}


def lines_of(wrong, tmp_path):
    """The lines of a file's refusal, one a fault."""
    values = {}
    for name, value in wrong.items():
        _set(values, name, value)
    file = tmp_path / "c.yaml"
    file.write_text(yaml.safe_dump(values))
    with pytest.raises(UsageError) as caught:
        load_config(file)
    head, *lines = str(caught.value).splitlines()
    if not lines:
        return [head.removeprefix(f"{file}: ")]
    assert head == f"{file}: {len(lines)} faults:"
    assert all(line.startswith("  ") and line.endswith(".") for line in lines)
    return [line.strip() for line in lines]


@given(st.sets(st.sampled_from(sorted(MISTAKES)), min_size=1))
@settings(max_examples=60)
@example(set(MISTAKES))
def test_all_mistakes_are_named_at_once_each_on_a_line_and_nothing_else_is(tmp_path_factory, names):
    lines = lines_of({name: MISTAKES[name][0] for name in names}, tmp_path_factory.mktemp("config"))
    for name in names:
        assert sum(line.startswith(MISTAKES[name][1]) for line in lines) == 1, (name, lines)
    assert len(lines) == len(names), lines


def test_what_only_follows_from_a_wrong_value_is_not_said(tmp_path):
    assert len(lines_of({"users": 9, "modalities": ["picture"] * 9, "sources": ["a"] * 9}, tmp_path)) == 1


LONG = "a" * 5000
AGAIN = "set it once, at the top level."


@pytest.mark.parametrize(
    ("values", "ends"),
    [
        ({"rx_antennas": LONG}, "as an integer."),
        ({"rx_antennas": LONG, "waveform": {"rx_antennas": 1}}, AGAIN),
        ({"waveform": {"rx_antennas": [[LONG] * 100] * 100}}, AGAIN),
        ({"waveform": [LONG] * 100}, "must be a section with option names."),
        ({"burst": {"pictures": LONG}}, "or auto."),
        ({"sharing": LONG}, "was asked for."),
        ({"sharing": f"0.5:{LONG}"}, "."),
        ({LONG: 1}, "."),
    ],
)
def test_a_sentence_about_a_long_value_is_short_and_says_what_is_allowed(values, ends):
    with pytest.raises(FaultyInput) as caught:
        validated(values, "it")
    assert all(len(line) <= 1001 for line in caught.value.lines)
    assert str(caught.value).startswith("it: ") and any(line.endswith(ends) for line in str(caught.value).splitlines())


def test_mistakes_on_the_command_line_are_named_at_once_with_exit_code_2():
    command = [sys.executable, "-m", "hil", "loopback", "--set", "users=0", "--set", "frames=0", "--set", "usres=2"]
    done = subprocess.run([*command, "--users", "9"], capture_output=True, text=True)
    assert done.returncode == 2 and done.stdout == ""
    head, *lines = done.stderr.splitlines()
    assert head == "error: the command line: 3 faults:" and len(lines) == 3
    assert any("users is 9" in line for line in lines) and any("did you mean users" in line for line in lines)


def test_settings_that_are_none_are_named_at_once():
    with pytest.raises(UsageError) as caught:
        config_from(config_path=None, settings=("users", "a=[", "=3", "seed=4"))
    assert str(caught.value).startswith("the command line: 3 faults:")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(UsageError, match=r"nowhere.*there are loopback"):
        load_config(tmp_path / "nowhere.yaml")
    with pytest.raises(UsageError, match="did you mean loopback"):
        load_config(Path("lopback"))


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(max_size=5), lambda s: st.lists(s, max_size=3)))
@settings(max_examples=60)
def test_no_value_makes_a_traceback(value):
    for name in ("users", "snr_db", "air", "waveform.fft_size", "radio.tx_amplitude", "radio", "bus.endpoint"):
        try:
            load_config(None, {name: value})
        except UsageError as error:
            assert str(error)


def test_flags_win_over_set_and_set_over_the_file(tmp_path):
    file = tmp_path / "c.yaml"
    file.write_text(yaml.safe_dump({"users": 1, "seed": 5, "bus": {"endpoint": "tcp://127.0.0.1:1111"}}))
    config = config_from(
        config_path=file, settings=("users=3", "seed=6", "bus.endpoint=tcp://127.0.0.1:2222"), users=4, seed=None
    )
    assert (config.users, config.seed, config.bus.endpoint) == (4, 6, "tcp://127.0.0.1:2222")
    with pytest.raises(UsageError, match="KEY=VALUE"):
        config_from(config_path=None, settings=("users",))


@pytest.mark.parametrize("links, gains", [
    ([{"gain_db": 0}, {"gain_db": -10}], 1.1),
    ([{"gain_db": 6}], 10**0.6 + 1),
    ([{"paths": [{"gain_db": 0}, {"gain_db": -3, "delay_samples": 2}]}, {"gain_db": -20}], 1 + 10**-0.3 + 0.01),
    ([{"gain_db": 0}, {"gain_db": 0}, {"gain_db": 30}], 2.0),
])  # fmt: skip
def test_snr_is_that_of_all_users_together_whatever_their_links(links, gains):
    config = load_config(None, {"users": 2, "snr_db": 7.0, "air.links": links})
    received = config.radio.tx_amplitude**2 / 2 * gains
    assert 10 * math.log10(received / config.air.noise_power) == pytest.approx(7.0)
