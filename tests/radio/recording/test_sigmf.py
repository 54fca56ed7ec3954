"""Recordings against sigmf's own reader and validator."""

import json

import numpy as np
import pytest
import sigmf

from radio.errors import ConfigurationError, DeviceError
from radio.recording import SigmfReader, SigmfWriter
from radio.safety.open import open_radio
from radio.samples import EventKind, Samples

RATE_HZ = 1e6


def noise(n, channels=1, seed=1):
    rng = np.random.default_rng(seed)
    return (rng.standard_normal((channels, n, 2)) @ [0.1, 0.1j]).astype(np.complex64)


@pytest.fixture
def recorded(tmp_path):
    """Two windows of two channels, 1000 ticks apart, the second one annotated."""
    windows = [Samples(noise(500, 2, 1), 2000, RATE_HZ), Samples(noise(300, 2, 2), 3500, RATE_HZ)]
    writer = SigmfWriter(tmp_path / "run" / "a.sigmf-meta", RATE_HZ, 2.45e9, 2, {"semnoma:config": {"users": 2}})
    writer.append(windows[0])
    first = writer.append(windows[1])
    writer.annotate(first + 10, 100, "frame 0 user 1", {"semnoma:csi": {"snr_db": 10.5}})
    writer.close()
    writer.close()
    return writer.meta_path, windows


def test_the_validator_and_the_other_reader_accept_it(recorded):
    path, windows = recorded
    other = sigmf.fromfile(str(path))  # checks the SHA-512 as well
    other.validate()
    stored = other.read_samples()
    assert stored.shape == (800, 2)
    np.testing.assert_array_equal(stored.T, np.concatenate([w.data for w in windows], axis=1))
    assert [c["core:global_index"] for c in other.get_captures()] == [2000, 3500]
    assert other.get_annotations()[0]["core:label"] == "frame 0 user 1"


def test_it_reads_back_what_it_wrote(recorded):
    path, windows = recorded
    reader = SigmfReader(path)
    assert (reader.channels, reader.sample_rate_hz, reader.n_samples) == (2, RATE_HZ, 800)
    assert [(c.first, c.n_samples, c.start_tick) for c in reader.captures] == [(0, 500, 2000), (500, 300, 3500)]
    np.testing.assert_array_equal(reader.samples(500, 300).data, windows[1].data)
    assert reader.annotations[0]["semnoma:csi"] == {"snr_db": 10.5}
    with pytest.raises(ConfigurationError, match="which has 800"):
        reader.samples(700, 101)


@pytest.mark.parametrize(
    ("datatype", "dtype", "scale", "zero"),
    [("ci16_le", "<i2", 32768, 0), ("ci8", "i1", 128, 0), ("cu8", "u1", 128, 128), ("cf64_le", "<f8", 1, 0),
     ("ci16_be", ">i2", 32768, 0)],
)  # fmt: skip
def test_recordings_of_others_in_every_common_format(tmp_path, datatype, dtype, scale, zero):
    levels = np.array([0.5, -0.25, 0.125, -0.5, 0.75, 0.0])
    (levels * scale + zero).astype(dtype).tofile(tmp_path / "b.sigmf-data")
    other = sigmf.SigMFFile(data_file=str(tmp_path / "b.sigmf-data"), global_info={
        "core:datatype": datatype, "core:sample_rate": 48000, "core:version": "1.0.0"})  # fmt: skip
    other.add_capture(0, metadata={"core:frequency": 1e8})
    other.tofile(str(tmp_path / "b.sigmf-meta"), overwrite=True)
    expected = sigmf.fromfile(str(tmp_path / "b.sigmf-meta")).read_samples()
    got = SigmfReader(tmp_path / "b").samples(0, 3).data
    assert got.dtype == np.complex64
    np.testing.assert_allclose(got[0], levels[0::2] + 1j * levels[1::2], atol=1e-6)
    np.testing.assert_allclose(got[0], expected, atol=1e-6)


def test_a_recording_is_a_receiver(recorded):
    path, windows = recorded
    radio = open_radio(f"file:{path}", role="rx")
    assert radio.capabilities.rx_channels == 2
    got = radio.receive(3500, 300)
    np.testing.assert_array_equal(got.data, windows[1].data)
    assert radio.events() == []
    got = radio.receive(2400, 1200)
    np.testing.assert_array_equal(got.data[:, :100], windows[0].data[:, 400:])
    np.testing.assert_array_equal(got.data[:, 1100:], windows[1].data[:, :100])
    [event] = radio.events()
    assert (event.kind, event.tick, event.count) == (EventKind.OVERFLOW, 2500, 1000)
    with pytest.raises(DeviceError, match="ends at tick 3800"):
        radio.receive(3800, 1)
    with pytest.raises(DeviceError, match="does not transmit"):
        radio.transmit(windows[0])
    radio.close()
    with pytest.raises(DeviceError, match="closed"):
        radio.receive(2000, 1)


def test_it_cannot_transmit_nor_change_its_rate(recorded):
    from radio.device import RadioSettings

    path, _ = recorded
    with pytest.raises(DeviceError, match="not transmitted"):
        open_radio(f"file:{path}", role="tx")
    radio = open_radio(f"file:{path}", role="rx")
    assert radio.configure(RadioSettings(RATE_HZ, 1e9)).center_frequency_hz == 2.45e9
    with pytest.raises(ConfigurationError, match="was recorded at 1000000 samples/s"):
        radio.configure(RadioSettings(2e6, 2.45e9))


def test_nothing_is_overwritten(recorded):
    with pytest.raises(ConfigurationError, match="exists already"):
        SigmfWriter(recorded[0], RATE_HZ, 1e9)


@pytest.mark.parametrize(
    ("meta", "sentence"),
    [
        ("", "is not JSON"),
        ("[]", "no object named global"),
        ('{"global": {}}', "not valid SigMF"),
        ('{"global": {"core:datatype": "cf16_le", "core:sample_rate": 1}}', "not a SigMF datatype"),
        ('{"global": {"core:datatype": "cf32_le"}}', "needs core:sample_rate"),
        ('{"global": {"core:datatype": "cf32_le", "core:sample_rate": 1}, "captures": [3]}', "not valid SigMF"),
        ('{"global": {"core:datatype": "cf32_le", "core:sample_rate": 1}}', "sigmf-data cannot be read"),
    ],
)
def test_what_is_no_recording_is_one_sentence(tmp_path, meta, sentence):
    path = tmp_path / "c.sigmf-meta"
    path.write_text(meta)
    with pytest.raises(ConfigurationError, match=sentence):
        SigmfReader(path)


def test_no_such_file_and_no_samples(tmp_path):
    with pytest.raises(ConfigurationError, match="No such file"):
        open_radio(f"file:{tmp_path / 'none.sigmf-meta'}", role="rx")
    SigmfWriter(tmp_path / "empty", RATE_HZ, 1e9).close()
    with pytest.raises(ConfigurationError, match="holds no samples"):
        open_radio(f"file:{tmp_path / 'empty'}", role="rx")


def test_a_torn_recording_keeps_its_whole_samples(recorded):
    path, windows = recorded
    data = path.with_suffix(".sigmf-data")
    data.write_bytes(data.read_bytes()[: 16 * 600 + 7])
    reader = SigmfReader(path)
    assert reader.n_samples == 600
    np.testing.assert_array_equal(reader.samples(500, 100).data, windows[1].data[:, :100])
    assert json.loads(path.read_text())["global"]["core:version"] == "1.2.0"
