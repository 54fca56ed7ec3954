"""Reports with numbers that are finite and absurd: nothing overflows, nobody dies of them, no encoder is told."""

import math
from types import SimpleNamespace

import msgspec
import numpy as np
import pytest

from hil.bus.messages import CsiReport, Grant, Hello, Link, Start, UserCommand, UserCsi
from hil.config import load_config
from hil.loops_config import ControlConfig, FeedbackConfig
from hil.nodes.receiver import ReceiverNode
from hil.nodes.transmitter import TransmitterNode
from hil.session.bits_length import LEAST_REPORTS, BitsLength, longest_bits
from hil.session.burst.training import TrainingLength
from hil.session.control import SessionControl
from hil.session.csi_path import CsiPath, quantised
from hil.session.feedback import side_information
from hil.session.responses import PLACES, responses
from hil.session.semantic_control import SemanticControl
from hil.session.sharing_control import SharingControl
from hil.session.slot import Slot
from models.side_information import SideInformation
from radio.waveform.config import WaveformConfig

pytestmark = pytest.mark.filterwarnings("error")
RATE_HZ = 4e6
GOOD = UserCsi(0, 120.0, 3.0, 1.0, 0.5, 12.0, 2.0, 1.5, -12.0, 3.0, 0.1, 0.2)
ABSURD = [1e200, -1e200, 1.7e308, 3081.0, -3081.0, math.inf, -math.inf, math.nan]
PATHS = [{}, {"csi_bits": 4}, {"csi_bits": 1, "csi_delay_slots": 1}, {"csi_prediction": True}]
PATHS += [{"csi_prediction": True, "csi_bits": 6}]


def report(slot, *users, snr_db=12.0):
    return CsiReport(slot, None, slot * 1000, slot * 1000, snr_db, list(users))


def absurd(**values):
    return msgspec.structs.replace(GOOD, **values)


@pytest.mark.parametrize("settings", PATHS)
@pytest.mark.parametrize("value", ABSURD)
@pytest.mark.parametrize("name", ["gain", "phase_rad", "snr_db"])
def test_a_report_of_absurd_numbers_passes_and_the_next_one_is_as_if_it_had_never_been(settings, name, value):
    path, clean = (CsiPath(FeedbackConfig(**settings), RATE_HZ) for _ in range(2))
    for slot in range(3):
        path.take(report(slot, GOOD, absurd(user=1)), slot * 1000 + 500)
        clean.take(report(slot, GOOD, absurd(user=1)), slot * 1000 + 500)
    value = value * 1e6 if name != "snr_db" and abs(value) < 1e6 else value
    told = side_information(path.take(report(3, GOOD, absurd(user=1, **{name: value})), 3500), 2)
    clean.take(report(3, GOOD), 3500)
    assert np.isfinite(np.float32(told.snr_db)) and np.square(told.gains).max() < 1e12
    for slot in range(4, 6):  # with a delay the absurd one comes out now
        after = side_information(path.take(report(slot, GOOD, absurd(user=1)), slot * 1000 + 500), 2)
        other = side_information(clean.take(report(slot, GOOD, absurd(user=1)), slot * 1000 + 500), 2)
    np.testing.assert_allclose(after.gains, other.gains)


@pytest.mark.parametrize("value", [1e200, 301.0, -301.0, math.inf, math.nan])
def test_an_absurd_total_snr_is_no_side_information(value):
    assert side_information(report(0, GOOD, snr_db=value), 1) == SideInformation.default(1)
    assert side_information(quantised(report(0, GOOD, snr_db=value), 4), 1) == SideInformation.default(1)


@pytest.mark.parametrize("part", [1e30, 3e38, 2e6])
def test_a_coarse_range_makes_no_channel_of_an_absurd_response(part):
    response = np.full(PLACES, part + 1j * part, np.complex64).tobytes()
    assert responses(quantised(report(0, absurd(response=response)), 4), 1) is None


@pytest.mark.parametrize("value", ABSURD)
def test_the_coordinators_choices_are_not_made_of_absurd_snrs(value):
    waveform = WaveformConfig(bits_bytes=64)
    bits = BitsLength(waveform)
    training = TrainingLength(load_config(None, {"users": 1, "burst.short_training": True}))
    config = load_config(None, {"semantic.mode": "auto"})
    semantic = SemanticControl(config, SharingControl(config, None))
    for slot in range(LEAST_REPORTS + 2):
        one = report(slot, absurd(snr_db=value), snr_db=value)
        bits.take(one)
        training.take(one)
        semantic.take(one)
    assert bits.choice() == longest_bits(waveform) and not training.short() and semantic.choice() is None


@pytest.mark.parametrize("value", [*ABSURD, 1e-200, 1e-320])
@pytest.mark.parametrize(
    "name", ["power_db", "power_std_db", "cfo_hz", "cfo_std_hz", "arrival_samples", "arrival_std_samples"]
)
def test_loops_command_what_a_radio_can_follow_whatever_was_reported(name, value):
    config = load_config().model_copy(update={"control": ControlConfig(timing=True, power=True)})
    control = SessionControl(config, {u: Hello("tx", u, 1, "", lowest_gain_db=-60.0) for u in range(2)}, False)
    for slot in range(6):
        commands = control.commands(slot, 1000 * (slot // 2), False, set())
        assert all(math.isfinite(one.correction_hz) and math.isfinite(one.gain_db) for one in commands)
        told = report(slot // 2, GOOD, absurd(user=1, **{name: value}))  # two of one moment
        control.take(msgspec.structs.replace(told, slot=slot))


@pytest.mark.parametrize("command", [{"correction_hz": 1e200}, {"gain_db": -1e200}, {"gain_db": math.nan}])
def test_a_transmitter_follows_no_absurd_command(command):
    node = SimpleNamespace(user=0, config=load_config())
    grant = Grant(0, 0, 0, None, commands=[UserCommand(0, **{"advance_ticks": 3, **command})])
    assert TransmitterNode._command(node, grant) == UserCommand(0)
    fine = UserCommand(0, correction_hz=-2500.0, gain_db=-12.0)
    assert TransmitterNode._command(node, Grant(0, 0, 0, None, commands=[fine])) == fine


def test_a_receiver_notes_no_truth_that_is_none():
    bus, link = SimpleNamespace(send=lambda *_: None), Link(0, 10, 0.0, 0.0, 0.0, [0.0], [[(1.0, 0.0)]], 0.01)
    node = ReceiverNode(load_config(), bus, None, SimpleNamespace())
    slot = node._slots[0] = Slot(Grant(0, 0, 0, None), Start(1000, 100))
    node._note_truth([msgspec.structs.replace(link, tap_gains=[[]]), msgspec.structs.replace(link, user=1)])
    assert slot.links.keys() == {1}
