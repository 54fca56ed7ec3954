"""A transmitter node arms its radio's watchdog, with what the bus hears, before it serves."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from hil.config import load_config
from hil.nodes import transmitter_setup


@pytest.mark.parametrize("user", [0, 1])
def test_the_watchdog_is_armed_with_the_buss_own_ear_before_anything_is_sent(monkeypatch, user):
    told, bus = [], SimpleNamespace(coordinator=SimpleNamespace(led_s=10.0))

    class Radio:
        uri, calibration = "fake:", None

        def configure(self, settings):
            told.append("configured")
            return replace(settings, tx_gain_db=-23.0)  # its own: none was asked for

        def silence(self):
            told.append("silent")

        def watch(self, last_heard_s):
            self.last_heard_s = last_heard_s
            told.append("armed")

        def close(self):
            told.append("closed")

    radio = Radio()

    class Node:
        def __init__(self, config, own, its_bus, _radio, _encoder, _images, settings, *_):
            assert (own, its_bus) == (user, bus)
            assert settings.tx_gain_db == -23.0  # what the power loop goes down from

        def run(self):
            told.append("served")
            heard = [radio.last_heard_s()]
            bus.coordinator.led_s = 99.0
            return [*heard, radio.last_heard_s()]

    opened = {}
    monkeypatch.setattr(transmitter_setup, "open_radio", lambda uri, **given: opened.update(given, uri=uri) or radio)
    monkeypatch.setattr(transmitter_setup, "with_calibration", lambda it, *_: it)
    monkeypatch.setattr(transmitter_setup, "carrier_start_hz", lambda _: 0.0)
    monkeypatch.setattr(transmitter_setup, "TransmitterNode", Node)
    config = load_config(None, {"guard.max_silence_s": 2.5, "radio.device": "sim:tcp://127.0.0.1:1"})
    assert transmitter_setup._serve(config, user, bus, None, None, None, None) == [10.0, 99.0]
    assert told == ["configured", "armed", "served", "closed"]
    assert (opened["role"], opened["index"], opened["guard"].config.max_silence_s) == ("tx", user, 2.5)
