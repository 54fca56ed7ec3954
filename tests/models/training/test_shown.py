"""What a training shows of itself: its log as a table and a picture, and the time that is left."""

import csv
import io
import json

import pytest
from PIL import Image
from rich.console import Console

from models.training.running import shown
from models.training.running.curve import draw_curve
from models.training.running.shown import Display, seconds_left


def test_the_log_becomes_a_table_and_a_picture_and_half_a_line_is_left_out(tmp_path):
    rows = [
        {"step": 50 * n, "elapsed_s": 10.0 * n, "images_seen": 800 * n, "figure": 20.0 + n, "learning_rate": 1e-3}
        for n in range(1, 5)
    ]
    text = "".join(json.dumps(row) + "\n" for row in rows)
    first, rest = text.split("\n", 1)  # a killed process leaves half a line; the next one writes behind it
    (tmp_path / "training.jsonl").write_text(f'{first}\n{{"step": 75, "elap{first}\n{rest}{{"step": 250, "elap')
    draw_curve(tmp_path)
    with (tmp_path / "training.csv").open() as file:
        read = [{key: float(value) for key, value in row.items()} for row in csv.DictReader(file)]
    assert read == rows
    with Image.open(tmp_path / "training.png") as picture:
        assert len(picture.convert("RGB").getcolors(1 << 20)) > 3  # axes and two curves


def test_without_a_log_nothing_is_drawn(tmp_path):
    draw_curve(tmp_path)
    assert not list(tmp_path.iterdir())


def test_time_left_is_at_the_pace_of_this_process():
    assert seconds_left(100.0, before=0.5, done=0.75) == pytest.approx(100.0)
    assert seconds_left(60.0, before=0.0, done=0.1) == pytest.approx(540.0)
    assert seconds_left(5.0, before=0.3, done=0.3) == float("inf")


def test_where_there_is_no_terminal_lines_say_where_it_is(monkeypatch):
    text = io.StringIO()
    clock = iter([100.0, 130.0, 170.0, 180.0])
    monkeypatch.setattr(shown.time, "monotonic", lambda: next(clock))
    with Display(Console(file=text, width=200), quiet=False, done=0.2) as display:
        display.show(0.21, 10, 100, 20.0)  # 30 s later: too early for a line
        display.show(0.30, 100, 1600, 25.5)
        display.show(0.31, 110, 1700, 25.6)
    assert text.getvalue() == "training: 30.0 %, update 100, 1600 images, 25.500, about 8 minutes left\n"
