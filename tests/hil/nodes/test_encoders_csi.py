"""The receiver knows what every encoder was told, however the reports' way to it is configured."""

from types import SimpleNamespace

import numpy as np
import pytest

from hil.bus.messages import CsiReport, Grant, Start, UserCsi
from hil.nodes.receiver import ReceiverNode
from hil.session.feedback import side_information
from radio.samples import Samples
from radio.waveform.reception.receiver import BurstReceiver
from tests.hil.session.test_csi_timing import GUARD, SLOT_SAMPLES, USERS, transmitted


def report(slot):
    """Of a channel that changes from slot to slot, with gains that no quantiser has as a level."""
    users = [UserCsi(user, 0.0, 0.0, 0.7 + 0.1 * (slot % 3) + 0.2 * user, 0.3 * slot, 7.3) for user in range(USERS)]
    return CsiReport(slot, None, slot * SLOT_SAMPLES + GUARD, (slot + 1) * SLOT_SAMPLES, 10.0 + slot, users)


GRANTS = [Grant(s, s if s > 2 else None, s * SLOT_SAMPLES, report(s - 1) if s else None) for s in range(9)]


class Listening:
    """A radio that hears nothing."""

    def receive(self, start_tick, n_samples, timeout_s):
        return Samples(np.zeros((1, n_samples), np.complex64), start_tick, 4e6)

    def events(self):
        return []


def slots_of_a_receiver(monkeypatch, config):
    monkeypatch.setattr(BurstReceiver, "receive", lambda *_, **__: None)
    monkeypatch.setattr(ReceiverNode, "_await_sent", lambda *_: None)
    bus = SimpleNamespace(send=lambda *_: None, now_tick=0, heard_s=0.0)
    node = ReceiverNode(config, bus, Listening(), SimpleNamespace(powers=lambda _grant: None))
    for grant in GRANTS:
        node._slot(grant, Start(SLOT_SAMPLES, GUARD))
    return [node._jobs.get_nowait() for grant in GRANTS if grant.frame is not None]


@pytest.mark.parametrize(
    "feedback",
    [{}, {"csi": False}, {"csi_delay_slots": 2}, {"csi_bits": 3}, {"csi_prediction": True},
     {"csi_delay_slots": 1, "csi_bits": 4, "csi_prediction": True}],
)  # fmt: skip
def test_what_a_transmitters_encoder_is_told_is_what_the_receiver_takes_it_to_be(monkeypatch, feedback):
    options = {f"feedback.{name}": value for name, value in feedback.items()}
    config, _, encoder, told = transmitted(GRANTS, **options)
    slots = slots_of_a_receiver(monkeypatch, config)
    sent = {message.slot: message for message, _ in told[1:]}
    assert len(slots) == len(encoder.sides) == 6
    for slot, side in zip(slots, encoder.sides, strict=True):
        known = side_information(slot.encoder_csi, USERS)
        assert known.snr_db == side.snr_db and known.gains.tolist() == side.gains.tolist()
        assert known.phases_rad.tolist() == side.phases_rad.tolist()
        assert sent[slot.grant.slot].csi_slot == (slot.encoder_csi.slot if slot.encoder_csi else None)
    if feedback:  # the grant's own report would have been wrong
        granted = side_information(slots[-1].grant.csi, USERS)
        assert granted.gains.tolist() != encoder.sides[-1].gains.tolist()
