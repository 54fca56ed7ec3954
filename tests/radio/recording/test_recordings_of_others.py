"""SigMF and raw files as other people write them: read, or refused with one sentence; samples that are no numbers."""

import contextlib
import json
import math
import tarfile
import warnings
import wave

import numpy as np
import pytest
import sigmf
from scipy.io import wavfile

from radio.errors import ConfigurationError
from radio.recording import SigmfReader
from radio.safety.open import open_radio
from radio.samples import EventKind

LEVELS = np.array([0.5, -0.25, 0.125, -0.5, 0.75, 0.0])
IQ = (LEVELS[0::2] + 1j * LEVELS[1::2]).astype(np.complex64)
GLOBAL = {"core:datatype": "cf32_le", "core:sample_rate": 1e6, "core:version": "1.0.0"}


def write(folder, name="a", data=None, captures=(), suffixes=(".sigmf-meta", ".sigmf-data"), prefix="", **facts):
    (IQ if data is None else data).tofile(folder / (name + suffixes[1]))
    meta = {"global": GLOBAL | facts, "captures": list(captures), "annotations": []}
    (folder / (name + suffixes[0])).write_text(prefix + json.dumps(meta), encoding="utf-8")
    return folder / (name + suffixes[0])


def read(path):
    reader = SigmfReader(path)
    return reader.samples(0, reader.n_samples).data


@pytest.mark.parametrize("suffixes", [(".SIGMF-META", ".SIGMF-DATA"), (".sigmf-meta", ".Sigmf-Data")])
def test_extensions_in_any_case_and_a_byte_order_mark(tmp_path, suffixes):
    path = write(tmp_path, suffixes=suffixes, prefix="\ufeff")
    for named in (path, tmp_path / "a.sigmf-meta", tmp_path / "a"):
        np.testing.assert_array_equal(read(named)[0], IQ)


@pytest.mark.parametrize("kind", ["r", "c"])
@pytest.mark.parametrize("number", ["f32", "f64", "i32", "i16", "u32", "u16", "i8", "u8"])
@pytest.mark.parametrize("order", ["le", "be"])
def test_every_type_in_both_byte_orders_with_two_channels(tmp_path, kind, number, order):
    bits = int(number[1:])
    scale, zero = (1.0, 0.0) if number[0] == "f" else (2.0 ** (bits - 1), 2.0 ** (bits - 1) * (number[0] == "u"))
    dtype = np.dtype(number[0] + str(bits // 8)).newbyteorder("<" if order == "le" else ">")
    values = np.concatenate([LEVELS, -LEVELS[::-1]])
    path = write(
        tmp_path,
        data=(values * scale + zero).astype(dtype),
        **{"core:datatype": f"{kind}{number}_{order}", "core:num_channels": 2},
    )
    flat = values[0::2] + 1j * values[1::2] if kind == "c" else values
    np.testing.assert_allclose(read(path), flat.reshape(-1, 2).T, atol=1e-6)


def test_an_archive_that_sigmf_wrote(tmp_path):
    write(tmp_path)
    sigmf.fromfile(str(tmp_path / "a.sigmf-meta")).archive(name=str(tmp_path / "b"))
    np.testing.assert_array_equal(read(tmp_path / "b.sigmf")[0], IQ)
    with tarfile.open(tmp_path / "z.sigmf", "w:gz") as archive:
        archive.add(tmp_path / "a.sigmf-meta", "a.sigmf-meta")
    with tarfile.open(tmp_path / "half.sigmf", "w") as archive:
        archive.add(tmp_path / "a.sigmf-meta", "a.sigmf-meta")
    with tarfile.open(tmp_path / "two.sigmf", "w") as archive:
        for name in ("a", "b"):
            archive.add(tmp_path / "a.sigmf-meta", f"{name}.sigmf-meta")
    (tmp_path / "torn.sigmf").write_bytes((tmp_path / "b.sigmf").read_bytes()[:300])
    for name, word in (("z", "uncompressed"), ("half", "holds no"), ("two", "2 recordings"), ("torn", "archive"),
                       ("none", "No such file")):  # fmt: skip
        with pytest.raises(ConfigurationError, match=word):
            SigmfReader(tmp_path / f"{name}.sigmf")


def test_a_data_set_of_another_name_beside_it_and_nowhere_else(tmp_path):
    IQ.tofile(tmp_path / "samples.iq")
    np.testing.assert_array_equal(read(write(tmp_path, **{"core:dataset": "samples.iq"}))[0], IQ)
    for name in ("../samples.iq", "/etc/passwd", "..", "", 7):
        with pytest.raises(ConfigurationError, match="core:dataset"):
            SigmfReader(write(tmp_path, **{"core:dataset": name}))
    with pytest.raises(ConfigurationError, match="without samples"):
        SigmfReader(write(tmp_path, **{"core:metadata_only": True}))


@pytest.mark.parametrize(
    ("captures", "facts", "word"),
    [
        ([{"core:sample_start": 0, "core:frequency": "2.45e9"}], {}, None),
        ([{"core:sample_start": 0, "core:frequency": "2450 MHz"}], {}, "not valid SigMF"),
        ([{"core:sample_start": 0, "core:frequency": math.nan}], {}, "not valid SigMF"),
        ([{"core:sample_start": 0, "core:global_index": 1e300}], {}, "not valid SigMF"),
        ([{"core:sample_start": math.inf}], {}, "not valid SigMF"),
        ([], {"core:sample_rate": math.nan}, "finite"),
        ([], {"core:sample_rate": math.inf}, "finite"),
        ([], {"core:sample_rate": "fast"}, "not valid SigMF"),
        ([], {"core:num_channels": 10**9}, "channels"),
        ([{"core:sample_start": 0, "core:header_bytes": 8}], {}, "no headers"),
    ],
)
def test_odd_metadata_are_read_or_one_sentence(tmp_path, captures, facts, word):
    path = write(tmp_path, captures=captures, **facts)
    if word is None:
        assert SigmfReader(path).captures[0].center_frequency_hz == 2.45e9
    else:
        with pytest.raises(ConfigurationError, match=word) as caught:
            SigmfReader(path)
        assert str(caught.value).endswith(".")


def test_raw_files_with_a_rate_and_wav_files(tmp_path):
    IQ.tofile(tmp_path / "a.cf32")
    np.testing.assert_array_equal(read(f"{tmp_path}/a.cf32?rate=4e6&frequency=1e9")[0], IQ)
    assert SigmfReader(f"{tmp_path}/a.cf32?rate=4e6&frequency=1e9").captures[0].center_frequency_hz == 1e9
    (LEVELS * 32768).astype("<i2").tofile(tmp_path / "a.CS16")
    np.testing.assert_allclose(read(f"{tmp_path}/a.CS16?rate=1")[0], IQ)
    for name, word in (("a.cf32", "rate=4e6"), ("a.cf32?rate=nan", "positive"), ("a.cf32?gain=1", "no option"),
                       ("b.cf32?rate=1", "No such file"), ("a.sigmf-meta?rate=1", "no options")):  # fmt: skip
        with pytest.raises(ConfigurationError, match=word):
            SigmfReader(f"{tmp_path}/{name}")
    for values in ((LEVELS * 32768).astype(np.int16), LEVELS.astype(np.float32)):
        wavfile.write(tmp_path / "b.wav", 48000, values.reshape(-1, 2))
        reader = SigmfReader(tmp_path / "b.wav")
        assert reader.sample_rate_hz == 48000
        np.testing.assert_allclose(read(tmp_path / "b.wav")[0], IQ)
    whole = (tmp_path / "b.wav").read_bytes()
    for cut in range(0, len(whole)):
        (tmp_path / "cut.wav").write_bytes(whole[:cut])
        with contextlib.suppress(ConfigurationError):
            assert read(tmp_path / "cut.wav").shape[1] <= 3
    with wave.open(str(tmp_path / "mono.wav"), "wb") as mono:
        mono.setnchannels(1), mono.setsampwidth(2), mono.setframerate(8000)
        mono.writeframes(bytes(8))
    with pytest.raises(ConfigurationError, match="two channels"):
        SigmfReader(tmp_path / "mono.wav")


def test_samples_that_are_no_numbers_are_silence_and_an_event(tmp_path):
    data = np.array([0.5, np.nan, 1j * np.inf, 1e30, -1e30j, complex(np.nan, 1), 0.25], np.complex128)
    for datatype, stored in (("cf32_le", data.astype("<c8")), ("cf64_be", np.full(7, 1e200 - 1e300j).astype(">c16"))):
        path = write(tmp_path, data=stored, **{"core:datatype": datatype})
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            radio = open_radio(f"file:{path}", role="rx")
            got, events = radio.receive(0, 7).data[0], radio.events()
        kept = [0.5, 0, 0, 0, 0, 0, 0.25] if datatype == "cf32_le" else [0] * 7
        np.testing.assert_array_equal(got, kept)
        assert [(event.kind, event.count) for event in events] == [(EventKind.UNUSABLE, 7 - np.count_nonzero(kept))]
