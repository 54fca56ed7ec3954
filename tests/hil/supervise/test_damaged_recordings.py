"""Recordings that something happened to: what replay makes of them, and what it says."""

import json

import numpy as np
import pytest
from PIL import Image

from hil.bus.messages import Grant, Sent, Start
from hil.config import load_config
from hil.results.rows import read_rows
from hil.results.session_recording import SessionRecorder
from hil.session.feedback import side_information
from hil.session.slot import Slot
from hil.supervise.replay import replay_config, run_replay
from models.package.zoo import codec_folder
from models.runtime.encoder import SemanticEncoder
from radio.samples import Samples
from radio.waveform.burst.grid import ResourceGrid
from radio.waveform.burst.header import FrameHeader
from radio.waveform.transmission.transmitter import BurstTransmitter
from tests.radio.waveform.propagation import noise, propagate

FRAMES, SIDE_PX, GUARD, LEVEL = 3, 128, 512, 0.25


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    """Path and samples of a recording of two users at 15 dB in slots back to back, through the tests' own channel."""
    config = load_config(
        None, {"codec": "compact-2u", "frames": FRAMES, "snr_db": 15.0, "rx.ideal": False, "refine": False}
    )
    encoder, grid = SemanticEncoder.load(codec_folder("compact-2u")), ResourceGrid(config.waveform)
    rng = np.random.default_rng(11)
    path = tmp_path_factory.mktemp("damaged") / "whole.sigmf-meta"
    recorder = SessionRecorder(path, config)
    everything = []
    for frame in range(FRAMES):
        slot, bursts = Slot(Grant(frame, frame, 0, None), Start(0, GUARD)), []
        for user in range(2):
            blocks = rng.integers(30, 226, (4, 4, 3)).astype(np.uint8)
            picture = np.asarray(Image.fromarray(blocks).resize((SIDE_PX, SIDE_PX), Image.Resampling.BICUBIC))
            symbols = encoder.encode(picture, user, side_information(None, 2))
            header = FrameHeader(frame, user, "image", SIDE_PX, SIDE_PX, symbols.size, user)
            bursts.append(BurstTransmitter(config.waveform, user).modulate(symbols, header))
            slot.originals[user], slot.symbols[user] = picture, symbols
            slot.sent[user] = Sent(
                frame, frame, user, picture=user, image_id="x.png", height=SIDE_PX, width=SIDE_PX,
                n_symbols=symbols.size, csi_slot=None, csi_age_s=None, precorrection_hz=0.0, papr_db=0.0,
            )  # fmt: skip
        length = grid.burst_length(symbols.size) + 2 * GUARD
        data = noise(rng, length, 10**-1.5)
        for user, burst in enumerate(bursts):
            data[0] += propagate(burst, length, delay=0.4 + user, phase=rng.uniform(0, 6), start=GUARD)
        tick = frame * length
        slot.grant, slot.start = Grant(frame, frame, tick, None), Start(length, GUARD)
        slot.samples = Samples((LEVEL * data).astype(np.complex64), tick, config.sample_rate_hz)
        recorder.record(slot)
        everything.append(slot.samples.data[0])
    recorder.close()
    return path, np.concatenate(everything)


def replayed(recording, folder, change, **settings):
    """Rows of the recording with `change` made to its samples."""
    path, samples = recording
    meta = json.loads(path.read_text())
    changed = np.asarray(change(samples.copy()), "<c8")
    again = folder / "damaged.sigmf-meta"
    again.write_text(json.dumps(meta))
    changed.tofile(again.with_suffix(".sigmf-data"))
    run_replay(again, replay_config(again, {"compute_device": "cpu", **settings}), folder / "out", report=False)
    return read_rows(folder / "out")


def counted(rows, event):
    return sum(row.events.get(event, 0) for row in rows)


def mean_psnr_db(rows):
    assert [row.decoded for row in rows] == [True] * 2 * FRAMES, [row.reason for row in rows]
    return np.mean([row.psnr_db for row in rows])


@pytest.fixture(scope="module")
def whole_psnr_db(recording, tmp_path_factory):
    rows = replayed(recording, tmp_path_factory.mktemp("whole"), lambda samples: samples)
    assert all(not row.events for row in rows)
    return mean_psnr_db(rows)


@pytest.mark.parametrize("swap", [np.conj, lambda x: x.imag + 1j * x.real])
def test_a_mirrored_spectrum_is_said_and_undone_by_a_setting(recording, whole_psnr_db, tmp_path, swap):
    (tmp_path / "told").mkdir()
    rows = replayed(recording, tmp_path, swap)
    assert not any(row.decoded for row in rows) and counted(rows, "mirrored_spectrum") == FRAMES
    assert all("set rx.mirrored=true" in row.reason for row in rows)
    undone = replayed(recording, tmp_path / "told", swap, **{"rx.mirrored": True})
    assert mean_psnr_db(undone) == pytest.approx(whole_psnr_db, abs=0.05)


BUFFER = 4096


def lost_first(samples):
    return samples[BUFFER:]  # with the beginning of the first burst


def lost_within(samples):
    middle = samples.size // 2
    return np.delete(samples, np.arange(middle, middle + BUFFER))


def repeated_first(samples):
    return np.concatenate([samples[:BUFFER], samples])


def repeated_within(samples):
    middle = samples.size // 2
    return np.insert(samples, middle, samples[middle - BUFFER : middle])


@pytest.mark.parametrize(
    "change, event, decoded",
    [
        (lost_first, "lost_samples", [False] * 2 + [True] * 4),
        (lost_within, "lost_samples", [True] * 2 + [False] * 2 + [True] * 2),
        (repeated_first, "repeated_samples", [True] * 6),
        (repeated_within, "repeated_samples", [True] * 6),
    ],
)
def test_a_lost_or_repeated_buffer_is_found_and_the_windows_follow(recording, tmp_path, change, event, decoded):
    rows = replayed(recording, tmp_path, change)
    assert [row.decoded for row in rows] == decoded, [row.reason for row in rows]
    assert counted(rows, "lost_samples") + counted(rows, "repeated_samples") == counted(rows, event) == BUFFER
    assert all(row.psnr_db > 30 for row in rows if row.decoded)


def test_one_sample_lost_in_ten_thousand_costs_at_most_a_decibel(recording, whole_psnr_db, tmp_path):
    rows = replayed(recording, tmp_path, lambda samples: np.delete(samples, np.arange(7000, samples.size, 10_000)))
    assert mean_psnr_db(rows) > whole_psnr_db - 1 and counted(rows, "slipped_samples") >= 4


def test_clipping_is_counted(recording, whole_psnr_db, tmp_path):
    def clip(samples):
        limit = np.std(samples.real)
        return np.clip(samples.real, -limit, limit) + 1j * np.clip(samples.imag, -limit, limit)

    rows = replayed(recording, tmp_path, clip)
    assert counted(rows, "clipped") > 10_000 and mean_psnr_db(rows) > whole_psnr_db - 3


def test_a_gain_step_in_every_slot_is_followed_and_said(recording, whole_psnr_db, tmp_path):
    def step(samples):
        slots = samples.reshape(FRAMES, -1)
        slots[:, 15_000:] *= 2
        return slots.reshape(-1)

    rows = replayed(recording, tmp_path, step)
    assert mean_psnr_db(rows) > whole_psnr_db - 0.3 and counted(rows, "gain_steps") == 2 * FRAMES


def test_a_tenth_missing_at_the_end_is_erased_and_more_is_no_picture(recording, whole_psnr_db, tmp_path):
    for share, decoded in ((0.15, True), (0.6, False)):
        folder = tmp_path / str(share)
        folder.mkdir()

        def cut(samples, share=share):
            slots = samples.reshape(FRAMES, -1)
            payload = slots.shape[1] - 8832 - 2 * GUARD
            slots[:, -GUARD - int(share * payload) :] = 0
            return slots.reshape(-1)

        rows = replayed(recording, folder, cut)
        assert all(row.decoded == decoded for row in rows), [row.reason for row in rows]
        assert all(row.erased_symbols > 3 for row in rows) or not decoded
        assert all("lost" in (row.reason or "lost") for row in rows)
        assert all(row.delivered_psnr_db is not None for row in rows)
