"""A capture against the SigMF recording of the same slots, the simulated air's truth, and writers that are killed."""

import os
import shutil
import subprocess
import sys
import time
from collections import namedtuple
from pathlib import Path

import numpy as np
import pytest

h5py = pytest.importorskip("h5py", reason="h5py is not installed: pip install '.[data]'")

from hil.config import RunConfig  # noqa: E402
from hil.dataset import open_capture  # noqa: E402
from hil.dataset.layout import PARTS, fields_of  # noqa: E402
from hil.dataset.size import capture_bytes, no_room, said  # noqa: E402
from hil.dataset.writer import CaptureWriter  # noqa: E402
from hil.errors import UsageError  # noqa: E402
from hil.results.session_recording import SessionRecorder, recorded_config, recorded_slots  # noqa: E402
from hil.twin.recorded import Recording  # noqa: E402
from radio.devices.file import FileRadio  # noqa: E402
from radio.errors import ConfigurationError  # noqa: E402
from radio.recording import SigmfReader, open_recording  # noqa: E402
from tests.hil.dataset.sessions import PRECORRECTION_HZ, air_slots, plain_slot, run_config  # noqa: E402

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    folder, config = tmp_path_factory.mktemp("session"), run_config(rx_antennas=2)
    recorder, writer = SessionRecorder(folder / "a", config), CaptureWriter(folder / "a.h5", config, PARTS)
    slots = list(air_slots(config))
    for slot in slots:
        recorder.record(slot)
        writer.record(slot)
    recorder.close()
    writer.close()
    return config, slots, folder


def test_samples_are_those_of_the_sigmf_recording(session):
    _, slots, folder = session
    sigmf, radio = SigmfReader(folder / "a"), FileRadio(str(folder / "a.h5"))
    with open_capture(folder / "a.h5") as capture:
        assert len(capture) == len(slots) == 4
        captured = np.concatenate(list(capture.column("iq/samples")), axis=1)
    np.testing.assert_array_equal(captured, sigmf.samples(0, sigmf.n_samples).data)
    first, length = slots[2].grant.slot_tick - 100, slots[2].start.slot_samples + 50
    np.testing.assert_array_equal(radio.receive(first, length).data, captured[:, first : first + length])
    assert radio.events() == []


def test_a_replay_finds_the_same_slots_in_both(session):
    config, _, folder = session
    sigmf, capture = SigmfReader(folder / "a"), open_recording(folder / "a.h5")
    assert RunConfig.model_validate(recorded_config(capture)) == config
    for ours, theirs in zip(recorded_slots(capture), recorded_slots(sigmf), strict=True):
        assert (ours.grant, ours.start, ours.sent, ours.links) == (
            theirs.grant,
            theirs.start,
            theirs.sent,
            theirs.links,
        )
        for user in range(config.users):
            np.testing.assert_array_equal(ours.symbols[user], theirs.symbols[user])
            np.testing.assert_array_equal(ours.originals[user], theirs.originals[user])


def test_a_twin_is_given_the_same_of_both(session):
    """The answers that a recording holds too (noise, channel, links) do not reach it."""
    sigmf, capture = (Recording.open(session[2] / name) for name in ("a", "a.h5"))
    assert capture.config == sigmf.config and capture.config.channel == "awgn"
    for ours, theirs in zip(capture.with_samples(), sigmf.with_samples(), strict=True):
        np.testing.assert_array_equal(ours.samples.data, theirs.samples.data)
        assert ours.burst_tick == theirs.burst_tick and ours.sent == theirs.sent


def test_estimates_are_as_far_from_the_truth_as_they_say(session):
    config, _, folder = session
    with open_capture(folder / "a.h5") as capture:
        error = np.abs(capture.column("csi/channel") - capture.column("truth/channel")) ** 2
        power = np.mean(np.abs(capture.column("truth/channel")) ** 2)
        assert error.shape == (4, config.users, 2, config.waveform.active_subcarriers)
        assert np.mean(error) < 2e-3 * power  # a wrong delay, sign or phase is of the order of the power itself
        assert 0.3 < np.mean(error) / np.mean(capture.column("csi/error_variance")) < 4
        assert capture.frequencies_hz[0] < 0 < capture.frequencies_hz[-1]
        cfo = capture.column("truth/cfo_hz")
        np.testing.assert_allclose(cfo[0], 2450 * np.array([0.3, -0.4]) - PRECORRECTION_HZ, atol=1e-6)
        np.testing.assert_allclose(capture.column("csi/cfo_hz"), cfo, atol=30)
        np.testing.assert_array_equal(
            capture.column("truth/burst_start_tick") - capture.column("slots/burst_tick")[:, None],
            np.broadcast_to([0, -3], (4, 2)),
        )
        np.testing.assert_allclose(capture.column("csi/snr_db"), capture.column("truth/snr_db"), atol=1.0)


def test_what_was_sent_comes_back_and_resembles_what_was_received(session):
    _, slots, folder = session
    with open_capture(folder / "a.h5") as capture:
        assert capture.column("slots/frame").tolist() == [-1, 0, 1, 2]
        assert capture.column("csi/symbols_count")[0].tolist() == [0, 0] and capture.picture(0, 1) is None
        for row, slot in list(enumerate(slots))[1:]:
            for user in range(2):
                np.testing.assert_array_equal(capture.picture(row, user), slot.originals[user])
                assert capture.image_id(row, user) == f"bïld {row}.png"
                sent = capture.part("truth/symbols", row, user)
                np.testing.assert_array_equal(sent, slot.symbols[user])
                received = capture.part("csi/symbols", row, user)
                likeness = abs(np.vdot(sent, received)) / np.linalg.norm(sent) / np.linalg.norm(received)
                assert likeness > 0.6  # two users superposed on two antennas; strangers are below 0.15
        assert capture.facts(1)[0]["semnoma:grant"]["frame"] == 0


def test_every_field_says_what_it_is(session):
    with h5py.File(session[2] / "a.h5") as file:
        for field in fields_of(PARTS):
            assert file[field.name].attrs["description"] and file[field.name].attrs["unit"] == field.unit
        assert file.attrs["seed"] == "5" and file.attrs["sample_rate_hz"] == 4e6


def test_truth_that_was_not_chosen_is_not_there(session, tmp_path):
    config, slots, _ = session
    writer = CaptureWriter(tmp_path / "a.h5", config, ("csi",))
    for slot in slots:
        writer.record(slot)
    writer.close()
    assert b"tap_gains" not in (tmp_path / "a.h5").read_bytes()
    with open_capture(tmp_path / "a.h5") as capture:
        assert {field.part for field in capture.fields} == {"slots", "csi"}
        with pytest.raises(UsageError, match="captured with csi"):
            capture.column("truth/channel")
    with pytest.raises(ConfigurationError, match="without samples"):
        open_recording(tmp_path / "a.h5")


@pytest.mark.parametrize("moment_s", [0.0, 0.3])
def test_the_file_of_a_killed_writer_opens_and_every_row_is_whole(tmp_path, moment_s):
    path, environment = tmp_path / "a.h5", os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-P", "-m", "tests.hil.dataset.endless_writer", str(path)]
    writer = subprocess.Popen(command, stdout=subprocess.PIPE, env=environment)
    assert writer.stdout is not None and writer.stdout.read(1) == b"."
    time.sleep(moment_s)
    writer.kill()
    writer.wait()
    writer.stdout.close()
    with open_capture(path) as capture:
        rows = len(capture)
        assert rows >= 1
        numbers = np.arange(rows)
        np.testing.assert_array_equal(capture.column("slots/slot"), numbers)
        samples = capture.column("iq/samples")
        np.testing.assert_array_equal(samples, np.broadcast_to((numbers + 1)[:, None, None], samples.shape))
        for row in range(rows):
            assert capture.part("truth/symbols", row, 0).tolist() == [row + 1]
            assert capture.image_id(row, 0) == str(row) and capture.facts(row)[0]["semnoma:grant"]["slot"] == row
    assert len(open_recording(path).annotations) == 2 * rows


def test_a_torn_row_is_not_read(tmp_path):
    config = run_config()
    writer = CaptureWriter(tmp_path / "a.h5", config, PARTS)
    for number in range(3):
        writer.record(plain_slot(config, number))
    writer.close()
    writer.record(plain_slot(config, 3))  # too late, and no reason to begin anew
    with h5py.File(tmp_path / "a.h5", "r+") as file:
        file["slots/slot"][2] = -1
    with open_capture(tmp_path / "a.h5") as capture:
        assert len(capture) == 2 and capture.column("truth/picture").shape == (2, 2)
        with pytest.raises(IndexError, match="has 2 slots"):
            capture.entry("iq/samples", 2)


def test_the_size_that_is_foretold_is_what_it_gets(session, tmp_path):
    config, slots, _ = session
    size = capture_bytes(config, PARTS, slots[0].start.slot_samples, (600, 3 * 64))
    writer = CaptureWriter(tmp_path / "a.h5", config, PARTS)
    for slot in [*slots, *slots[1:] * 12]:
        writer.record(slot)
    writer.close()
    assert (tmp_path / "a.h5").stat().st_size == pytest.approx(size.whole(40), rel=0.1)


def test_a_disk_without_room_is_refused_before_anything_is_written(tmp_path, monkeypatch):
    config, usage = run_config(frames=1_000_000), namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**10, 0, 10**10))
    writer = CaptureWriter(tmp_path / "a.h5", config, PARTS)
    with pytest.raises(UsageError, match=r"takes [\d.]+ GB and 10 GB are free"):
        writer.record(plain_slot(config, 0))
    assert list(tmp_path.iterdir()) == []
    size = capture_bytes(config, PARTS, 2000)
    assert no_room(tmp_path, size, 10, 10**10) is None
    assert said(999.6) == "1e+03 B" or said(1234567) == "1.23 MB"


def test_a_resumed_run_leaves_the_first_file_as_it_is(tmp_path):
    for number in range(2):
        writer = CaptureWriter(tmp_path / "capture.h5", run_config(), PARTS)
        writer.record(plain_slot(run_config(), number))
        writer.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["capture-1.h5", "capture.h5"]
    with open_capture(tmp_path) as capture:
        assert capture.column("slots/slot").tolist() == [0]


@pytest.mark.parametrize("content", [b"", b"no HDF5" * 100, None])
def test_other_files_are_refused_in_one_sentence(tmp_path, content):
    path = tmp_path / "a.h5"
    if content is None:
        h5py.File(path, "w").close()
    else:
        path.write_bytes(content)
    with pytest.raises(ConfigurationError, match=r"a\.h5 is no") as refused:
        open_recording(path)
    assert "\n" not in str(refused.value)
    with pytest.raises(ConfigurationError, match="No such file"):
        open_recording(tmp_path / "b.h5")


def test_a_damaged_capture_is_read_or_refused_in_one_sentence(session, tmp_path):
    whole, rng, refused = (session[2] / "a.h5").read_bytes(), np.random.default_rng(2), 0
    for number in range(30):
        content, path = bytearray(whole), tmp_path / f"{number}.h5"
        if number % 3 == 0:
            del content[rng.integers(len(content)) :]
        else:  # the first few kilobytes hold most of what says where things are
            for place in rng.integers(len(content) if number % 3 == 1 else 20_000, size=40):
                content[place] ^= int(rng.integers(1, 256))
        path.write_bytes(content)
        try:
            reader = open_recording(path)
            recorded_slots(reader), reader.samples(0, reader.n_samples)
        except (ConfigurationError, UsageError) as error:
            refused += 1
            assert "\n" not in str(error)
    assert 5 <= refused < 30
