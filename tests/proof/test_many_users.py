"""Eight users with pictures and words in one slot, and users with different modalities of whom one is killed."""

import csv
import json
import wave
from pathlib import Path

import numpy as np
import pytest

from tests.proof.running import Run, small_pictures

pytestmark = pytest.mark.proof

USERS, FRAMES = 8, 4
WORDS = [
    "a cat",
    "ein Hund auf einem Sofa",
    "猫がテーブルの上にいる",
    "قطة على طاولة",
    "кот на столе",
    "",
    "x" * 10_000,
    "🐈 on a mat",
]


def captions(folder: Path) -> Path:
    """For each of the small pictures one: long, empty, and in several scripts."""
    path = folder / "captions.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        lines = csv.writer(file)
        lines.writerow(["image", "caption"])
        lines.writerows((f"{number}.png", text) for number, text in enumerate(WORDS))
    return path


def sound(folder: Path, seconds: float = 0.3) -> Path:
    """Two tones, 16 kHz, one channel."""
    path = folder / "tones.wav"
    time_s = np.arange(int(16_000 * seconds)) / 16_000
    samples = 0.3 * (np.sin(2 * np.pi * 440 * time_s) + np.sin(2 * np.pi * 660 * time_s))
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 16_000, samples.size, "NONE", ""))
        file.writeframes((samples * 32_767).astype("<i2").tobytes())
    return path


def rows(out: Path) -> list[dict]:
    return [json.loads(line) for line in (out / "results.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("mode", ["pictures", "semantic"])
def test_eight_users_with_pictures_and_words_on_four_antennas(tmp_path, mode):
    pictures = small_pictures(tmp_path / "pictures")
    run = Run(
        tmp_path / "run", pictures, FRAMES, "--users", USERS, "--snr", 12, "--channel", "rayleigh", "--seed", 3,
        "--captions", captions(tmp_path), "--mode", mode, "--set", "rx_antennas=4",
    )  # fmt: skip
    code, output, errors = run.wait(1800)
    assert code == 0, errors
    summary, found = json.loads(output), rows(tmp_path / "run")
    assert summary["images_decoded"] == USERS * FRAMES == len(found)
    assert summary["bits"]["frames_lost"] == 0
    for row in found:
        said = WORDS[int(Path(row["image_id"]).stem)]
        heard = row["caption_received"]
        assert heard == row["caption"] and (heard == said or said.startswith(heard.removesuffix("…")))
        assert bool(row["generated"]) == (mode == "semantic") == (row["psnr_db"] is None)
    assert (summary["generated"] or {"sent": 0})["sent"] == (USERS * FRAMES if mode == "semantic" else 0)


def test_users_with_different_modalities_of_whom_one_is_killed(tmp_path):
    """The run ends in a sentence and is finished by the same command; what both sent is scored as theirs."""
    pictures, frames = small_pictures(tmp_path / "pictures"), 60
    options = ("--modality", "picture", "--modality", "audio", "--source", "", "--source", sound(tmp_path))
    run = Run(tmp_path / "run", pictures, frames, *options)
    try:
        assert run.until_lines(6, 900)
        run.nodes()["tx1"].kill()
        code, _, errors = run.wait(600)
    finally:
        run.process.kill()
    assert code != 0 and "--resume" in errors and "Traceback" not in errors
    again = Run(tmp_path / "run", pictures, frames, *options)
    code, output, errors = again.wait(1800)
    assert code == 0, errors
    assert json.loads(output)["complete"]
    for row in rows(tmp_path / "run"):
        assert row["modality"] == ("picture", "audio")[row["user"]] and row["score"] is not None
