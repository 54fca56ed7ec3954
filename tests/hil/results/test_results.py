"""The record of a run survives anything that can happen between two lines."""

import json
import os
from threading import Timer

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from hil.results.diagnostics_file import load_diagnostics
from hil.results.rows import ResultRow, ResultsError, encode_row, read_rows
from hil.results.writer import ResultWriter

numbers = st.none() | st.floats(allow_nan=True, allow_infinity=True)
rows = st.builds(
    ResultRow,
    frame=st.integers(0, 10**6), user=st.integers(0, 7), decoded=st.booleans(), reason=st.none() | st.text(),
    image_id=st.text(), psnr_db=numbers, ssim=numbers, cfo_hz=numbers,
    csi_used_slot=st.none() | st.integers(0, 99), latency_ms=st.dictionaries(st.text(), st.floats()),
    events=st.dictionaries(st.text(), st.integers(0, 10**9)),
)  # fmt: skip


def row(frame=0, user=0, **values):
    return ResultRow(**{"frame": frame, "user": user, "decoded": True, "reason": None, **values})


def refuse(constant):
    raise AssertionError(f"{constant} is no JSON")


@settings(max_examples=40)
@given(st.lists(rows, max_size=6, unique_by=lambda r: (r.frame, r.user)))
def test_rows_come_back_as_strict_json(tmp_path_factory, recorded):
    out = tmp_path_factory.mktemp("run")
    writer = ResultWriter(out, resume=False)
    for each in recorded:
        writer.append(each)
    writer.close()
    lines = (out / "results.jsonl").read_bytes().split(b"\n")[:-1]
    for line in lines:
        json.loads(line, parse_constant=refuse)
    back = read_rows(out)
    assert [(r.frame, r.user, r.reason, r.image_id, r.events) for r in back] == [
        (r.frame, r.user, r.reason, r.image_id, r.events) for r in recorded
    ]
    for stored, given_row in zip(back, recorded, strict=True):
        finite = given_row.psnr_db is not None and np.isfinite(given_row.psnr_db)
        assert stored.psnr_db == (given_row.psnr_db if finite else None)
        assert stored.latency_ms == {k: v for k, v in given_row.latency_ms.items() if np.isfinite(v)}


@settings(max_examples=40)
@given(st.data())
def test_a_run_torn_at_any_byte_goes_on(tmp_path_factory, data):
    out = tmp_path_factory.mktemp("run")
    whole = [row(frame, image_id="ö\n") for frame in range(3)]
    lines = [encode_row(each) for each in whole]
    cut = data.draw(st.integers(0, sum(map(len, lines))))
    (out / "results.jsonl").write_bytes(b"".join(lines)[:cut])
    kept = sum(cut >= end for end in np.cumsum([len(line) for line in lines]))
    assert read_rows(out) == whole[:kept]
    writer = ResultWriter(out, resume=True)
    assert writer.done == {(frame, 0) for frame in range(kept)}
    for each in whole[kept:]:
        writer.append(each)
    writer.close()
    assert (out / "results.jsonl").read_bytes() == b"".join(lines)


def test_pictures_stand_beside_their_line(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
    writer = ResultWriter(tmp_path, resume=False)
    recorded = row(3, 1)
    writer.append(recorded, original=pixels, received=255 - pixels)
    writer.append(row(4, 1, decoded=False, reason="not detected"), original=pixels, received=None)
    writer.close()
    first, second = read_rows(tmp_path)
    assert first.original_image == recorded.original_image == "images/frame_000003_user1_original.png"
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / first.original_image)), pixels)
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / first.received_image)), 255 - pixels)
    assert second.received_image is None and not list(tmp_path.rglob("*.partial"))


def test_a_picture_that_cannot_be_written_leaves_no_line(tmp_path):
    writer = ResultWriter(tmp_path, resume=False)
    (tmp_path / "images").rmdir()
    with pytest.raises(ResultsError, match="No such file"):
        writer.append(row(), original=np.zeros((4, 4, 3), np.uint8))
    writer.close()
    assert read_rows(tmp_path) == []


def test_results_are_not_mixed_by_accident(tmp_path):
    ResultWriter(tmp_path, resume=False).close()
    first = ResultWriter(tmp_path, resume=False)  # nothing recorded yet: free to use
    first.append(row())
    first.close()
    first.close()
    with pytest.raises(ResultsError, match="--resume"):
        ResultWriter(tmp_path, resume=False)
    again = ResultWriter(tmp_path, resume=True)
    with pytest.raises(ResultsError, match="already recorded"):
        again.append(row())
    again.close()


def test_two_runs_do_not_write_to_one_folder(tmp_path, monkeypatch):
    first = ResultWriter(tmp_path, resume=False)
    with pytest.raises(ResultsError, match="another run is writing"):
        ResultWriter(tmp_path, resume=False)
    monkeypatch.setattr("hil.results.writer.LOCK_WAIT_S", 0.1)
    with pytest.raises(ResultsError, match="another run is writing"):
        ResultWriter(tmp_path, resume=True)
    monkeypatch.setattr("hil.results.writer.LOCK_WAIT_S", 100.0)
    first.append(row())
    Timer(0.3, first.close).start()
    last = ResultWriter(tmp_path, resume=True)  # waits for the one that is ending, and knows its last line
    assert last.done == {(0, 0)}
    last.close()


@pytest.mark.parametrize("line", [b"{}\n", b"\xff\n", b"[1]\n", b'{"frame":1,"user":0,"decoded":true,"x":1}\n', b"\n"])
def test_a_broken_line_is_named_not_skipped(tmp_path, line):
    (tmp_path / "results.jsonl").write_bytes(encode_row(row()) + line + encode_row(row(1)))
    with pytest.raises(ResultsError, match="line 2"):
        read_rows(tmp_path)


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ResultsError, match="file"):
        ResultWriter(tmp_path / "file" / "run", resume=False)
    assert read_rows(tmp_path / "nothing") == []


def test_a_full_disk_is_one_sentence_and_leaves_no_half_line(tmp_path, monkeypatch):
    writer = ResultWriter(tmp_path, resume=False)
    writer.append(row())
    write = os.write
    monkeypatch.setattr("hil.results.writer.os.write", lambda file, line: write(file, line[:10]))
    with pytest.raises(ResultsError, match="disk is full"):
        writer.append(row(1))
    monkeypatch.undo()
    writer.append(row(1))
    writer.close()
    assert [r.frame for r in read_rows(tmp_path)] == [0, 1]


def test_numpy_scalars_are_recorded(tmp_path):
    writer = ResultWriter(tmp_path, resume=False)
    evm_db = np.float64("-inf")
    writer.append(row(np.int64(2), psnr_db=np.float32(20.5), decoded=np.bool_(True), evm_db=evm_db))
    writer.close()
    (back,) = read_rows(tmp_path)
    assert (back.frame, back.psnr_db, back.decoded, back.evm_db) == (2, 20.5, True, None)


def test_diagnostics_come_back(tmp_path):
    writer = ResultWriter(tmp_path, resume=False)
    values = np.array([[1 + 2j, np.nan]], np.complex64)
    writer.save_diagnostics(7, response=values, spectrum_db=np.zeros(3))
    writer.close()
    arrays = load_diagnostics(tmp_path, 7)
    np.testing.assert_array_equal(arrays["response"], values)
    assert set(arrays) == {"response", "spectrum_db"} and load_diagnostics(tmp_path, 8) is None
    path = tmp_path / "diagnostics" / "frame_000007.npz"
    path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(ResultsError, match="no diagnostics"):
        load_diagnostics(tmp_path, 7)


def test_diagnostics_never_run_code(tmp_path):
    (tmp_path / "diagnostics").mkdir()
    np.savez(tmp_path / "diagnostics" / "frame_000000.npz", evil=np.array([{}], dtype=object))
    with pytest.raises(ResultsError):
        load_diagnostics(tmp_path, 0)


@pytest.mark.parametrize("call", ["write", "fsync"])
def test_what_was_refused_is_not_recorded(tmp_path, monkeypatch, call):
    writer = ResultWriter(tmp_path, resume=False)
    writer.append(row(0, 0))

    def fail(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, call, fail)
        with pytest.raises(ResultsError, match="No space"):
            writer.append(row(1, 0))
    assert len(read_rows(tmp_path)) == 1
    writer.append(row(1, 0))
    writer.close()
    assert [one.frame for one in read_rows(tmp_path)] == [0, 1]


def test_a_file_name_that_is_not_utf8_is_recorded(tmp_path):
    writer = ResultWriter(tmp_path, resume=False)
    writer.append(row(0, 0, image_id=os.fsdecode(b"caf\xe9.png")))
    writer.close()
    assert read_rows(tmp_path)[0].image_id == "caf\\udce9.png"


def test_another_configuration_does_not_resume(tmp_path):
    made_with = {"seed": 1, "frames": 2, "air": {"seed": 1, "clock_ppm": 5.0}, "bus": {"endpoint": "a"}}
    (tmp_path / "config.yaml").write_text(json.dumps(made_with))
    ResultWriter(tmp_path, resume=False, config=made_with | {"seed": 9}).close()  # nothing recorded yet
    writer = ResultWriter(tmp_path, resume=True, config=made_with)
    writer.append(row(0, 0))
    writer.close()
    ResultWriter(tmp_path, resume=True, config=made_with | {"frames": 8, "bus": {"endpoint": "b"}}).close()
    with pytest.raises(ResultsError, match=r"air\.clock_ppm \(was 5\.0, is 0\.0\)\.$"):
        ResultWriter(tmp_path, resume=True, config=made_with | {"air": {"seed": 1, "clock_ppm": 0.0}})


@pytest.mark.parametrize(
    ("was", "now", "word"),
    [
        ({"radio": {"device": "sim:tcp://127.0.0.1:1"}}, {"radio": {"device": "sim:tcp://127.0.0.1:2"}}, None),
        ({"radio": {"device": "sim:tcp://127.0.0.1:1"}}, {"radio": {"device": "pluto:ip:a"}}, "pluto:ip:a"),
        (
            {"radio": {"transmitters": ["usrp:a", "usrp:b"]}},
            {"radio": {"transmitters": ["usrp:a", "usrp:c"]}},
            "usrp:c",
        ),
        ({"rx": {"record": None}}, {"rx": {"record": "capture"}}, None),
        ({"rx": {"remember_delays": True}}, {"rx": {"remember_delays": False}}, "remember_delays"),
        ({"codec": "compact-2u"}, {"codec": "student-2u"}, "student-2u"),
        ({"cancel": False}, {"cancel": True}, "cancel"),
    ],
)
def test_resuming_with_another_radio_codec_or_algorithm_names_it_and_what_matters_not_is_free(tmp_path, was, now, word):
    (tmp_path / "config.yaml").write_text(json.dumps(was))
    writer = ResultWriter(tmp_path, resume=False)
    writer.append(row(0, 0))
    writer.close()
    if word is None:
        ResultWriter(tmp_path, resume=True, config=now).close()
    else:
        with pytest.raises(ResultsError, match=word):
            ResultWriter(tmp_path, resume=True, config=now)


def test_a_frame_is_recorded_as_one(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (2, 8, 8, 3), np.uint8)
    writer = ResultWriter(tmp_path, resume=False)
    frame = [(row(5, user), {"original": pixels[user], "received": None}) for user in range(2)]
    writer.record(frame, (5, {"spectrum_db": np.arange(4.0)}))
    assert writer.done == {(5, 0), (5, 1)}
    with pytest.raises(ResultsError, match="already recorded"):
        writer.record([(row(6, 0), {}), (row(5, 1), {})])
    writer.close()
    assert [(each.frame, each.user) for each in read_rows(tmp_path)] == [(5, 0), (5, 1)]
    np.testing.assert_array_equal(load_diagnostics(tmp_path, 5)["spectrum_db"], np.arange(4.0))
    for user, each in enumerate(read_rows(tmp_path)):
        np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / each.original_image)), pixels[user])


def test_diagnostics_that_cannot_be_written_leave_no_line(tmp_path):
    writer = ResultWriter(tmp_path, resume=False)
    (tmp_path / "diagnostics").rmdir()
    with pytest.raises(ResultsError, match="No such file"):
        writer.record([(row(), {})], (0, {"spectrum_db": np.zeros(1)}))
    writer.close()
    assert read_rows(tmp_path) == []
