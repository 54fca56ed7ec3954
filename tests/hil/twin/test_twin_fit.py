"""Impairments that the tests chose, found again in recordings of them; tolerances are stated beside each."""

import json

import numpy as np
import pytest

from hil.config import load_config
from hil.errors import UsageError
from hil.twin.config_file import twin_yaml, write_twin
from hil.twin.fit import fit_twin
from hil.twin.recorded import Recording
from radio.recording import SigmfWriter
from tests.hil.twin.recordings import TWO_LINKS, mask, record, run_config


def fitted(path, config, **how):
    return fit_twin(Recording.open(record(path / "room.sigmf-meta", config, **how)))


def test_offsets_gains_delays_and_the_front_end_are_recovered(tmp_path):
    iq, dc = {"gain_db": 0.5, "phase_deg": 2.0}, (0.01, -0.006)
    config = run_config(rx_iq_imbalance=iq, rx_dc_offset=dc, phase_noise=mask(6))
    twin = fitted(tmp_path, config)
    air = twin.config.air
    assert air.tx_ppm == pytest.approx((1.0, -2.5), abs=0.005) and air.rx_ppm == 0  # 12 Hz of 2.45 GHz
    for found, link in zip(air.links, TWO_LINKS, strict=True):
        assert found.gain_db == pytest.approx(link["gain_db"], abs=0.1)
        assert found.delay_samples == pytest.approx(link["delay_samples"], abs=0.05)
    assert twin.config.snr_db == pytest.approx(20, abs=0.2)
    assert air.noise_power == pytest.approx(config.air.noise_power, rel=0.05)
    assert air.rx_iq_imbalance.gain_db == pytest.approx(0.5, abs=0.1)
    assert air.rx_iq_imbalance.phase_deg == pytest.approx(2.0, abs=0.6)
    assert air.rx_dc_offset == pytest.approx(dc, abs=5e-4)
    assert air.phase_noise.mask[0][1] == pytest.approx(-74, abs=2)
    assert twin.config.channel == "awgn"


def test_the_sample_clocks_agree_with_the_carriers_of_the_one_crystal(tmp_path):
    twin = fitted(tmp_path, run_config(tx_ppm=(12.0, -9.0), rx_ppm=0.0), slots=16, n_symbols=4096)
    assert twin.config.air.tx_ppm == pytest.approx((12.0, -9.0), abs=0.005)
    [note] = [one.note for one in twin.estimates if one.name == "air.tx_ppm"]
    clocks = [float(part.split(" ± ")[0]) for part in note.split("say ")[1].split(", ")]
    assert clocks == pytest.approx([12.0, -9.0], abs=0.5)


@pytest.mark.parametrize(("channel", "spread_s"), [("tdl-a", 300e-9), ("tdl-c", 600e-9)])
def test_multipath_and_its_spread_are_recovered(tmp_path, channel, spread_s):
    twin = fitted(tmp_path, run_config(channel=channel, delay_spread_s=spread_s), slots=20)
    assert twin.config.channel == channel
    assert twin.config.air.delay_spread_s == pytest.approx(spread_s, rel=0.05)
    assert twin.config.air.coherence == "block"
    for found, link in zip(twin.config.air.links, TWO_LINKS, strict=True):
        assert found.delay_samples == pytest.approx(link["delay_samples"], abs=0.15)


def test_a_room_without_phase_noise_gets_a_twin_without(tmp_path):
    twin = fitted(tmp_path, run_config(phase_noise=None), slots=12)
    assert twin.config.air.phase_noise is None


def test_a_room_in_which_nothing_moves_gets_its_paths(tmp_path):
    paths = ({"gain_db": 0.0}, {"delay_samples": 3.3, "gain_db": -6.0, "phase_deg": 100.0})
    links = ({"delay_samples": 2.0, "paths": paths}, {"delay_samples": 4.0})
    twin = fitted(tmp_path, run_config(snr_db=15.0, links=links), slots=12)
    assert twin.config.channel == "awgn"
    first, second = twin.config.air.links[0].paths
    assert second.delay_samples - first.delay_samples == pytest.approx(3.3, abs=0.05)
    assert second.gain_db - first.gain_db == pytest.approx(-6, abs=0.3)
    assert (second.phase_deg - first.phase_deg) % 360 == pytest.approx(100, abs=5)
    assert [link.delay_samples for link in twin.config.air.links] == pytest.approx([2, 4], abs=0.1)
    assert len(twin.config.air.links[1].paths) == 1


def test_rayleigh_and_rician_fading_are_told_apart(tmp_path):
    rician = fitted(tmp_path, run_config(channel="rician", k_factor_db=6.0), slots=40, n_symbols=256)
    assert rician.config.channel == "rician"
    assert rician.config.air.k_factor_db == pytest.approx(6, abs=2)
    (tmp_path / "other").mkdir()
    rayleigh = fitted(tmp_path / "other", run_config(channel="rayleigh"), slots=40, n_symbols=256)
    assert rayleigh.config.channel == "rayleigh" and rayleigh.config.air.coherence == "block"


@pytest.mark.parametrize(("doppler_hz", "slots"), [(15, 60), (80, 40)])
def test_the_largest_doppler_shift_is_recovered(tmp_path, doppler_hz, slots):
    """Slow movement is seen from slot to slot (3 ms apart), fast movement within bursts."""
    twin = fitted(tmp_path, run_config(channel="rayleigh", coherence="doppler", doppler_hz=doppler_hz), slots=slots)
    assert (twin.config.channel, twin.config.air.coherence) == ("rayleigh", "doppler")
    assert twin.config.air.doppler_hz == pytest.approx(doppler_hz, rel=0.35)


def test_the_answers_in_a_recording_are_not_read(tmp_path):
    path = record(tmp_path / "room.sigmf-meta", run_config(), slots=8)
    honest = twin_yaml(fit_twin(Recording.open(path)), path)
    meta = json.loads(path.read_text())
    config = meta["global"]["semnoma:config"]
    config |= {"snr_db": -5.0, "channel": "tdl-e", "air": {}}
    lie = {"user": 0, "burst_start_tick": 0, "cfo_hz": 9e9, "clock_ppm": 9e9, "delay_samples": 9e9,
           "tap_delays_samples": [9e9], "tap_gains": [[[9e9, 9e9]]], "noise_power": 9e9}  # fmt: skip
    for entry in meta["annotations"]:
        if "semnoma:sent" in entry:
            entry["semnoma:link"] = lie
    path.write_text(json.dumps(meta))
    assert twin_yaml(fit_twin(Recording.open(path)), path) == honest


def test_the_written_file_is_a_configuration_that_says_what_it_does_not_know(tmp_path):
    recording = record(tmp_path / "room.sigmf-meta", run_config(), slots=8)
    twin = fit_twin(Recording.open(recording))
    write_twin(twin, recording, tmp_path / "twin.yaml")
    assert load_config(tmp_path / "twin.yaml") == twin.config
    text = (tmp_path / "twin.yaml").read_text()
    assert "air.power_amplifier: default kept: it takes bursts at several levels" in text
    assert twin.config.seed != run_config().seed  # or the twin would repeat the very noise of a simulated recording
    with pytest.raises(UsageError, match="cannot be written"):
        write_twin(twin, recording, tmp_path / "nowhere" / "twin.yaml")


def test_a_user_that_was_never_heard_is_named(tmp_path):
    path = record(tmp_path / "room.sigmf-meta", run_config(), slots=4, lost=(1,))
    with pytest.raises(UsageError, match="User 1 was not found in any slot"):
        fit_twin(Recording.open(path))


def test_a_torn_recording_is_used_as_far_as_it_goes(tmp_path):
    path = record(tmp_path / "room.sigmf-meta", run_config(), slots=8)
    data = path.with_suffix(".sigmf-data")
    stored = data.read_bytes()
    data.write_bytes(stored[: int(len(stored) * 0.55)])
    torn = fit_twin(Recording.open(path))
    assert torn.slots == (8, 4)
    assert torn.config.snr_db == pytest.approx(20, abs=0.5)
    data.write_bytes(stored[:1000])
    with pytest.raises(UsageError, match="No slot was recorded whole"):
        fit_twin(Recording.open(path))


def test_other_peoples_recordings_are_refused(tmp_path):
    SigmfWriter(tmp_path / "foreign", 1e6, 1e9).close()
    with pytest.raises(UsageError, match="was not recorded by semnoma-hil"):
        Recording.open(tmp_path / "foreign.sigmf-meta")


def test_powers_have_no_scale_but_keep_their_ratios(tmp_path):
    links = [dict(link, gain_db=link["gain_db"] - 40) for link in TWO_LINKS]
    twin = fitted(tmp_path, run_config(snr_db=20, links=links, rx_dc_offset=(1e-3, 0.0)), slots=8)
    assert twin.config.snr_db == pytest.approx(20, abs=0.3)
    assert [link.gain_db for link in twin.config.air.links] == pytest.approx([1.0, -1.26], abs=0.1)
    assert twin.scale == pytest.approx(100, rel=0.02)
    assert np.hypot(*twin.config.air.rx_dc_offset) == pytest.approx(0.1, rel=0.1)
