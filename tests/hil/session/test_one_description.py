"""Transmitter, receiver, what is told over the bus and what is recorded read one description of a burst."""

import dataclasses
import re

import numpy as np
import pytest

from hil.bus.messages import Grant, Start, UserCommand
from hil.decoding.facts import row_facts
from hil.decoding.pictures import ReceivedPictures
from hil.session.slot import Slot, header_of
from radio.samples import Samples
from radio.waveform.burst.grid import ResourceGrid
from radio.waveform.burst.header import FrameHeader
from radio.waveform.config import WaveformConfig
from radio.waveform.reception.receiver import BurstReceiver
from radio.waveform.reception.stream_receiver import StreamReceiver
from radio.waveform.transmission.transmitter import BurstTransmitter
from tests.docs.blocks import ROOT
from tests.hil.decoding.test_whose_is_whose import Network
from tests.hil.session.test_csi_timing import GUARD, SLOT_SAMPLES, transmitted
from tests.radio.waveform.propagation import propagate


@pytest.mark.parametrize("changes", [{}, {"users": 4, "pilots_per_user": 4}, {"fft_size": 512, "scramble": True}])
def test_transmitter_and_receiver_of_one_configuration_have_one_grid(changes):
    config, again = WaveformConfig(**changes), WaveformConfig(**changes)
    grids = [BurstTransmitter(config, 1).grid, BurstReceiver(again).grid, StreamReceiver(config).grid]
    assert set(grids) == {ResourceGrid(config)}
    assert ResourceGrid(config) != ResourceGrid(config.model_copy(update={"header_symbols": 9}))


def test_nothing_about_a_burst_can_be_changed():
    grid, header = ResourceGrid(WaveformConfig()), FrameHeader(0, 1, "image", 8, 8, 30, 2)
    with pytest.raises(dataclasses.FrozenInstanceError):
        grid.config = WaveformConfig(users=3)
    with pytest.raises(dataclasses.FrozenInstanceError):
        header.n_symbols = 31
    for array in (grid.bins, grid.frequencies_hz, grid.header(header), grid.training(0), grid.pilot_positions(3)):
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0


def test_what_leaves_is_told_read_and_recorded_alike():
    """A transmitter node's burst: its place, length and header, then the row, with and without its own word."""
    grant = Grant(3, 7, 3 * SLOT_SAMPLES, None, commands=[UserCommand(1, 0.0, 5)])
    config, radio, _, told = transmitted([grant])
    (burst,), (sent, _) = radio.sent, told[1]
    slot = Slot(grant, Start(SLOT_SAMPLES, GUARD), sent={1: sent})
    assert burst.start_tick == slot.burst_tick - sent.advance_ticks
    heard = propagate(burst.data[0], burst.n_samples + 1500, start=600)
    samples = Samples(heard[None].astype(np.complex64), slot.burst_tick - 600, config.sample_rate_hz)
    receiver = BurstReceiver(config.waveform)
    slot.received = receiver.receive(samples, slot.burst_tick)
    header = slot.received.users[1].header
    assert slot.received.users[1].header_read and header == header_of(sent) == slot.told_headers()[1]
    assert burst.n_samples == receiver.grid.burst_length(header.n_symbols)
    pictures = ReceivedPictures(Network())
    recorded = row_facts(config, slot, 1, slot.received.users[1], pictures, False)
    slot.sent.clear()
    unheard = row_facts(config, slot, 1, slot.received.users[1], pictures, False)
    for row in (recorded, unheard):
        assert (row["picture"], row["height"], row["width"]) == (header.picture, header.height, header.width)
        assert row["channel_uses"] == header.n_symbols


@pytest.mark.parametrize("wrong", [FrameHeader(0, 0, "image", 8, 8, 30, 0), FrameHeader(0, 1, "image", 8, 8, 31, 0)])
def test_a_header_that_describes_another_burst_is_not_sent(wrong):
    with pytest.raises(ValueError, match="the header is of user"):
        BurstTransmitter(WaveformConfig(), 1).modulate(np.ones(30, np.complex64), wrong)


def test_a_probe_is_told_as_one():
    _, _, _, told = transmitted([Grant(0, None, 0, None)])
    assert header_of(told[1][0]) == FrameHeader.probe(1)


@pytest.mark.parametrize(
    ("derived", "home"),
    [
        (r"slot_tick \+ [\w.]*guard_samples", {"hil/session/slot.py"}),
        (
            r"config\.(preamble_repeats|sounding_symbols) \+ [\w.]*(sounding|header)_symbols",
            {"radio/waveform/burst/grid.py"},
        ),
        (r"header_symbols \* [\w.]*active", {"radio/waveform/config.py"}),
        (r"header_code\.modulate\(|burst\.header import .*\bmodulate\b", {"radio/waveform/burst/grid.py"}),
        (r"sqrt\([\w.]*users\)", {"radio/waveform/burst/grid.py"}),
        (r"\"probe\", 0, 0", {"radio/waveform/burst/header.py"}),
    ],
)
def test_nobody_else_derives_it(derived, home):
    sources = [path for room in ("hil", "radio", "calibration") for path in (ROOT / room).rglob("*.py")]
    found = {str(path.relative_to(ROOT)) for path in sources if re.search(derived, path.read_text(encoding="utf-8"))}
    assert found <= home
