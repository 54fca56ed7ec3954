"""Slots to annotations and back."""

import math

import msgspec
import numpy as np
import pytest

from hil.bus.messages import CsiReport, Grant, Link, Sent, Start, UserCsi
from hil.config import RunConfig
from hil.results import session_recording
from hil.results.session_recording import SessionRecorder, recorded_config, recorded_slots
from hil.session.slot import Slot
from radio.recording import SigmfReader
from radio.samples import Samples


def test_a_slot_survives_the_recording(tmp_path):
    config, rng = RunConfig(), np.random.default_rng(1)
    csi = CsiReport(3, 0, 1000, 1500, None, [UserCsi(0, math.nan, 0.5, 1.0, 0.1, math.inf)])
    slot = Slot(Grant(3, 0, 1000, csi, [1], True), Start(500, 64, True), events={"overflow": 7})
    slot.samples = Samples(np.ones((1, 500), np.complex64), 1000, config.sample_rate_hz)
    slot.csi, slot.encoder_csi = csi, msgspec.structs.replace(csi, slot=2)
    slot.sent[0] = Sent(3, 0, 0, picture=5, image_id="ä.png", height=4, width=6, n_symbols=9)
    slot.originals[0] = rng.integers(0, 256, (4, 6, 3)).astype(np.uint8)
    slot.symbols[0] = (rng.standard_normal((9, 2)) @ [1, 1j]).astype(np.complex64)
    slot.links[0] = Link(0, 1064, 12.5, -3.0, 0.25, [0.0, 1.5], [[(1.0, 0.5), (0.0, -0.25)]], 1e-3)
    recorder = SessionRecorder(tmp_path / "a", config)
    recorder.record(slot)
    recorder.close()

    reader = SigmfReader(tmp_path / "a")
    assert RunConfig.model_validate(recorded_config(reader)) == config
    [again] = recorded_slots(reader)
    assert (again.grant.slot_tick, again.grant.lost_users) == (1000, [1]) and math.isnan(
        again.grant.csi.users[0].cfo_hz
    )
    assert (again.start, again.events) == (slot.start, slot.events)
    assert (again.sent, again.links) == (slot.sent, slot.links)
    assert again.encoder_csi.slot == 2 and math.isnan(again.encoder_csi.users[0].cfo_hz)
    assert math.isnan(again.csi.users[0].cfo_hz) and again.csi.users[0].delay_samples == 0.5
    np.testing.assert_array_equal(again.originals[0], slot.originals[0])
    np.testing.assert_array_equal(again.symbols[0], slot.symbols[0])


@pytest.mark.parametrize("damage", [{"noise_power": 1e200}, {"tap_gains": [[]]}, {"tap_delays_samples": [0.0, 1.0]}])
def test_a_recorded_link_that_cannot_be_one_is_refused(damage):
    link = Link(0, 10, 0.0, 0.0, 0.0, [0.0], [[(1.0, 0.0)]], 0.01)
    for told, fits in ((link, True), (msgspec.structs.replace(link, **damage), False)):
        slot = Slot(Grant(0, 0, 0, None), Start(1000, 100))
        sent = Sent(0, 0, 0)
        entry = {"semnoma:sent": msgspec.to_builtins(sent), "semnoma:link": msgspec.to_builtins(told)}
        if fits:
            session_recording._add_user(slot, entry)
            assert slot.links == {0: link}
        else:
            with pytest.raises(ValueError, match="cannot be one"):
                session_recording._add_user(slot, entry)
