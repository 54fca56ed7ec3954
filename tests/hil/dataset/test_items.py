"""Slots as items: padded, filtered, over several files, and as tensors out of worker processes."""

import numpy as np
import pytest

pytest.importorskip("h5py", reason="h5py is not installed: pip install '.[data]'")
torch = pytest.importorskip("torch")

from hil.dataset import CaptureDataset, open_capture  # noqa: E402
from hil.dataset.items import CaptureItems  # noqa: E402
from hil.dataset.layout import PARTS  # noqa: E402
from hil.dataset.writer import CaptureWriter  # noqa: E402
from hil.errors import UsageError  # noqa: E402
from hil.results.session_recording import SessionRecorder  # noqa: E402
from radio.recording import SigmfReader  # noqa: E402
from tests.hil.dataset.sessions import air_slots, plain_slot, run_config  # noqa: E402


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run's folder with a capture and a SigMF recording."""
    folder, config = tmp_path_factory.mktemp("run"), run_config()
    each = CaptureWriter(folder / "capture.h5", config, PARTS), SessionRecorder(folder / "capture", config)
    for slot in air_slots(config, frames=4):
        for one in each:
            one.record(slot)
    for one in each:
        one.close()
    return folder


def test_items_are_the_rows_padded_to_one_shape(run):
    items = CaptureItems(run)
    assert len(items) == 4  # without the sounding
    assert len(CaptureItems(run, frames_only=False)) == 5
    with open_capture(run) as capture:
        for place, item in enumerate(items):
            row = place + 1
            np.testing.assert_array_equal(item["csi/channel"], capture.entry("csi/channel", row))
            assert item["truth/symbols"].shape == (2, 600) and item["truth/symbols_count"].tolist() == [600, 500]
            np.testing.assert_array_equal(item["truth/symbols"][1, :500], capture.part("truth/symbols", row, 1))
            assert not item["truth/symbols"][1, 500:].any()
            picture = capture.picture(row, 1)
            assert item["truth/pictures"].shape == (2, 8, 8, 3)
            np.testing.assert_array_equal(item["truth/pictures"][1, : picture.shape[0], : picture.shape[1]], picture)
    assert [item["slots/frame"].item() for item in items[1:3]] == [1, 2]


def test_a_filter_sees_the_numbers_of_a_slot(run):
    odd = CaptureItems(run, ["slots/frame"], where=lambda slot: slot["slots/frame"] % 2 == 1)
    assert [int(item["slots/frame"]) for item in odd] == [1, 3]
    with open_capture(run) as capture:
        strong = capture.column("csi/user_snr_db")[1:, 0]
    middle = float(np.median(strong))
    kept = CaptureItems(run, ["csi/user_snr_db"], where=lambda slot: slot["csi/user_snr_db"][0] > middle)
    assert len(kept) == np.count_nonzero(strong > middle) == 2


@pytest.mark.parametrize("workers", [0, 2])
def test_a_loader_gives_the_samples_of_the_sigmf_recording(run, workers):
    reader = SigmfReader(run / "capture")
    dataset = CaptureDataset(run, ["slots/slot_tick", "iq/samples"], frames_only=False)
    dataset[0]  # opened here: a worker must not read on in the parent's file
    seen = 0
    for batch in torch.utils.data.DataLoader(dataset, batch_size=2, num_workers=workers):
        assert batch["iq/samples"].dtype == torch.complex64
        for tick, samples in zip(batch["slots/slot_tick"], batch["iq/samples"], strict=True):
            expected = reader.samples(int(tick), samples.shape[-1]).data
            np.testing.assert_array_equal(samples.numpy(), expected)
            seen += 1
    assert seen == 5


def test_several_runs_make_one_data_set_where_they_fit(run, tmp_path):
    for name, length, antennas in (("same", 2000, 1), ("short", 1000, 1), ("wide", 2000, 2)):
        config = run_config(rx_antennas=antennas)
        writer = CaptureWriter(tmp_path / name / "capture.h5", config, PARTS)
        writer.record(plain_slot(config, 0, length))
        writer.close()
    one, other = tmp_path / "same", tmp_path / "short"
    assert len(CaptureItems([run, one], ["truth/symbols"])) == 5
    assert CaptureItems([run, one], ["truth/symbols"])[4]["truth/symbols"].shape == (2, 600)
    with pytest.raises(UsageError, match="slot_samples differ"):
        CaptureItems([one, other])
    with pytest.raises(UsageError, match="antennas differ"):
        CaptureItems([one, tmp_path / "wide"], ["csi/channel"])


def test_what_cannot_be_asked_for_is_told_in_one_sentence(run, tmp_path):
    for fields, words in ((["csi/chanel"], "csi/channel"), (["truth/image_id"], "is text")):
        with pytest.raises(UsageError, match=words):
            CaptureItems(run, fields)
    with pytest.raises(UsageError, match="holds no capture"):
        CaptureItems(tmp_path)
