"""What coordinator, transmitter and receiver make of pictures that come by themselves."""

import time
from types import SimpleNamespace

import numpy as np
import pytest

from hil.bus.clock import Offset
from hil.bus.messages import Capture, Grant, Hello, Link, Sent, Start, Stop
from hil.bus.presence import Presence
from hil.bus.wire import Received
from hil.config import load_config
from hil.nodes.transmitter import TransmitterNode, longest_burst
from hil.session.live import MAX_UNDECODED, LiveUsers
from hil.session.slot import Slot
from hil.video.capture import patience_s
from hil.video.play import Ended, LivePicture, LivePictures
from hil.video_config import VideoConfig
from radio.device import RadioSettings
from tests.hil.session.test_csi_timing import BASE_GAIN_DB, GUARD, SLOT_SAMPLES, USERS, Encoder, Radio


class Live:
    """Pictures 3 and 5 of a source, which then ends."""

    def __init__(self):
        picture = LivePicture("cam-000003", np.full((4, 4, 3), 3, np.uint8), (40, 40), 3, 0.3, 10.0, 10.1, 10.2)
        self._waiting = [picture, *[LivePicture(**(vars(picture) | {"number": 5, "dropped": 1}))]]

    def take(self, wait_s):
        assert wait_s > 0
        return self._waiting.pop(0) if self._waiting else Ended("unplugged")


@pytest.fixture
def transmitted():
    """A transmitter over four grants, one of them a probe: its radio, and what it told of each."""
    config, told, silenced = load_config(None, {"users": USERS}), [], []
    grants = [Grant(s, s - 1 if s else None, s * SLOT_SAMPLES, None) for s in range(4)]
    waiting = [Received("coordinator", body) for body in (Start(SLOT_SAMPLES, GUARD), *grants, Stop(True, ""))]
    bus = SimpleNamespace(
        send=lambda body, attachments=(): told.append((body, attachments)),
        receive=lambda _: waiting.pop(0),
        now_tick=0,
        clock=SimpleNamespace(offset=lambda: Offset(2.5, 0.001)),
        coordinator=Presence("", 10.0, time.monotonic()),
    )
    radio, encoder = Radio(), Encoder()
    images = LivePictures(lambda: None, VideoConfig(size="8x8")).images
    settings = RadioSettings(config.sample_rate_hz, config.center_frequency_hz, tx_gain_db=BASE_GAIN_DB)
    node = TransmitterNode(
        config, 1, bus, radio, encoder, images, settings, live=Live(), silence=lambda: silenced.append(len(radio.sent))
    )
    assert node.run().complete
    return radio, silenced, told


def test_a_transmitter_sends_what_its_source_has(transmitted):
    _, _, told = transmitted
    assert told[0][0].live
    sent = [body for body, _ in told[1:]]
    assert [one.frame for one in sent] == [None, 0, 1, None]
    assert sent[0].capture is None and (sent[1].image_id, sent[1].picture) == ("cam-000003", 3)
    assert (sent[1].original_height, sent[1].height) == (40, 4)
    first, second = sent[1].capture, sent[2].capture
    assert (first.captured_s, first.ready_s, first.taken_s, first.position_s) == (10.0, 10.1, 10.2, 0.3)
    assert (second.number, second.dropped, second.offset_s, second.uncertainty_s) == (5, 1, 2.5, 0.001)
    assert told[2][1][0].tobytes() == bytes([3] * 48)


def test_a_transmitter_whose_source_has_ended_says_so_and_falls_silent(transmitted):
    radio, silenced, told = transmitted
    assert (told[-1][0].slot, told[-1][0].ended) == (3, "unplugged")
    assert len(radio.sent) == 3 and silenced == [3]
    assert radio.idle[-1] == 4 * SLOT_SAMPLES  # nobody waits for it


def test_the_longest_burst_is_known_beforehand():
    config = load_config(None, {"users": USERS, "frames": 100_000})
    encoder = SimpleNamespace(channel_uses=lambda height, width: height * width)
    sizes = [longest_burst(config, LivePictures(lambda: None, VideoConfig(size=size)).images, encoder, 0)
             for size in ("256x128", "128x256", "16x16")]  # fmt: skip
    assert sizes[0] == sizes[1] > sizes[2]


def test_radios_in_real_time_do_not_wait_for_a_picture():
    free, paced = load_config(), load_config(None, {"air.pace": 1.0, "radio.lead_s": 0.3})
    radio = load_config(None, {"radio.device": "pluto:usb:", "radio.lead_s": 0.3})
    assert patience_s(free) > patience_s(paced) == patience_s(radio) == 0.15


def hello(user, live):
    return Hello("tx", user, 1, "", live=live)


def ended(user):
    return Sent(9, None, user, ended="it is over")


def test_a_run_is_over_when_nobody_has_a_picture_left():
    users = LiveUsers([hello(0, True), hello(1, True)])
    assert not users.over(2, set())
    assert "user 0" in users.note(ended(0)) and users.note(ended(0)) is None  # said once
    assert not users.over(2, set()) and users.over(2, {1})
    users.note(ended(1))
    assert users.over(2, set())


def test_a_user_with_a_folder_of_pictures_goes_on():
    users = LiveUsers([hello(0, True), hello(1, False)])
    users.note(ended(0))
    assert not users.over(2, set())


def test_what_is_lost_without_an_end_is_for_others_to_judge():
    assert not LiveUsers([hello(0, True)]).over(1, {0})


def test_video_waits_in_no_long_queue():
    assert LiveUsers([hello(0, True), hello(1, False)]).undecoded(8) == MAX_UNDECODED < 8
    assert LiveUsers([hello(0, False)]).undecoded(8) == 8 == LiveUsers().undecoded(8)


def test_nobody_waits_for_a_user_without_pictures():
    slot = Slot(Grant(4, 1, 0, None), Start(SLOT_SAMPLES, GUARD))
    capture = Capture(0, 0.0, 0.0, 0.0, 0.0, 0.0, "here")
    slot.sent[0] = Sent(4, 1, 0, capture=capture)
    slot.links[0] = Link(0, 0, 0.0, 0.0, 0.0, [], [], 0.0)
    assert not slot.ground_truth_here(2, with_air=True)
    slot.sent[1] = Sent(4, None, 1, ended="it is over")
    assert slot.alive(2) == {0} and slot.ended == {1}
    assert slot.ground_truth_here(2, with_air=True) and 1 not in slot.told_headers()
