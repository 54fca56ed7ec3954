"""Observers on a real bus: they see the run, they never matter to it, and without them nothing is published."""

import math
import threading
import time

import numpy as np
import pytest

from hil.bus.client import BusClient
from hil.bus.messages import (
    Bye,
    CsiReport,
    FrameDone,
    Grant,
    Hello,
    Overview,
    PictureFacts,
    Refused,
    RunFacts,
    Sent,
    Start,
    Stop,
    Telemetry,
    UserCsi,
    Watched,
)
from hil.bus.server import BusServer
from hil.config import load_config
from hil.errors import HilError
from hil.live.bus_source import BusSource
from hil.live.state import Cursor, LiveState
from hil.nodes.coordinator import Coordinator
from hil.nodes.observers import MAX_OBSERVERS
from hil.nodes.telemetry import TelemetryPublisher
from hil.results.live import LiveFacts
from hil.results.rows import ResultRow
from hil.session.slot import Slot

PATIENT = {"bus.heartbeat_s": 0.05} | {f"bus.{name}_timeout_s": 200.0 for name in ("node", "frame", "join", "rejoin")}


class Lab:
    """A coordinator in a thread; one scripted transmitter and receiver that serve it in threads of their own."""

    def __init__(self, frames=3, pause_s=0.0):
        values = {**PATIENT, "users": 1, "frames": frames, "feedback.probe_slots": 1, "air.seed": 1}
        self.config = load_config(None, values)
        self.server = BusServer("tcp://127.0.0.1:*")
        self.coordinator = Coordinator(self.config, self.server, range(frames), needs_air=False, on_event=print)
        self.error, self.pause_s, self.watched = None, pause_s, 0
        self.clients, self.threads = [], [threading.Thread(target=self._run, daemon=True)]
        self.threads[0].start()

    def _run(self):
        try:
            self.coordinator.run()
        except HilError as error:
            self.error = error

    def client(self, name):
        client = BusClient(self.server.endpoint, name, heartbeat_s=0.05, timeout_s=200.0)
        self.clients.append(client)
        return client

    def nodes(self):
        for name, serve in (("tx0", self._transmit), ("rx", self._receive)):
            client = self.client(name)
            client.send(Hello(name[:2], 0 if name == "tx0" else None, 1, self.config.digest(), max_burst_samples=10))
            self.threads.append(threading.Thread(target=self._serve, args=(client, serve), daemon=True))
            self.threads[-1].start()

    def _serve(self, client, serve):
        end = time.monotonic() + 200
        while time.monotonic() < end:
            message = client.receive(0.1)
            if message is None:
                continue
            if isinstance(message.body, Stop):
                client.send(Bye())
                return
            serve(client, message.body)

    def _transmit(self, client, body):
        if isinstance(body, Grant):
            client.send(Sent(body.slot, body.frame, 0, precorrection_hz=7.0), [b"abc", b""])

    def _receive(self, client, body):
        if isinstance(body, Watched):
            self.watched += 1
        if isinstance(body, Grant):
            time.sleep(self.pause_s)
            user = UserCsi(0, 1.0, 0.0, 1.0, 0.0, 12.0)
            client.send(CsiReport(body.slot, body.frame, body.slot_tick, body.slot_tick, 12.0, [user]))
            if body.frame is not None:
                client.send(Telemetry(body.slot, body.frame, 12.0, b"", [], [picture(body.frame)]), [b"x"])
                client.send(FrameDone(body.frame, 1))

    def close(self):
        for thread in self.threads:
            thread.join(100)
        for client in self.clients:
            client.close()
        self.server.close()


def picture(frame):
    return PictureFacts(frame, 0, True, None, "", 20.0 + frame, None, None, 1.0, {})


@pytest.fixture
def lab():
    labs = []

    def make(**options):
        labs.append(Lab(**options))
        return labs[-1]

    yield make
    for made in labs:
        made.close()


def hear(client, kind, seconds=60.0):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        message = client.receive(0.1)
        if message is not None and isinstance(message.body, kind):
            return message.body
    raise AssertionError(f"no {kind} within {seconds} s")


def wait_for(condition, seconds=60.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def observe(lab, name="observer-1"):
    client = lab.client(name)
    client.send(Hello("observer", None, 0, ""))
    return client


def test_the_state_follows_a_run_to_its_end(lab):
    made = lab(frames=4, pause_s=0.1)
    state = LiveState()
    source = BusSource(state, made.server.endpoint)
    try:
        wait_for(lambda: state.live)
        assert state.since(Cursor())[0]["run"]["state"] == "waiting"
        made.nodes()
        made.threads[0].join(100)
        wait_for(lambda: state.ended)
    finally:
        source.close()
    update = state.since(Cursor())[0]
    assert made.error is None and made.watched > 0
    assert update["run"]["state"] == "finished" and update["run"]["frames_done"] == 4
    assert update["points"] == [(frame, 0, 20.0 + frame) for frame in range(4)]
    assert update["users"][0]["loops"]["precorrection_hz"] == 7.0 and update["users"][0]["loops"]["snr_db"] == 12.0
    assert {text for _, text in update["events"]} >= {"tx0 joined", "rx joined"}


def test_a_run_does_not_wait_for_observers_nor_ask_for_telemetry_without(lab):
    made = lab()
    made.nodes()
    made.threads[0].join(100)
    assert not made.threads[0].is_alive() and made.error is None and made.watched == 0


def test_a_lost_observer_loses_only_its_place(lab):
    made = lab(frames=3)
    leaving, silent = observe(made), observe(made, "observer-2")
    hear(leaving, RunFacts)
    hear(silent, RunFacts)
    made.nodes()
    hear(leaving, Overview)
    leaving.send(Bye("gone"))
    silent.close()  # without a word
    made.clients.remove(silent)
    heard = made.coordinator.observers._heard
    while "observer-2" in heard:
        heard["observer-2"] = -math.inf  # for longer than it may be
        time.sleep(0.01)
    made.threads[0].join(100)
    assert made.error is None and made.coordinator.lost_users == set()
    assert not made.coordinator.observers


def test_what_an_observer_says_changes_nothing(lab):
    made = lab(frames=2)
    observer = observe(made)
    hear(observer, RunFacts)
    for body in (
        FrameDone(0, 1),
        FrameDone(1, 1),
        CsiReport(99, None, 0, 0, 1.0, []),
        Sent(0, 0, 0),
        Stop(False, "now"),
    ):
        observer.send(body)
    observer.send(Telemetry(0, 0, None, b"", [], [picture(7)]))
    observer.send(Hello("rx", None, 1, made.config.digest()))
    time.sleep(0.3)
    assert made.coordinator.nodes == {} and made.coordinator._done == set()
    made.nodes()
    made.threads[0].join(100)
    assert made.error is None and made.coordinator._done == {0, 1}


def test_observers_need_a_name_of_their_own_and_there_are_not_too_many(lab):
    made = lab()
    client = made.client("rx")
    client.send(Hello("observer", None, 0, ""))
    assert "name begins with" in hear(client, Refused).reason
    client.send(Bye())
    observers = [observe(made, f"observer-{number}") for number in range(MAX_OBSERVERS)]
    for observer in observers:
        hear(observer, RunFacts)
    assert str(MAX_OBSERVERS) in hear(observe(made, "observer-more"), Refused).reason
    made.nodes()
    made.threads[0].join(100)


def test_an_observer_waits_for_a_coordinator_that_comes_later():
    state = LiveState()
    source = BusSource(state, "tcp://127.0.0.1:1")
    source.close()
    assert not state.live


def slot(number):
    return Slot(Grant(number, number, 0, None), Start(100, 10))


def publisher():
    sent = []
    config = load_config(None, {"users": 1})
    return TelemetryPublisher(config, lambda message, attachments: sent.append((message, attachments))), sent


def test_nobody_watching_nothing_is_made():
    made, sent = publisher()
    made.recorded(ResultRow(frame=0, user=0, decoded=True, reason=None), {})
    made.offer(slot(0))
    made.close()
    assert sent == [] and made._thread is None and not made._facts


def test_watched_it_publishes_ten_a_second_every_figure_and_the_newest_pictures():
    made, sent = publisher()
    made.watch()
    start, frame = time.monotonic(), 0
    while time.monotonic() - start < 0.55:
        pixels = np.full((8, 8, 3), frame % 256, np.uint8)
        row = ResultRow(frame=frame, user=0, decoded=True, reason=None, psnr_db=float("nan"))
        made.recorded(row, {"original": pixels, "received": pixels})
        made.offer(slot(frame))
        frame += 1
        time.sleep(0.002)
    made.close()
    seconds = time.monotonic() - start
    assert len(sent) <= 10 * seconds + 2
    assert sent[-1][0].frame == frame - 1  # the last one is not lost
    assert [facts.frame for message, _ in sent for facts in message.pictures] == list(range(frame))
    assert all(facts.psnr_db is None for facts in sent[-1][0].pictures)
    assert sent[-1][0].users[0].picture_frame == frame - 1
    assert sent[-1][1][0][:2] == b"\xff\xd8"


def test_pictures_of_a_video_are_shown_before_they_are_recorded_and_once():
    made, sent = publisher()
    made.watch()
    pixels = np.full((8, 8, 3), 90, np.uint8)
    made.shown(slot(3), {0: {"original": pixels, "received": pixels}})
    end = time.monotonic() + 60
    while not sent:
        assert time.monotonic() < end
        time.sleep(0.01)
    assert sent[0][0].users[0].picture_frame == 3 and sent[0][0].pictures == [] and len(sent[0][1]) == 1
    live = LiveFacts(number=3, position_s=0.3, shown_s=1.0)
    made.recorded(ResultRow(frame=3, user=0, decoded=True, reason=None, live=live), {"original": pixels})
    made.offer(slot(3))
    made.close()
    assert [facts.frame for facts in sent[-1][0].pictures] == [3] and sent[-1][1] == []
