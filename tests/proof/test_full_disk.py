"""A disk that fills up while a run records, one that is full from the start, and one that is read-only."""

import os
import subprocess
import sys

import pytest

from hil.cli.main import main
from tests.proof.running import Run, command, rows_of, small_pictures

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="a small disk needs root: it is mounted for the test")


@pytest.fixture
def disk(tmp_path):
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=260k", "tmpfs", folder], capture_output=True, text=True
    )
    if mounted.returncode:
        pytest.skip(f"a small disk cannot be mounted: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def ended(run):
    code, _, errors = run.wait(120)
    sentences = [line for line in errors.splitlines() if line.startswith("error: ")]
    assert len(sentences) == 1 and "Traceback" not in errors, errors
    return code, sentences[0]


def test_a_disk_that_fills_up_ends_the_run_and_with_space_it_goes_on(disk, tmp_path):
    pictures = small_pictures(tmp_path / "pictures")
    run = Run(disk / "run", pictures, 24, "--no-report")
    code, sentence = ended(run)
    before = run.whole_lines()
    count = before.count(b"\n")
    assert code == 1 and ("No space" in sentence or "is full" in sentence), sentence
    assert 0 < count < 48 and f"{count} of 48 images are recorded" in sentence and "--resume" in sentence
    subprocess.run(["mount", "-o", "remount,size=40m", disk], check=True)
    again = Run(disk / "run", pictures, 24, "--no-report")
    code, _, errors = again.wait(120)
    assert code == 0, errors
    after = again.whole_lines()
    assert after.startswith(before)
    assert sorted((row["frame"], row["user"]) for row in rows_of(after)) == [
        (f, u) for f in range(24) for u in range(2)
    ]
    assert all(row["decoded"] for row in rows_of(after))


def test_a_disk_that_is_full_from_the_start_is_one_sentence(disk, tmp_path):
    (disk / "filler").write_bytes(b"x")
    with (disk / "filler").open("wb", buffering=0) as file, pytest.raises(OSError):
        while True:
            file.write(bytes(4096))
    done = subprocess.run(
        command("loopback", "--images", small_pictures(tmp_path / "pictures"), "--out", disk / "run"),
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode in (1, 2) and "Traceback" not in done.stderr
    assert "No space left" in done.stderr and done.stderr.count("error: ") == 1


@pytest.mark.parametrize(
    "words",
    [
        ["loopback", "--out", "{}/run"],
        ["rx", "--out", "{}/run"],
        ["keys", "--out", "{}/keys"],
        ["init", "--out", "{}/run.yaml"],
        ["phy-sweep", "--snr", "10", "--frames", "1", "--channel", "awgn", "--jobs", "1", "--plot", "{}/plot.png"],
    ],
)
def test_a_read_only_folder_is_one_sentence(disk, words, monkeypatch, capfd):
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    monkeypatch.setattr(sys, "argv", ["semnoma-hil", *(word.format(disk) for word in words)])
    with pytest.raises(SystemExit) as left:
        main()
    said = [line for line in capfd.readouterr().err.splitlines() if line.startswith("error: ")]
    assert left.value.code == 2 and len(said) == 1 and "Read-only" in said[0] and str(disk) in said[0]
