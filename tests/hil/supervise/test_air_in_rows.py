"""What a configured air does to a burst beyond noise, in the rows and the report of its recording."""

import numpy as np
import pytest

from hil.bus.messages import Grant, Sent, Start
from hil.config import load_config
from hil.report import build_report
from hil.results.rows import read_rows
from hil.results.session_recording import SessionRecorder
from hil.session.slot import Slot
from hil.supervise.replay import replay_config, run_replay
from radio.air.medium import Medium
from radio.samples import Samples
from radio.waveform.burst.grid import ResourceGrid
from radio.waveform.burst.header import FrameHeader
from radio.waveform.transmission.transmitter import BurstTransmitter

SIDE_PX, USES, GUARD, LEVEL = 16, 8000, 512, 0.25  # no picture has that many uses: nothing is decoded
QUIET = {
    "codec": "compact-2u",
    "snr_db": 20.0,
    "rx.ideal": False,
    "refine": False,
    "compute_device": "cpu",
    "frames": 2,
}


def rows_of(folder, settings, sent=True):
    """Rows of two frames through an air with these settings; `sent` False: nobody transmits in the second."""
    config = load_config(None, QUIET | settings)
    path = folder / "air.sigmf-meta"
    medium, recorder = Medium(config.air), SessionRecorder(path, config)
    length = ResourceGrid(config.waveform).burst_length(USES) + 2 * GUARD
    rng = np.random.default_rng(3)
    for frame in range(2):
        slot = Slot(Grant(frame, frame, frame * length, None), Start(length, GUARD))
        for user in range(2):
            symbols = (rng.standard_normal((USES, 2)) @ [1, 1j] / np.sqrt(2)).astype(np.complex64)
            header = FrameHeader(frame, user, "image", SIDE_PX, SIDE_PX, USES, user)
            burst = LEVEL * BurstTransmitter(config.waveform, user).modulate(symbols, header)
            if sent or frame == 0:
                start = frame * length + GUARD
                medium.add_burst(user, Samples(burst[None].astype(np.complex64), start, config.sample_rate_hz))
            slot.originals[user], slot.symbols[user] = np.zeros((SIDE_PX, SIDE_PX, 3), np.uint8), symbols
            slot.sent[user] = Sent(
                frame, frame, user, picture=user, image_id="x.png", height=SIDE_PX, width=SIDE_PX, n_symbols=USES,
                csi_slot=None, csi_age_s=None, precorrection_hz=0.0, papr_db=0.0,
            )  # fmt: skip
        slot.samples = Samples(medium.render(frame * length, length), frame * length, config.sample_rate_hz)
        recorder.record(slot)
    recorder.close()
    run_replay(path, replay_config(path, {"compute_device": "cpu"}), folder / "out", report=False)
    return read_rows(folder / "out")


def test_an_air_that_does_nothing_is_told_as_such(tmp_path):
    rows = rows_of(tmp_path, {})
    assert len(rows) == 4
    for row in rows:
        assert row.tones == [] and row.doppler_hz == 0 and row.beyond_prefix < 1e-3
        assert "interference" not in row.events
    page = build_report(tmp_path / "out").read_text()
    assert ">Interference</h2>" not in page and "Doppler shift" not in page


def test_tones_are_told_with_frequency_and_power_also_where_no_burst_is(tmp_path):
    tones = [{"power": 0.003, "frequency_hz": -912_300.0}, {"power": 0.01, "frequency_hz": 287_500.0}]
    rows = rows_of(tmp_path, {"air.interferers": tones}, sent=False)
    assert [row.reason for row in rows if row.frame == 1] == ["not detected"] * 2
    for row in rows:
        found = sorted(row.tones)
        assert [tone.frequency_hz for tone in found] == pytest.approx([-912_300, 287_500], abs=50)
        assert [tone.power_db for tone in found] == pytest.approx([-25.2, -20.0], abs=0.5)
        assert row.events.get("interference", 0) == (2 if row.user == 0 else 0)
    page = build_report(tmp_path / "out").read_text()
    table = page[page.index(">Interference</h2>") :]
    assert table.index("<td>287.50</td>") < table.index("<td>−912.30</td>")


def test_a_channel_that_moves_is_told_with_its_doppler(tmp_path):
    rows = rows_of(
        tmp_path, {"channel": "rayleigh", "air.coherence": "doppler", "air.doppler_hz": 300.0, "rx_antennas": 2}
    )
    assert 100 < np.median([row.doppler_hz for row in rows]) < 600
    assert "Doppler shift" in build_report(tmp_path / "out").read_text()


def test_paths_beyond_the_cyclic_prefix_are_told_with_their_share(tmp_path):
    """A path of 6 dB less comes 50 samples late, the prefix has 32: 0.25 of 1.25 lie beyond."""
    paths = [{"delay_samples": 0.0}, {"delay_samples": 50.0, "gain_db": -6.02}]
    rows = rows_of(tmp_path, {"air.links": [{"delay_samples": 3.0, "paths": paths}] * 2})
    assert [row.beyond_prefix for row in rows] == pytest.approx([0.2] * 4, abs=0.05)
